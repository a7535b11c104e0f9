import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Host } from './host.js';

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Colours only where a person looks on: a terminal, unless NO_COLOR (https://no-color.org) says otherwise. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: Host['env']): Paint {
  const wanted = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const style = (open: number, close: number) => (text: string) =>
    wanted ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  };
}

/** What a command prints as its result. Waits for slow readers, so that long dumps stay out of memory. */
export class Output {
  readonly paint: Paint;

  constructor(
    private readonly stream: Writable & { readonly isTTY?: boolean },
    env: Host['env'],
    private readonly signal: AbortSignal,
  ) {
    this.paint = paintFor(stream, env);
  }

  async write(text: string): Promise<void> {
    if (this.stream.destroyed || this.stream.write(text)) return;
    await once(this.stream, 'drain', { signal: this.signal });
  }

  line(text = ''): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** A line of NDJSON. */
  row(value: unknown): Promise<void> {
    return this.write(`${JSON.stringify(value)}\n`);
  }

  json(value: unknown): Promise<void> {
    return this.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** Columns as wide as their widest cell; numbers stand right. Without a row, `none` says so. */
  async table(
    headings: readonly string[],
    rows: readonly (readonly (string | number | undefined)[])[],
    none = 'Nothing.',
  ): Promise<void> {
    if (rows.length === 0) return this.line(this.paint.dim(none));
    const cells = rows.map((row) => row.map((cell) => printable(cell === undefined ? '-' : String(cell))));
    const widths = headings.map((heading, column) =>
      Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
    );
    const right = headings.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
    const lineOf = (row: readonly string[]) =>
      row
        .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd();
    await this.line(this.paint.dim(lineOf(headings)));
    for (const row of cells) await this.line(lineOf(row));
  }
}

/** Text of documents and file names without what would steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd').replaceAll(/[\t\n]/g, ' ');
}

/** One line of at most `length` characters. */
export function excerpt(text: string, length: number): string {
  const folded = printable(text.replaceAll(/\s+/g, ' ').trim());
  return folded.length <= length ? folded : `${folded.slice(0, length - 1).trimEnd()}…`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1024;
    unit += 1;
  } while (value >= 1024 && unit < units.length - 1);
  return `${value.toFixed(1)} ${units[unit]!}`;
}

export const NO_COLLECTIONS = 'No collections yet. Make one: footnote ingest FOLDER --collection NAME';

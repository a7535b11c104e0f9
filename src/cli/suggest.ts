import { z } from 'zod';
import { ConfigSchema } from '../core/config.js';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

let root: Schema | undefined;

/** The settings that there are at a path of the configuration; none where anything goes. */
function settingsAt(path: readonly PropertyKey[]): string[] {
  root ??= z.toJSONSchema(ConfigSchema, { io: 'input' }) as Schema;
  let at: Schema | undefined = root;
  for (const step of path) {
    at = resolved(at);
    at = typeof step === 'number' || /^\d+$/.test(String(step)) ? at?.items : at?.properties?.[String(step)];
  }
  return Object.keys(resolved(at)?.properties ?? {});
}

/** What to say of a field that there is not. */
export function unknownSetting(path: readonly PropertyKey[]): string {
  const known = settingsAt(path.slice(0, -1));
  const meant = closest(String(path.at(-1)), known);
  if (meant !== undefined) return `is not a known setting: did you mean ${meant}?`;
  return `is not a known setting${known.length === 0 ? '' : `; there are ${known.join(', ')}`}`;
}

function resolved(schema: Schema | undefined): Schema | undefined {
  const name = schema?.$ref?.split('/').at(-1);
  return name === undefined ? schema : root?.$defs?.[name];
}

/** What was probably meant: within two changes of a letter. */
function closest(word: string, among: readonly string[]): string | undefined {
  const near = among
    .map((each) => ({ each, far: distance(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ far, each }) => far <= Math.min(2, Math.ceil(each.length / 3)));
  return near.sort((a, b) => a.far - b.far)[0]?.each;
}

/** Damerau-Levenshtein, optimal string alignment. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

import { FootnoteError } from '../../src/core/errors.js';
import type { PostgresConfig } from './config.js';
import { templateOf } from './config.js';
import type { Session } from './session.js';
import { describeRows } from './sql.js';
import { columnsOf } from './template.js';

/** How values of the incremental column are compared with the clock and moved back by the overlap. */
export type Growth = 'instant' | 'local' | 'date' | 'integer' | 'decimal' | 'float' | 'other';

/** pg_type.oid of the types that are dealt with by themselves. */
const GROWTH: Readonly<Record<number, Growth>> = {
  1184: 'instant',
  1114: 'local',
  1082: 'date',
  20: 'integer',
  21: 'integer',
  23: 'integer',
  1700: 'decimal',
  700: 'float',
  701: 'float',
};
/** The least value of each size of whole numbers. */
const LEAST: Readonly<Record<number, string>> = { 20: '-9223372036854775808', 21: '-32768', 23: '-2147483648' };
const BYTEA = 17;
const TIMES: ReadonlySet<Growth | undefined> = new Set<Growth>(['instant', 'local', 'date']);
const DEFAULT_OVERLAP = 300;

/** What the rows look like: which columns are needed, and of which types. */
export interface Shape {
  /** Columns that hold the document. */
  readonly contents: readonly string[];
  readonly binary: boolean;
  /** Columns of title, URI, type and name. */
  readonly labels: readonly string[];
  readonly observedAt: string | undefined;
  readonly incremental: Incremental | undefined;
}

export interface Incremental {
  readonly column: string;
  readonly type: number;
  readonly growth: Growth;
  /** Seconds or plain numbers. */
  readonly overlap: number;
  readonly least: string | undefined;
}

/**
 * Asks the server for the columns and their types, and checks the options against them.
 * @throws FootnoteError not_found, forbidden, invalid_config
 */
export async function shapeOf(config: PostgresConfig, session: Session): Promise<Shape> {
  const { text, template, content, title, uri, mime, name, incremental } = config;
  const contents = [...new Set(content === undefined ? (text ?? columnsOf(templateOf(template))) : [content])];
  const labels = [...new Set([title, uri, mime, name].flatMap((label) => columnsOf(templateOf(label))))];
  const named = [config.permissions, config.observedAt, incremental].filter((column) => column !== undefined);
  const columns = [...new Set([...config.key, ...contents, ...labels, ...config.metadata, ...named])];
  const { types } = await session.ask(describeRows(config, columns));
  const typeOf = (column: string): number => types.get(column) ?? 0;
  if (content !== undefined && typeOf(content) !== BYTEA) {
    throw misfit('content', content, 'is not of type bytea: name it in `text`');
  }
  const bytes = content === undefined ? contents.find((column) => typeOf(column) === BYTEA) : undefined;
  if (bytes !== undefined) throw misfit('text', bytes, 'is of type bytea: name it in `content`');
  const growth = incremental === undefined ? undefined : (GROWTH[typeOf(incremental)] ?? 'other');
  if (config.overlap !== undefined && growth === 'other') {
    throw misfit('overlap', incremental!, 'is neither a time nor a number: leave `overlap` off');
  }
  if (config.observedAt !== undefined && !TIMES.has(GROWTH[typeOf(config.observedAt)])) {
    throw misfit('observedAt', config.observedAt, 'is not a date or a timestamp');
  }
  return {
    contents,
    binary: content !== undefined,
    labels,
    observedAt: config.observedAt ?? (TIMES.has(growth) ? incremental : undefined),
    incremental:
      incremental === undefined || growth === undefined
        ? undefined
        : {
            column: incremental,
            type: typeOf(incremental),
            growth,
            overlap: config.overlap ?? DEFAULT_OVERLAP,
            least: LEAST[typeOf(incremental)],
          },
  };
}

function misfit(option: string, column: string, what: string): FootnoteError {
  return new FootnoteError('invalid_config', `${option}: the column ${column} ${what}.`);
}

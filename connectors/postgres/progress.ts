import { z } from 'zod';
import type { Json } from '../../src/core/json.js';

/**
 * Why a value that was read is no place to go on from. A transaction takes its value when it writes (a number from a
 * sequence) or when it begins (`now()`), and its rows are seen when it commits: so rows of lower values may appear after
 * higher ones were read. Two things are done about it.
 *
 * - The horizon. With the highest value goes the first number that no transaction had taken yet. Only when a later
 *   snapshot shows that all transactions below that number have ended, and this read began at the older place once more,
 *   the value becomes the place to go on from: what appears from then on was written by transactions that came after it. A
 *   long transaction anywhere on the server holds the place where it is; more rows are looked at meanwhile, none is missed.
 * - The overlap. What the horizon does not see is the time between taking the value and the first write, by which the
 *   transaction gets its number: `begin`, a pause, then `insert … now()`. So every read begins that much before the place.
 *   A standby does not know who runs on its primary: there, the overlap has to be as long as the longest transaction.
 *
 * Rows that come even later, or whose value was set by hand, are found by the next listing of all keys, as deleted ones are.
 */
export interface Progress {
  /** Where reads begin (the overlap before it); null: no value is settled yet, and everything is read. */
  readonly low: Mark | null;
  /** Becomes `low` when all transactions below `xid` have ended. */
  readonly next: { readonly mark: Mark; readonly xid: string };
}

export interface Mark {
  readonly value: string;
  /**
   * The value was older than the overlap by the server's clock: no row of it, or of a lower one, comes any more. So a
   * table whose rows all carry one time (a migration's) is not read again and again while nobody writes to it.
   */
  readonly quiet: boolean;
}

/** One snapshot of the source. */
export interface Moment {
  /** All transactions below have ended. */
  readonly xmin: bigint;
  /** Above all that were running or had ended. */
  readonly next: bigint;
  /** Null: there is no row with a value. */
  readonly high: Mark | null;
}

/** @returns undefined: there is no value to go on from, as in an empty table */
export function settle(before: Progress | undefined, { xmin, next: xid, high }: Moment): Progress | undefined {
  if (!high) return undefined;
  const next = { mark: high, xid: String(xid) };
  // Nobody was writing: everything that was written could be read.
  if (xmin >= xid) return { low: high, next };
  if (!before) return { low: null, next };
  return xmin >= BigInt(before.next.xid) ? { low: before.next.mark, next } : before;
}

const MarkSchema = z.strictObject({ value: z.string(), quiet: z.boolean() });
const CursorSchema = z.strictObject({
  /** Of what is read, and how: a cursor of other options is of no use. */
  rules: z.string(),
  progress: z
    .strictObject({
      low: MarkSchema.nullable(),
      next: z.strictObject({ mark: MarkSchema, xid: z.string().regex(/^\d{1,20}$/) }),
    })
    .optional(),
  /** When all keys were listed last: milliseconds since 1970. */
  fullAt: z.number(),
});

export interface Cursor {
  readonly rules: string;
  readonly progress?: Progress | undefined;
  readonly fullAt: number;
}

export function cursorOf(from: Json | undefined, rules: string): Cursor | undefined {
  const { data } = CursorSchema.safeParse(from);
  return data?.rules === rules ? data : undefined;
}

/** As JSON. */
export function cursorJson({ rules, progress, fullAt }: Cursor): Json {
  if (!progress) return { rules, fullAt };
  const mark = ({ value, quiet }: Mark) => ({ value, quiet });
  const { low, next } = progress;
  return { rules, fullAt, progress: { low: low && mark(low), next: { mark: mark(next.mark), xid: next.xid } } };
}

import { FootnoteError } from './errors.js';

/** Something stored that carries the number of its format, and which of them this software reads. */
export interface StoredShape {
  /** As a sentence begins, with its place where it has one: `The log /data/log.db`. */
  readonly what: string;
  /** What this software writes. */
  readonly newest: number;
  /** Default 1. */
  readonly oldest?: number;
  /** What can be done with a newer one besides upgrading: `or restore a backup made by this version`. */
  readonly orElse?: string;
  /** What can be done when it carries no number that can be read. */
  readonly mend?: string;
}

/**
 * The one check that every stored shape goes through before anything else of it is read.
 * @param found as it was stored: a whole number from 1, or its decimal text
 * @returns the format, for whoever has to migrate from it
 * @throws FootnoteError data_newer; data_corrupt when it is no number, or older than what is read
 */
export function readFormat(found: unknown, shape: StoredShape): number {
  const { what, newest, oldest = 1, orElse, mend = 'restore it from a backup' } = shape;
  const format = typeof found === 'string' && /^\d{1,9}$/.test(found) ? Number(found) : found;
  if (typeof format !== 'number' || !Number.isSafeInteger(format) || format < 1) {
    throw new FootnoteError('data_corrupt', `${what} carries no readable format: ${mend}.`);
  }
  if (format > newest) {
    const advice = `upgrade Footnote${orElse === undefined ? '' : `, ${orElse}`}`;
    throw new FootnoteError(
      'data_newer',
      `${what} has format ${format}; this software reads up to ${newest}: ${advice}.`,
      { details: { format, newest } },
    );
  }
  if (format < oldest) {
    throw new FootnoteError(
      'data_corrupt',
      `${what} has format ${format}, older than what this software reads (${oldest}): start the version before this one on it first.`,
    );
  }
  return format;
}

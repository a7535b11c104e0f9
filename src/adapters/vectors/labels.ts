import { createHash } from 'node:crypto';
import { FILTER_LIMITS, type FilterValue } from '../../core/filter.js';
import type { Json, JsonObject } from '../../core/json.js';

/**
 * Metadata as a list of labels that a LABEL_LIST index can answer for: what is at which path.
 *
 *     e|l|path=           there is a value     v|l|path=type:value   a scalar equal to this
 *     s|l|path=           it is a string       c|l|path=type:value   an array that has this scalar
 *     n|l|path=prefix     a number whose order-preserving bits begin so (for ranges, as in Lucene's NumericRangeQuery)
 *
 * l is the path's length.
 * Labels of more than MAX_LABEL bytes are hashed. A point with more than MAX_LABELS has the first ones and OVERFLOW, so
 * that a filter that looks for labels can let it through.
 */
export const OVERFLOW = '*';

const MAX_LABEL = 80;
const MAX_LABELS = 2048;
/** Hexadecimal digits of a number's 16 that make labels: ranges are exact to 28 bits of the mantissa, then a superset. */
const NUMBER_DIGITS = 10;

function label(text: string): string {
  if (Buffer.byteLength(text) <= MAX_LABEL) return text;
  return `#${createHash('sha256').update(text).digest('base64url').slice(0, 32)}`;
}

const typed = (value: FilterValue) =>
  typeof value === 'string' ? `s:${value}` : typeof value === 'number' ? `n:${value === 0 ? 0 : value}` : `b:${value}`;

// A path may hold any character, so its length goes before it.
const at = (kind: string, path: string, rest: string) => label(`${kind}|${path.length}|${path}=${rest}`);

export const existsLabel = (path: string) => at('e', path, '');
export const stringLabel = (path: string) => at('s', path, '');
export const valueLabel = (path: string, value: FilterValue) => at('v', path, typed(value));
export const elementLabel = (path: string, value: FilterValue) => at('c', path, typed(value));
export const numberLabel = (path: string, prefix: string) => at('n', path, prefix);

/** A double as 16 hexadecimal digits in numeric order: positive numbers get the sign bit, negative ones all bits flipped. */
export function sortableDigits(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigUint64(0);
  const ordered = bits >> 63n === 1n ? ~bits & 0xffff_ffff_ffff_ffffn : bits | (1n << 63n);
  return ordered.toString(16).padStart(16, '0');
}

/** All labels of a document's metadata; each once. */
export function labelsOf(metadata: JsonObject): string[] {
  const labels = new Set<string>();
  walk(metadata, '', 1, labels);
  if (labels.size <= MAX_LABELS) return [...labels];
  return [OVERFLOW, ...[...labels].slice(0, MAX_LABELS)];
}

function walk(object: JsonObject, parent: string, depth: number, labels: Set<string>): void {
  for (const [name, value] of Object.entries(object)) {
    // Out of any filter's reach: see `matches`.
    if (value === null || value === undefined || name === '' || name.includes('.')) continue;
    if (labels.size > MAX_LABELS) return;
    const path = parent === '' ? name : `${parent}.${name}`;
    labels.add(existsLabel(path));
    if (Array.isArray(value)) {
      for (const element of value as readonly Json[]) {
        if (labels.size > MAX_LABELS) return;
        if (isScalar(element)) labels.add(elementLabel(path, element));
      }
    } else if (isScalar(value)) {
      labels.add(valueLabel(path, value));
      if (typeof value === 'string') labels.add(stringLabel(path));
      if (typeof value === 'number') {
        const digits = sortableDigits(value);
        for (let i = 1; i <= NUMBER_DIGITS; i++) labels.add(numberLabel(path, digits.slice(0, i)));
      }
    } else if (depth < FILTER_LIMITS.pathSegments) walk(value as JsonObject, path, depth + 1, labels);
  }
}

function isScalar(value: Json): value is FilterValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * Prefixes whose numbers are all inside a range, and the two on its edges that may be partly inside (digits beyond
 * NUMBER_DIGITS are unknown). At most 2 x 15 x (NUMBER_DIGITS - 1) + 2 prefixes.
 */
export function rangePrefixes(low: number, high: number): { inside: string[]; edges: string[] } {
  const from = sortableDigits(low).slice(0, NUMBER_DIGITS);
  const to = sortableDigits(high).slice(0, NUMBER_DIGITS);
  if (from > to) return { inside: [], edges: [] };
  if (from === to) return { inside: [], edges: [from] };
  const inside: string[] = [];
  let common = 0;
  while (from[common] === to[common]) common += 1;
  const digit = (d: number) => d.toString(16);
  const value = (text: string, i: number) => Number.parseInt(text[i] ?? '0', 16);
  for (let d = value(from, common) + 1; d < value(to, common); d++) inside.push(from.slice(0, common) + digit(d));
  for (let i = common + 1; i < NUMBER_DIGITS; i++) {
    for (let d = value(from, i) + 1; d < 16; d++) inside.push(from.slice(0, i) + digit(d));
    for (let d = 0; d < value(to, i); d++) inside.push(to.slice(0, i) + digit(d));
  }
  return { inside, edges: [from, to] };
}

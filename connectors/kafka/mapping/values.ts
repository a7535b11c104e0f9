import { BadRecord, wrong } from './bad-record.js';
import { at, pointer } from './pointer.js';

/** What PostgreSQL's connector writes for a large column that an update left alone. */
const UNCHANGED = '__debezium_unavailable_value';

/** Text, number or truth value as text; undefined where there is nothing. @throws BadRecord for anything else */
export function textAt(value: unknown, path: string): string | undefined {
  const found = at(value, pointer(path));
  if (found === undefined || found === null) return undefined;
  return scalar(found, path);
}

/** @throws BadRecord when there is nothing */
export function requiredAt(value: unknown, path: string): string {
  return textAt(value, path) ?? wrong(`There is nothing at ${path}.`);
}

/** @throws BadRecord for what is no text, number or truth value, or would not be exact */
export function scalar(found: unknown, path: string): string {
  if (typeof found === 'string') {
    if (found === UNCHANGED) {
      wrong(`${path} was left out by the database: set REPLICA IDENTITY FULL on the table, so that it comes along.`);
    }
    if (!found.isWellFormed()) throw new BadRecord('invalid_encoding', `${path} holds half of a surrogate pair.`);
    return found;
  }
  if (typeof found === 'boolean') return String(found);
  if (typeof found !== 'number') wrong(`${path} is not a text.`);
  // JSON.parse has rounded it: two keys could be one.
  if (Number.isInteger(found) && !Number.isSafeInteger(found)) {
    wrong(`${path} is a number of more than 53 bits: have it written as a string.`);
  }
  return String(found);
}

const PLACE = /\{\{\s*(\/[^{}]*?)\s*\}\}/g;

/** The pointers between double braces. */
export function placesOf(template: string): string[] {
  return [...template.matchAll(PLACE)].map(([, path]) => path!);
}

/** Fills `{{/name}}`; null is empty, objects and lists stand as JSON. @throws BadRecord for a name that is not there */
export function fill(template: string, value: unknown): string {
  return template.replaceAll(PLACE, (_, path: string) => {
    const found = at(value, pointer(path));
    if (found === undefined) wrong(`There is nothing at ${path}.`);
    if (found === null) return '';
    return typeof found === 'object' ? JSON.stringify(found) : scalar(found, path);
  });
}

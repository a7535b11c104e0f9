import type { z } from 'zod';
import { FootnoteError } from '../core/errors.js';
import type { FieldProblem } from './problems.js';

/** Most fields of a request that are wrong are told, not all. */
const MAX_PROBLEMS = 20;
/** Nesting of JSON that is accepted. */
const MAX_DEPTH = 64;

/** A path as people write it: `filter.and[0].eq`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}

/** @throws FootnoteError invalid_request (invalid_filter when only the filter is wrong) that names each field's path */
export function check<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => flatten(issue, [])).slice(0, MAX_PROBLEMS);
  throw refusal(problems, where);
}

function refusal(problems: readonly FieldProblem[], where: string): FootnoteError {
  const filter = problems.every(({ path }) => path === 'filter' || /^filter[.[]/.test(path));
  const told = problems.slice(0, 3).map(({ path, message }) => (path ? `${path}: ${message}` : message));
  const more = problems.length > told.length ? ` (and ${problems.length - told.length} more)` : '';
  return new FootnoteError(filter ? 'invalid_filter' : 'invalid_request', `In ${where}: ${told.join('; ')}${more}.`, {
    details: { problems },
  });
}

type Issue = z.core.$ZodIssue;

function flatten(issue: Issue, base: readonly PropertyKey[]): FieldProblem[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathText([...path, key]), message: 'is not a known field' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The alternative that got furthest is the one that was meant.
    const best = issue.errors
      .map((issues) => issues.flatMap((inner) => flatten(inner, path)))
      .sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0]!;
    if (best.length > 0) return best;
  }
  return [{ path: pathText(path), message: lowerFirst(issue.message) }];
}

function depth(problems: readonly FieldProblem[]): number {
  return Math.max(0, ...problems.map(({ path }) => path.split(/[.[]/).length));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/**
 * Reads JSON strictly: UTF-8 without errors, one value, bounded nesting, and no string (or name) with half of a surrogate
 * pair, which no store or other program could take. @throws FootnoteError invalid_request that names the path
 */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FootnoteError('invalid_request', `${upperFirst(where)} is not valid UTF-8.`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FootnoteError('invalid_request', `${upperFirst(where)} is not valid JSON${position(cause)}.`, { cause });
  }
  checkStrings(value, where);
  return value;
}

/** Where the syntax is wrong, without quoting the body. */
function position(cause: unknown): string {
  const at = /at position (\d+)/.exec(cause instanceof Error ? cause.message : '');
  return at ? ` (at character ${at[1]})` : '';
}

function checkStrings(root: unknown, where: string): void {
  const todo: { value: unknown; path: readonly PropertyKey[] }[] = [{ value: root, path: [] }];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { value, path } = next;
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw refusal([surrogate(path)], where);
      continue;
    }
    if (typeof value !== 'object' || value === null) continue;
    if (path.length >= MAX_DEPTH) {
      throw refusal([{ path: pathText(path), message: `is nested deeper than ${MAX_DEPTH} levels` }], where);
    }
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        if (typeof item === 'string' || (typeof item === 'object' && item !== null)) {
          todo.push({ value: item, path: [...path, index] });
        }
      });
    } else {
      for (const [name, item] of Object.entries(value)) {
        if (!name.isWellFormed()) throw refusal([surrogate([...path, name.toWellFormed()])], where);
        todo.push({ value: item, path: [...path, name] });
      }
    }
  }
}

function surrogate(path: readonly PropertyKey[]): FieldProblem {
  return { path: pathText(path), message: 'holds half of a surrogate pair' };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { z } from 'zod';

const MAX_LENGTH = 512;

/** A JSON Pointer (RFC 6901), its tokens unescaped. */
export type Pointer = readonly string[];

export const PointerSchema = z
  .string()
  .max(MAX_LENGTH)
  .regex(/^(\/([^~/]|~[01])*)+$/, 'must be a JSON Pointer: /name or /name/inner');

export function pointer(text: string): Pointer {
  return text
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What stands there; undefined when nothing does. */
export function at(value: unknown, tokens: Pointer): unknown {
  let found = value;
  for (const token of tokens) {
    if (typeof found !== 'object' || found === null) return undefined;
    if (Array.isArray(found) && !/^(0|[1-9]\d{0,9})$/.test(token)) return undefined;
    if (!Object.hasOwn(found, token)) return undefined;
    found = (found as Record<string, unknown>)[token];
  }
  return found;
}

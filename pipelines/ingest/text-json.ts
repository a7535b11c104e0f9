import type { ParsedDocument } from '../../src/core/document.js';
import { PARSED_VERSION } from '../../src/core/parsed-codec.js';
import { breathe } from '../../src/runtime/breathe.js';

/** Entries of a list written in one turn of the event loop. */
const ENTRIES = 1000;

/**
 * The stored form of a normalized text: what `JSON.stringify` gives, its format first, made in slices: a book has tens of
 * thousands of lines with a place each.
 */
export async function parsedJson(parsed: ParsedDocument): Promise<Buffer> {
  const parts: string[] = [`{"v":${PARSED_VERSION}`];
  for (const [name, value] of Object.entries(parsed) as [string, unknown][]) {
    if (value === undefined) continue;
    parts.push(`,${JSON.stringify(name)}:`);
    if (!Array.isArray(value) || value.length <= ENTRIES) {
      parts.push(JSON.stringify(value));
      continue;
    }
    for (let from = 0; from < value.length; from += ENTRIES) {
      const slice = JSON.stringify(value.slice(from, from + ENTRIES));
      parts.push(`${from === 0 ? '[' : ','}${slice.slice(1, -1)}`);
      await breathe();
    }
    parts.push(']');
  }
  parts.push('}');
  return Buffer.from(parts.join(''));
}

import { describe, expect, it } from 'vitest';
import type { ParsedDocument } from '../../src/core/document.js';
import { decodeParsed } from '../../src/core/parsed-codec.js';
import { parsedJson } from './text-json.js';

describe('the JSON of a parsed document', () => {
  it.each([0, 1, 1000, 1001, 2500])(
    'is what JSON.stringify gives behind its format, and is read back, with %i blocks',
    async (count) => {
      const parsed: ParsedDocument = {
        text: '👍 "quoted"\n',
        blocks: Array.from({ length: count }, (_, start) => ({ kind: 'paragraph', span: { start, end: start + 1 } })),
        images: [],
        regions: Array.from({ length: count }, (_, start) => ({
          span: { start, end: start + 1 },
          page: 1,
          box: { x0: 0, y0: 0.5, x1: 1, y1: 2 },
        })),
        warnings: [],
        mime: 'text/plain',
        parser: 'text@1',
      };
      const stored = await parsedJson(parsed);
      expect(stored.toString()).toBe(JSON.stringify({ v: 1, ...parsed }));
      expect(decodeParsed(stored)).toEqual(parsed);
      expect(decodeParsed(Buffer.from(JSON.stringify(parsed)))).toEqual(parsed);
    },
  );
});

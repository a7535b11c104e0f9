import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parsing } from '../../src/core/ports/processing.js';
import { violations } from '../../src/stages/parse/check.js';

export interface ParsingLimits {
  readonly deadlineMs: number;
  readonly memoryBytes: number;
  readonly maxBytes: number;
  readonly outputBytes: number;
}

const GENEROUS: ParsingLimits = {
  deadlineMs: 60_000,
  memoryBytes: 2 ** 30,
  maxBytes: 100 * 2 ** 20,
  outputBytes: 64 * 2 ** 20,
};

const bytes = (text: string) => ({ bytes: new Uint8Array(Buffer.from(text)) });

/** What every implementation of `Parsing` owes. `make` gets the limits that the test needs; `file` writes bytes to a path. */
export function describeParsingContract(
  name: string,
  make: (limits: ParsingLimits) => Parsing,
  file: (bytes: number) => Promise<string>,
): void {
  describe(`Parsing: ${name}`, () => {
    let parsing: Parsing;
    beforeAll(() => {
      parsing = make(GENEROUS);
    });
    afterAll(() => parsing.close());

    const withLimits = async (limits: Partial<ParsingLimits>, use: (parsing: Parsing) => Promise<void>) => {
      const tight = make({ ...GENEROUS, ...limits });
      try {
        await use(tight);
      } finally {
        await tight.close();
      }
    };

    it('identifies by content and names the parser', async () => {
      const identified = await parsing.identify(bytes('<!doctype html><p>x'), { name: 'a.txt' });
      expect(identified).toMatchObject({ mime: 'text/html', parser: expect.stringMatching(/^html@\d+$/) as string });
      const parsed = await parsing.parse(bytes('<!doctype html><p>x'), { name: 'a.txt' });
      expect(parsed).toMatchObject(identified);
    });

    it('parses bytes and files, small and large, to the same document', async () => {
      const source = `# Title\n\n${'Words and 😀 more.\n\n'.repeat(14_000)}`;
      const parsed = await parsing.parse(bytes(source), { name: 'a.md' });
      expect(parsed.text).toBe(source);
      expect(parsed.blocks).toHaveLength(14_001);
      expect(violations(parsed)).toEqual([]);
      expect(await parsing.parse(bytes(source), { name: 'a.md' })).toEqual(parsed);
    });

    it('reads an empty document', async () => {
      const parsed = await parsing.parse(bytes(''), { name: 'a.md' });
      expect(parsed).toMatchObject({ text: '', blocks: [] });
      expect(parsed.warnings.map((warning) => warning.code)).toEqual(['empty_document']);
    });

    it.each([
      ['unknown_type', new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]), 'a.bin'],
      [
        'unsupported_media_type',
        Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex'),
        'a.png',
      ],
    ])('refuses with %s in both', async (code, content, as) => {
      await expect(parsing.identify({ bytes: content }, { name: as })).rejects.toMatchObject({ code });
      await expect(parsing.parse({ bytes: content }, { name: as })).rejects.toMatchObject({ code });
    });

    it('says that a document is damaged', async () => {
      await expect(parsing.parse(bytes('%PDF-1.7\nnothing'), {})).rejects.toMatchObject({
        code: 'corrupt_document',
        permanence: 'permanent',
      });
    });

    it('refuses what is too large before it is read', async () => {
      const path = await file(300 * 2 ** 20);
      await expect(parsing.identify({ path }, { name: 'a.txt' })).rejects.toMatchObject({ code: 'document_too_large' });
      await expect(parsing.parse({ path }, { name: 'a.txt' })).rejects.toMatchObject({ code: 'document_too_large' });
    });

    it('ends a parse at its deadline and goes on', async () => {
      await withLimits({ deadlineMs: 1500 }, async (tight) => {
        // Some seconds of work for any parser: hundreds of thousands of list items.
        const slow = bytes('- *a* **b** [c](d)\n'.repeat(400_000));
        await expect(tight.parse(slow, { name: 'a.md' })).rejects.toMatchObject({ code: 'parse_timeout' });
        expect((await tight.parse(bytes('# a'), { name: 'a.md' })).title).toBe('a');
      });
    });

    it('ends a parse that takes too much memory and goes on', async () => {
      await withLimits({ memoryBytes: 256 * 2 ** 20 }, async (tight) => {
        const hungry = bytes('- *a* **b** [c](d)\n'.repeat(400_000));
        await expect(tight.parse(hungry, { name: 'a.md' })).rejects.toMatchObject({ code: 'parse_memory' });
        expect((await tight.parse(bytes('# a'), { name: 'a.md' })).title).toBe('a');
      });
    });

    it('refuses a result that is too large and goes on', async () => {
      await withLimits({ outputBytes: 100_000 }, async (tight) => {
        await expect(tight.parse(bytes('word '.repeat(50_000)), { name: 'a.txt' })).rejects.toMatchObject({
          code: 'parse_output',
        });
        expect((await tight.parse(bytes('word'), { name: 'a.txt' })).text).toBe('word');
      });
    });

    it('stops when it is told to', async () => {
      const stop = new AbortController();
      const parse = parsing.parse(bytes('- a\n'.repeat(300_000)), { name: 'a.md' }, stop.signal);
      stop.abort();
      await expect(parse).rejects.toMatchObject({ code: 'cancelled' });
      expect((await parsing.parse(bytes('# a'), { name: 'a.md' })).title).toBe('a');
    });
  });
}

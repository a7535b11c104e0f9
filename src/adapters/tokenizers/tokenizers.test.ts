import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { encode as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { encode as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import o200kRanks from 'gpt-tokenizer/bpeRanks/o200k_base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyTokenizer } from '../../../test/support/tiny-model.js';
import { BytePairCounter } from './byte-pairs.js';
import { TokenCounters, createTokenCounters } from './index.js';

const AS_TEXT = { disallowedSpecial: new Set<string>() };
const REFERENCES = {
  o200k_base: (text: string) => o200k(text, AS_TEXT).length,
  cl100k_base: (text: string) => cl100k(text, AS_TEXT).length,
};

const pieces = fc.constantFrom(
  'the ',
  'Größe',
  ' naïve',
  '東京',
  '😀',
  '\n\n',
  '  ',
  "'re",
  '123456',
  '!?',
  '/',
  '<|endoftext|>',
  '\ud800',
  'e\u0301',
  'WORLD',
);
const texts = fc
  .array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 40 })
  .map((all) => all.join(''));

describe('token counters of language models', () => {
  const get = createTokenCounters();

  for (const name of ['o200k_base', 'cl100k_base'] as const) {
    it(`${name} counts what encoding gives`, async () => {
      const counter = await get(name);
      expect(counter.name).toBe(name);
      fc.assert(
        fc.property(texts, (text) => counter.count(text) === REFERENCES[name](text)),
        { numRuns: 500 },
      );
    });

    it(`${name} counts long runs exactly, too`, async () => {
      const counter = await get(name);
      const runs = ['a', 'Ab', '  ', '!', 'é', '漢', '\r\n/', '😀', "'s", '\ud800', ' \n', 'x '];
      const mixed = fc.tuple(texts, fc.constantFrom(...runs), fc.integer({ min: 150, max: 900 }), texts);
      fc.assert(
        fc.property(mixed, ([before, run, times, after]) => {
          const text = before + run.repeat(times) + after;
          return counter.count(text) === REFERENCES[name](text);
        }),
        { numRuns: 60 },
      );
    });

    it(`${name} ends on hostile texts: a quarter of a megabyte without a break`, async () => {
      const counter = await get(name);
      expect(counter.count('a'.repeat(1 << 18))).toBe((1 << 18) / 8);
      expect(counter.count('')).toBe(0);
    });
  }

  it('takes special tokens in a document as plain text', async () => {
    const counter = await get('o200k_base');
    expect(counter.count('<|endoftext|>')).toBeGreaterThan(3);
  });

  it('names what there is when asked for something else', async () => {
    for (const name of ['gpt-9', '', 'toString', './tokenizer.json', '/etc/passwd']) {
      await expect(get(name)).rejects.toMatchObject({ code: 'tokenizer_unknown' });
    }
    await expect(get('gpt-9')).rejects.toThrow('o200k_base, cl100k_base');
  });

  describe('tokenizer.json files', () => {
    let folder: string;
    let file: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'footnote-tokenizers-'));
      file = join(folder, 'tokenizer.json');
      await writeFile(file, JSON.stringify(tinyTokenizer()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('are counted by name or, where that is allowed, by path; never cut by their own truncation', async () => {
      const counters = new TokenCounters({ files: { tiny: file }, paths: true });
      expect(counters.names).toEqual(['o200k_base', 'cl100k_base', 'tiny']);
      for (const name of ['tiny', file]) {
        const counter = await counters.get(name);
        expect(counter.name).toBe(name);
        expect(counter.count('the cats sat !!')).toBe(6);
      }
    });

    it('say why they cannot be used', async () => {
      const broken = join(folder, 'broken.json');
      await writeFile(broken, '{"model":');
      const counters = new TokenCounters({ paths: true });
      await expect(counters.get(broken)).rejects.toMatchObject({ code: 'tokenizer_unknown' });
      await expect(counters.get(join(folder, 'absent.json'))).rejects.toThrow('cannot be read');
      await writeFile(broken, JSON.stringify(tinyTokenizer()));
      expect((await counters.get(broken)).count('cat')).toBe(1);
    });
  });
});

describe('BytePairCounter', () => {
  it('counts any single piece as the library does', () => {
    const counter = new BytePairCounter(o200kRanks);
    const letters = fc.string({ unit: fc.constantFrom(...'aeinrstlo'), minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(letters, (piece) => counter.count(piece) === o200k(piece).length),
      { numRuns: 1000 },
    );
  });
});

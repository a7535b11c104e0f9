import { readFile } from 'node:fs/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { userModelStore } from '../../../test/support/model-store.js';
import { tinyTokenizer } from '../../../test/support/tiny-model.js';
import { openTokenizer, tokenizerFromJson, type ModelTokenizer } from './tokenizer.js';

/** The library by itself, over the whole text at once. */
interface Library {
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: number[] };
}
const libraryOf = (description: object): Library =>
  new (Tokenizer as unknown as new (tokenizer: object, config: object) => Library)(description, {});

const pieces = fc.constantFrom(
  ' ', '\n', '\t', '\r\n', '\u00a0', '\u2028', '\u0085', '\u000b', '\ufeff', '\u00ad', 'ΑΣ', 'Σ', 'İ', 'ﬁ', 'e\u0301', '\u0301',
  '東京', '\u{20000}', '😀', '[SEP]', '[CLS', 'don’t', "it's", '##ing', '\ud800', '\udc00', 'unbelievably', 'ÄÖ', 'x'.repeat(101), '...', '\u0000',
); // prettier-ignore
const texts = fc
  .array(fc.oneof(pieces, pieces, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 40 })
  .map((all) => all.join(''));

describe('the default model’s tokenizer', () => {
  let tokenizer: ModelTokenizer;
  let library: Library;
  beforeAll(async () => {
    const { paths } = await userModelStore().resolve('all-MiniLM-L6-v2');
    tokenizer = await openTokenizer({ kind: 'file', path: paths.tokenizer });
    library = libraryOf(JSON.parse(await readFile(paths.tokenizer, 'utf8')) as object);
  });

  it('encodes and counts exactly as the library does over the whole text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(tokenizer.encode(text)).toEqual(library.encode(text).ids);
        expect(tokenizer.count(text)).toBe(library.encode(text, { add_special_tokens: false }).ids.length);
      }),
      { numRuns: 1500 },
    );
  });

  it('adds up at spaces', () => {
    expect(tokenizer.additive).toBe(true);
    fc.assert(
      fc.property(texts, texts, (a, b) => tokenizer.count(`${a} ${b}`) === tokenizer.count(a) + tokenizer.count(b)),
      { numRuns: 500 },
    );
  });

  it('neither cuts nor pads, whatever tokenizer.json says', () => {
    expect(tokenizer.encode('hello')).toEqual([101, 7592, 102]);
    expect(tokenizer.encode('word '.repeat(1000))).toHaveLength(1002);
    expect([tokenizer.before, tokenizer.after, tokenizer.specialTokens]).toEqual([[101], [102], 2]);
  });

  it('ends on hostile texts', () => {
    expect(tokenizer.count('a'.repeat(2 << 20))).toBe(1);
    expect(tokenizer.count('!'.repeat(1 << 17))).toBe(1 << 17);
    expect(tokenizer.count(' '.repeat(2 << 20))).toBe(0);
  });
});

describe('other tokenizers', () => {
  it('of byte pairs are read too, and not taken apart at spaces', () => {
    const vocab = { a: 0, b: 1, ab: 2, '\u0120': 3, '\u0120ab': 4, '<s>': 5 };
    const tokenizer = tokenizerFromJson(
      JSON.stringify({
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        post_processor: null,
        decoder: { type: 'ByteLevel' },
        model: { type: 'BPE', vocab, merges: ['a b', '\u0120 ab'], unk_token: null },
      }),
      'made here',
    );
    expect(tokenizer.additive).toBe(false);
    expect(tokenizer.specialTokens).toBe(0);
    expect(tokenizer.encode('ab ab')).toEqual([2, 4]);
    expect(tokenizer.count('ab'.repeat(20_000))).toBe(20_000);
  });

  it('that are none are refused with the reason', async () => {
    expect(() => tokenizerFromJson('{', 'x.json')).toThrow('x.json');
    expect(() => tokenizerFromJson('{}', 'x.json')).toThrow('cannot be used');
    await expect(openTokenizer({ kind: 'file', path: '/nowhere/t.json' })).rejects.toMatchObject({
      code: 'model_missing',
    });
  });

  it('of the tests counts words', async () => {
    const words = await openTokenizer({ kind: 'words' });
    expect(words.count('one two, three!')).toBe(5);
    expect(words.encode('one two')).toHaveLength(words.count('one two') + words.specialTokens);
    expect(tokenizerFromJson(JSON.stringify(tinyTokenizer()), 'tiny').encode('the cats')).toEqual([2, 4, 5, 15, 3]);
  });
});

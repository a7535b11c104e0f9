import { readFile } from 'node:fs/promises';
import * as vendor from '@huggingface/tokenizers';
import { FootnoteError } from '../../core/errors.js';

/** The part of the library that is used here; its own declarations do not resolve under NodeNext. */
interface Tokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
}
const { Tokenizer: VendorTokenizer } = vendor as unknown as {
  Tokenizer: new (tokenizer: object, config: object) => Tokenizer;
};

/** Counts and encodes texts as one embedding model sees them. Synchronous: meant for worker threads. */
export interface ModelTokenizer {
  /** Token ids of the whole text, special tokens around them; nothing is cut or padded. */
  encode(text: string): number[];
  /** Tokens without special tokens. */
  count(text: string): number;
  /** Ids that come before and after every text ([CLS] and [SEP]). */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** `before` and `after` together: what every input costs besides its text. */
  readonly specialTokens: number;
  /** True when count(a + ' ' + b) = count(a) + count(b) for all texts: counts of whitespace-separated pieces add up. */
  readonly additive: boolean;
}

/** What a thread needs to open a tokenizer; can be sent in a message. */
export type TokenizerSpec =
  | { readonly kind: 'file'; readonly path: string }
  /** The deterministic test embedder's: a word or a symbol is a token. */
  | { readonly kind: 'words' };

/** @throws FootnoteError model_missing, model_unsupported */
export async function openTokenizer(spec: TokenizerSpec): Promise<ModelTokenizer> {
  if (spec.kind === 'words') return wordTokenizer();
  let text: string;
  try {
    text = await readFile(spec.path, 'utf8');
  } catch (cause) {
    throw new FootnoteError('model_missing', `The tokenizer ${spec.path} cannot be read.`, { cause });
  }
  return tokenizerFromJson(text, spec.path);
}

/**
 * Reads the text of a Hugging Face `tokenizer.json`. Its `truncation` and `padding` sections do not apply: lengths are
 * the caller's business.
 * @throws FootnoteError model_unsupported
 */
export function tokenizerFromJson(json: string, from: string): ModelTokenizer {
  let tokenizer: Tokenizer;
  let description: Description;
  try {
    description = JSON.parse(json) as Description;
    tokenizer = new VendorTokenizer(description, {});
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FootnoteError('model_unsupported', `The tokenizer ${from} cannot be used: ${reason}`, { cause });
  }
  const plain = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const { before, after } = surroundings(tokenizer, plain);
  const additive = splitsAtSpaces(description);
  const pieces = additive ? byWord(plain) : plain;
  return {
    before,
    after,
    specialTokens: before.length + after.length,
    additive,
    count: additive ? countByWord(plain) : (text) => plain(text).length,
    encode: (text) => [...before, ...pieces(text), ...after],
  };
}

/** The parts of tokenizer.json that decide whether words are independent of each other. */
interface Description {
  readonly normalizer?: { readonly type?: string } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly model?: { readonly type?: string; readonly fuse_unk?: boolean } | null;
  readonly added_tokens?: readonly { readonly content: string }[];
}

/** BERT's pipeline always separates at whitespace, so each word can be encoded, and remembered, by itself. */
function splitsAtSpaces(of: Description): boolean {
  return (
    (of.normalizer === null || of.normalizer?.type === 'BertNormalizer') &&
    of.pre_tokenizer?.type === 'BertPreTokenizer' &&
    of.model?.type === 'WordPiece' &&
    of.model.fuse_unk !== true &&
    (of.added_tokens ?? []).every((token) => /^[\x21-\x7e]+$/.test(token.content))
  );
}

function surroundings(tokenizer: Tokenizer, plain: (text: string) => number[]): { before: number[]; after: number[] } {
  const inner = plain('a');
  const whole = tokenizer.encode('a', { add_special_tokens: true }).ids;
  for (let at = 0; at + inner.length <= whole.length; at += 1) {
    if (inner.every((id, index) => whole[at + index] === id)) {
      return { before: whole.slice(0, at), after: whole.slice(at + inner.length) };
    }
  }
  throw new FootnoteError('model_unsupported', 'The tokenizer changes a text when it adds its special tokens.');
}

/** Words remembered at most, and the longest one worth it: a few megabytes. */
const REMEMBERED = 50_000;
const REMEMBERED_LENGTH = 48;

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

/** Calls `use` for each run of characters between ASCII spaces. */
function eachWord(text: string, use: (word: string) => void): void {
  let start = -1;
  for (let at = 0; at < text.length; at += 1) {
    if (isSpace(text.charCodeAt(at))) {
      if (start >= 0) use(text.slice(start, at));
      start = -1;
    } else if (start < 0) {
      start = at;
    }
  }
  if (start >= 0) use(text.slice(start));
}

/** Remembers a pure function of short words. The whole table is dropped when full: results never depend on it. */
function remember<T>(compute: (word: string) => T): (word: string) => T {
  const known = new Map<string, T>();
  return (word) => {
    if (word.length > REMEMBERED_LENGTH) return compute(word);
    const found = known.get(word);
    if (found !== undefined) return found;
    const value = compute(word);
    if (known.size >= REMEMBERED) known.clear();
    // A slice would keep the whole text it was cut from alive.
    known.set(` ${word}`.slice(1), value);
    return value;
  };
}

function byWord(plain: (text: string) => number[]): (text: string) => number[] {
  const idsOf = remember(plain);
  return (text) => {
    const ids: number[] = [];
    eachWord(text, (word) => {
      for (const id of idsOf(word)) ids.push(id);
    });
    return ids;
  };
}

function countByWord(plain: (text: string) => number[]): (text: string) => number {
  const countOf = remember((word) => plain(word).length);
  return (text) => {
    let count = 0;
    eachWord(text, (word) => {
      count += countOf(word);
    });
    return count;
  };
}

function wordTokenizer(): ModelTokenizer {
  const count = (text: string): number => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0;
  return {
    before: [1],
    after: [2],
    specialTokens: 2,
    additive: true,
    count,
    encode: (text) => [1, ...new Array<number>(count(text)).fill(3), 2],
  };
}

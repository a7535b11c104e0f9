import type { TokenCounter } from '../../core/ports/models.js';
import { BytePairCounter } from './byte-pairs.js';

export const OPENAI_ENCODINGS = ['o200k_base', 'cl100k_base'] as const;
export type OpenAiEncoding = (typeof OPENAI_ENCODINGS)[number];

/**
 * A run of characters that may end up in one piece, long enough for the library's n² to hurt: letters, marks and symbols;
 * spaces; or the line ends and slashes that a piece of symbols takes along.
 */
const LONG_RUN = /[^\s\p{N}]{400}|\s{400}|[\r\n/]{400}/u;

/** Texts up to this length cannot hurt. */
const SHORT = 400;

/** Special tokens are plain text in documents: `<|endoftext|>` counts as its characters and never throws. */
const PLAIN = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/** Loads an encoding of OpenAI's models (a few megabytes, so only when asked for). */
export async function openOpenAiCounter(name: OpenAiEncoding): Promise<TokenCounter> {
  const [encoding, { default: ranks }, patterns] =
    name === 'o200k_base'
      ? await Promise.all([
          import('gpt-tokenizer/encoding/o200k_base'),
          import('gpt-tokenizer/bpeRanks/o200k_base'),
          import('gpt-tokenizer/encodingParams/constants'),
        ])
      : await Promise.all([
          import('gpt-tokenizer/encoding/cl100k_base'),
          import('gpt-tokenizer/bpeRanks/cl100k_base'),
          import('gpt-tokenizer/encodingParams/constants'),
        ]);
  const pattern = name === 'o200k_base' ? patterns.O200K_TOKEN_SPLIT_REGEX : patterns.CL100K_TOKEN_SPLIT_REGEX;
  let long: BytePairCounter | undefined;
  return {
    name,
    count(text) {
      if (text.length <= SHORT || !LONG_RUN.test(text)) return encoding.countTokens(text, PLAIN);
      long ??= new BytePairCounter(ranks);
      let count = 0;
      for (const [piece] of text.matchAll(pattern)) count += long.count(piece);
      return count;
    },
  };
}

import type { TokenCounter } from '../../core/ports/models.js';
import { BytePairCounter } from './byte-pairs.js';

export const OPENAI_ENCODINGS = ['o200k_base', 'cl100k_base'] as const;
export type OpenAiEncoding = (typeof OPENAI_ENCODINGS)[number];

/** Pieces up to this length are left to the library, whose merge loop takes n² in it. */
const SHORT = 400;

/** Words come again and again: their counts are remembered, up to this many characters each ... */
const REMEMBERED_LENGTH = 32;
/** ... and this many of them: some 10 MB. When it is full, it begins anew. */
const REMEMBERED = 100_000;

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
  const known = new Map<string, number>();
  let long: BytePairCounter | undefined;
  const countPiece = (piece: string): number => {
    if (piece.length > SHORT) return (long ??= new BytePairCounter(ranks)).count(piece);
    if (piece.length > REMEMBERED_LENGTH) return encoding.countTokens(piece, PLAIN);
    let tokens = known.get(piece);
    if (tokens === undefined) {
      tokens = encoding.countTokens(piece, PLAIN);
      if (known.size >= REMEMBERED) known.clear();
      known.set(piece, tokens);
    }
    return tokens;
  };
  return {
    name,
    count(text) {
      let tokens = 0;
      for (const [piece] of text.matchAll(pattern)) tokens += countPiece(piece);
      return tokens;
    },
  };
}

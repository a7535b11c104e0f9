/** Longest input that is read; the rest is ignored. Inputs are chunks and queries, which are far shorter. UTF-16 units. */
const MAX_CHARACTERS = 1 << 18;
/** Longest term in UTF-16 code units; the rest of a longer one (a hash, a Base64 blob) is cut off, in queries as well. */
export const MAX_TERM = 64;

/** Scripts that are written without spaces; Hangul is added because its particles stick to the noun. */
const UNSPACED = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => `\\p{Script_Extensions=${script}}`)
  .join('');
const UNSPACED_LETTER = `(?=[\\p{L}\\p{M}\\p{N}])[${UNSPACED}]`;
const SPACED_LETTER = `(?![${UNSPACED}])[\\p{L}\\p{N}_]`;
const SPACED_MORE = `(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_]`;
const APOSTROPHE = "['\\u2019]";

const WORD = `((?:${UNSPACED_LETTER})+)|((?:${SPACED_LETTER})(?:${SPACED_MORE})*(?:${APOSTROPHE}(?:${SPACED_MORE})+)*)`;

/**
 * Combining marks beyond the 30th in a row are dropped (Stream-Safe Text, UAX #15 section 13): canonical reordering of an
 * unbounded run takes quadratic time.
 */
const LONG_MARKS = /(\p{M}{30})\p{M}+/gu;

/** One word of a text, case kept, with how it was found. */
export interface Word {
  readonly text: string;
  /** A bigram of an unspaced script: neither stemmed nor stopped. */
  readonly bigram: boolean;
}

/** NFKC (UAX #15) in bounded time. */
export function normalize(text: string): string {
  return text.slice(0, MAX_CHARACTERS).replace(LONG_MARKS, '$1').normalize('NFKC').slice(0, MAX_CHARACTERS);
}

/** Cuts to `MAX_TERM` code units, never inside a surrogate pair. */
export function cut(term: string): string {
  if (term.length <= MAX_TERM) return term;
  const unit = term.charCodeAt(MAX_TERM - 1);
  return term.slice(0, unit >= 0xd800 && unit <= 0xdbff ? MAX_TERM - 1 : MAX_TERM);
}

/**
 * Parts of an identifier: `setDocumentEdited` -> set, Document, Edited; `AXManualAccessibility` -> AX, Manual,
 * Accessibility; `max_old_space` -> max, old, space. Empty for a plain word.
 */
function parts(word: string): string[] {
  if (!/_|[^\p{Lu}_]\p{Lu}|\p{Lu}{2}\p{Ll}/u.test(word)) return [];
  const found = word.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]+|\p{N}+|[\p{Lo}\p{Lm}\p{Lt}\p{M}]+/gu) ?? [];
  return found.length > 1 ? found : [];
}

/**
 * The words of a text in order. Identifiers give the whole and then its parts; runs of an unspaced script give overlapping
 * bigrams of code points (as Lucene's CJKBigramFilter: a lone character stands for itself). Linear in the text.
 * @param text normalized by `normalize`
 * @param apostropheJoins whether `boeing's` is one word
 */
export function* words(text: string, apostropheJoins: boolean): Generator<Word> {
  for (const match of text.matchAll(new RegExp(WORD, 'gu'))) {
    const [, unspaced, spaced] = match;
    if (unspaced !== undefined) {
      yield* bigrams(unspaced);
    } else if (spaced !== undefined) {
      const pieces = apostropheJoins ? [spaced.replaceAll('\u2019', "'")] : spaced.split(/['\u2019]/u);
      for (const piece of pieces) {
        const whole = cut(piece.length > MAX_TERM ? piece.slice(0, MAX_TERM + 1) : piece).replace(/^_+|_+$/gu, '');
        if (whole === '') continue;
        yield { text: whole, bigram: false };
        for (const part of parts(whole)) yield { text: part, bigram: false };
      }
    }
  }
}

function* bigrams(run: string): Generator<Word> {
  let previous: string | undefined;
  let pairs = 0;
  for (const character of run) {
    if (previous !== undefined) {
      pairs++;
      yield { text: previous + character, bigram: true };
    }
    previous = character;
  }
  if (pairs === 0 && previous !== undefined) yield { text: previous, bigram: true };
}

import snowball from 'snowball-stemmers';
import { languageOf } from './analyze/languages.js';
import type { Language } from './analyze/languages.js';
import { cut, normalize, words } from './analyze/words.js';

/** Raised whenever any text could give other terms: a generation's lexical index holds the terms of one version. */
export const ANALYZER_VERSION = 1;

/** Of documents too short or too unlike prose to tell: their terms meet those of the commonest queries. */
export const DEFAULT_LANGUAGE = 'en';

/** Most terms of one input; the rest is ignored. */
export const MAX_TERMS = 1 << 16;

const LATIN_OR_GREEK_MARKS = /([\p{Script=Latin}\p{Script=Greek}])\p{M}+/gu;
/** Optional vowel points of Arabic and Hebrew. In Indic scripts marks are vowels and stay. */
const POINTS = /[\u0591-\u05c7\u064b-\u0652\u0670]/gu;
const LIGATURES: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ø', 'o'],
  ['ł', 'l'],
  ['đ', 'd'],
]);

function lower(word: string, language: Language | undefined): string {
  const small = language?.tag === 'tr' ? word.toLocaleLowerCase('tr') : word.toLowerCase();
  // `İ`.toLowerCase() leaves a combining dot behind; Russian prints ё and е for the same letter.
  return small.replaceAll('\u0307', '').replaceAll('ё', 'е');
}

function dropMarks(word: string): string {
  if (/^[\x00-\x7f]*$/.test(word)) return word;
  return word
    .normalize('NFD')
    .replace(LATIN_OR_GREEK_MARKS, '$1')
    .replace(POINTS, '')
    .normalize('NFC')
    .replace(/[ßæœøłđ]/gu, (letter) => LIGATURES.get(letter) ?? letter);
}

/** Turns a text into its terms, in order, repeats kept. */
export type Analyzer = (text: string) => string[];

/** Words whose terms an analyzer remembers, so that a run over many chunks stems each word once. */
const REMEMBERED = 1 << 15;

/**
 * An analyzer of one language. Pure in what it returns: the same text and language always give the same terms; it only
 * remembers words (at most 32,768) to be faster on the next text.
 *
 * NFKC and lower case (UAX #15), words by Unicode letters, identifiers as a whole and in parts, overlapping bigrams for
 * scripts without spaces, stop words and Snowball stemming (Porter 2001) by language, accents dropped where the language
 * treats them as optional. A term is never empty and never holds whitespace; it has at most 64 UTF-16 code units.
 * Time is linear in the text, of which at most 2^18 UTF-16 units are read.
 *
 * @param language BCP 47 tag; an unknown one or none means neither stop words nor stemming
 */
export function createAnalyzer(language?: string): Analyzer {
  const known = languageOf(language);
  const stemmer = known === undefined ? undefined : snowball.newStemmer(known.stemmer);
  const dropsMarks = known?.dropsMarks ?? true;
  const remembered = new Map<string, string>();

  const term = (word: string): string => {
    const small = lower(word, known);
    if (known?.stopWords.has(small)) return '';
    // English has no accents of its own, so they go first; the other stemmers' rules need them.
    const stemmed = stemmer === undefined ? small : stemmer.stem(known?.tag === 'en' ? dropMarks(small) : small);
    const folded = dropsMarks ? dropMarks(stemmed) : stemmed;
    return cut(folded.replace(/[\s']+/gu, ''));
  };

  return (text) => {
    const terms: string[] = [];
    for (const word of words(normalize(text), known?.apostropheJoins ?? false)) {
      let found = remembered.get(word.text);
      if (found === undefined) {
        found = word.bigram ? lower(word.text, known) : term(word.text);
        if (remembered.size === REMEMBERED) remembered.clear();
        remembered.set(word.text, found);
      }
      if (found === '') continue;
      terms.push(found);
      if (terms.length === MAX_TERMS) break;
    }
    return terms;
  };
}

/** Terms of one text; see `createAnalyzer`, which is faster over many. */
export function analyze(text: string, language?: string): string[] {
  return createAnalyzer(language)(text);
}

/**
 * Terms of a query against a collection whose documents are in several languages: those of the first language, then what
 * the others add, no term twice. A query is too short to tell its language, and a document's terms depend on its own.
 * @param languages BCP 47 tags of the collection's documents, the commonest first; `und` for documents without one
 */
export function analyzeQuery(text: string, languages: readonly string[]): string[] {
  const terms = new Set<string>();
  for (const language of languages.length === 0 ? ['und'] : languages) {
    for (const term of analyze(text, language)) terms.add(term);
  }
  return [...terms];
}

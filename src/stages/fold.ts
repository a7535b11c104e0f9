import { normalize } from './analyze/words.js';

export interface FoldOptions {
  /** Stops when so many are kept; later hits are neither kept nor folded. */
  readonly limit: number;
  /** Share of a hit's shingles that must stand in a better hit. */
  readonly threshold: number;
}

export interface Folded<H> {
  /** In the order they came. */
  readonly kept: readonly H[];
  /** Kept hit's id -> ids of the hits that were folded into it, in their order. */
  readonly folded: ReadonlyMap<string, readonly string[]>;
}

export const DEFAULT_FOLD_THRESHOLD = 0.9;

/** Words a shingle. */
const SHINGLE = 4;
/** Longest text that is compared, in UTF-16 units; chunks are far shorter. A longer one is only folded when equal. */
const MAX_LENGTH = 1 << 15;
/** Texts shorter than this many words are only folded when equal. */
const MIN_WORDS = 2 * SHINGLE;

interface Fingerprint {
  readonly text: string;
  readonly words: readonly string[];
}

/**
 * Folds near-duplicates: a hit whose text adds nothing to a better hit is taken out and named under that one. It is folded
 * when the normalized words are the same, or when at least `threshold` of its 4-word shingles stand in the better hit
 * (containment of Broder 1997, "On the resemblance and containment of documents") and so does every word of it that holds
 * a digit: two passages that differ in a number say different things. Containment, not resemblance, because the better
 * hit may be the longer one; a longer hit with more to say is never folded into a shorter one.
 *
 * Bounded work: 32,768 characters a hit at most, and each shingle meets only the kept hits that hold it.
 * @param hits best first
 */
export function fold<H extends { readonly id: string; readonly text: string }>(
  hits: readonly H[],
  options: FoldOptions,
): Folded<H> {
  const kept: H[] = [];
  const folded = new Map<string, string[]>();
  const byText = new Map<string, number>();
  const byShingle = new Map<string, number[]>();
  const numbers: Set<string>[] = [];

  for (const hit of hits) {
    if (kept.length >= options.limit) break;
    const print = fingerprint(hit.text);
    const shingles = shinglesOf(print.words);
    const into = byText.get(print.text) ?? container(print, shingles, byShingle, numbers, options.threshold);
    const target = into === undefined ? undefined : kept[into];
    if (target !== undefined) {
      folded.set(target.id, [...(folded.get(target.id) ?? []), hit.id]);
      continue;
    }
    const at = kept.push(hit) - 1;
    byText.set(print.text, at);
    numbers.push(new Set(print.words.filter(hasDigit)));
    for (const shingle of shingles) {
      const holders = byShingle.get(shingle);
      if (holders === undefined) byShingle.set(shingle, [at]);
      else holders.push(at);
    }
  }
  return { kept, folded };
}

/** The best kept hit that holds this one, or undefined. */
function container(
  print: Fingerprint,
  shingles: ReadonlySet<string>,
  byShingle: ReadonlyMap<string, readonly number[]>,
  numbers: readonly ReadonlySet<string>[],
  threshold: number,
): number | undefined {
  if (print.words.length < MIN_WORDS) return undefined;
  const shared = new Map<number, number>();
  for (const shingle of shingles) {
    for (const at of byShingle.get(shingle) ?? []) shared.set(at, (shared.get(at) ?? 0) + 1);
  }
  const own = print.words.filter(hasDigit);
  let best: number | undefined;
  for (const [at, count] of shared) {
    if (count < threshold * shingles.size || (best !== undefined && at > best)) continue;
    if (own.every((word) => numbers[at]?.has(word))) best = at;
  }
  return best;
}

function hasDigit(word: string): boolean {
  return /\p{N}/u.test(word);
}

/** Words in lower case without punctuation; characters where a script has no spaces. */
function fingerprint(text: string): Fingerprint {
  if (text.length > MAX_LENGTH) return { text, words: [] };
  const normal = normalize(text).toLowerCase();
  const pattern = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}]+/gu;
  const words = normal.match(pattern) ?? [];
  return { text: words.join(' ') || normal.trim(), words };
}

function shinglesOf(words: readonly string[]): Set<string> {
  const shingles = new Set<string>();
  for (let i = 0; i + SHINGLE <= words.length; i++) shingles.add(words.slice(i, i + SHINGLE).join(' '));
  return shingles;
}

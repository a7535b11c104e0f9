import { languages } from './languages.js';
import { normalize } from './words.js';

/** Characters that are looked at; function words show up early. */
const SAMPLE = 20_000;
/** Fewest function words that count as evidence. */
const MIN_HITS = 5;
/** How clearly the best language must lead the second one. */
const MIN_LEAD = 1.2;
/** Least share of the words that must be function words; running prose has 30 to 60 %, lists of names and code far less. */
const MIN_SHARE = 0.08;

/**
 * The language of a text by its function words (Grefenstette 1995, "Comparing two language identification schemes"), as a
 * BCP 47 primary subtag, or undefined where the evidence is thin or two languages tie. Only languages that the analyzer
 * can stem are told apart: the answer serves to pick a stemmer.
 */
export function detectLanguage(text: string): string | undefined {
  const found =
    normalize(text.slice(0, SAMPLE))
      .toLowerCase()
      .match(/[\p{L}\p{M}]{2,}/gu) ?? [];
  if (found.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const word of found) counts.set(word, (counts.get(word) ?? 0) + 1);

  let best: { tag: string; score: number; hits: number } | undefined;
  let second = 0;
  for (const language of languages()) {
    let hits = 0;
    let distinct = 0;
    for (const [word, count] of counts) {
      if (!language.stopWords.has(word)) continue;
      hits += count;
      distinct++;
    }
    // Related languages share their commonest words; the number of different ones tells them apart.
    const score = hits + distinct;
    if (best === undefined || score > best.score) {
      second = best?.score ?? 0;
      best = { tag: language.tag, score, hits };
    } else if (score > second) {
      second = score;
    }
  }
  if (best === undefined || best.hits < MIN_HITS || best.hits < MIN_SHARE * found.length) return undefined;
  return best.score >= MIN_LEAD * second ? best.tag : undefined;
}

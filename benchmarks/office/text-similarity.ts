const CJK = '\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff';
const WORD = new RegExp(`[${CJK}]|(?:(?![${CJK}])[\\p{L}\\p{N}])+`, 'gu');
const INVISIBLE = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;

/** Runs of letters and digits, case and width folded; a CJK character is a word by itself. */
function wordsOf(text: string): string[] {
  return text.normalize('NFKC').replace(INVISIBLE, '').toLowerCase().match(WORD) ?? [];
}

/** F1 of two texts' bags of words; 1 for two empty ones. */
export function bagOfWordsF1(a: string, b: string): number {
  const [ours, theirs] = [wordsOf(a), wordsOf(b)];
  if (ours.length + theirs.length === 0) return 1;
  const left = new Map<string, number>();
  for (const word of theirs) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of ours) {
    const have = left.get(word) ?? 0;
    if (have === 0) continue;
    left.set(word, have - 1);
    common += 1;
  }
  return (2 * common) / (ours.length + theirs.length);
}

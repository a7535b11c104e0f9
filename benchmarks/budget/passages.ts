import type { PackCandidate, PackDocument } from '../../src/stages/pack.js';

/** What is awkward to count: merges across seams, several tokens a character, one token for very many. */
const ODD: readonly string[] = [
  '👍🏽',
  '👩‍👩‍👧‍👦',
  '🇨🇭',
  '東京都は日本の首都である。',
  '한국어 문장입니다.',
  'مرحبا بالعالم',
  'ภาษาไทยไม่มีช่องว่าง',
  'Ünïcödé',
  'e\u0301',
  '\n\n',
  '\t\t',
  '    ',
  '\u00a0',
  '```ts\nconst x: Map<string, number> = new Map();\n```\n',
  '| a | b |\n| --- | --- |\n| 1 | 2 |\n',
  '{text}{n}',
  '[1]',
  '<|endoftext|>',
  '[SEP]',
  '1234567890',
  '-----------',
  'aaaaaaaaaaaaaaaaaaaaaaaa',
  "don't",
  'https://example.com/a/b?c=d&e=%20f#g',
];
const MOST_CANDIDATES = 40;

export interface RandomCandidates {
  readonly candidates: readonly PackCandidate[];
  readonly documents: ReadonlyMap<string, PackDocument>;
}

/** Chunks of a few random documents, neighbours and overlaps among them, in random order. */
export function randomCandidates(random: () => number, texts: readonly string[]): RandomCandidates {
  const below = (n: number): number => Math.floor(random() * n);
  const documents = new Map<string, PackDocument>();
  const candidates = new Map<string, PackCandidate>();
  for (let d = below(5); d >= 0; d -= 1) {
    const documentId = `d${d}`;
    const text = random() < 0.5 ? texts[below(texts.length)]! : oddText(random, below);
    if (text.trim() === '') continue;
    documents.set(documentId, { text, blocks: headings(text) });
    let at = below(text.length);
    for (let c = below(MOST_CANDIDATES / 4); c >= 0; c -= 1) {
      const start = wholeAt(text, at);
      const end = wholeAt(text, Math.min(text.length, start + 1 + Math.floor(1500 ** random())));
      // Mostly the next one, as chunks follow each other.
      at = random() < 0.7 ? end : below(text.length);
      if (end <= start || text.slice(start, end).trim() === '') continue;
      const chunkId = `${documentId}:${start}-${end}`;
      candidates.set(chunkId, {
        chunkId,
        documentId,
        revision: 'r',
        span: { start, end },
        text: text.slice(start, end),
        after: text.slice(end, wholeAt(text, end + 32)),
        ...(random() < 0.8 ? { title: text.slice(0, wholeAt(text, below(80))) } : {}),
        ...(random() < 0.5 ? { headings: ['Part', ODD[below(ODD.length)]!] } : {}),
        ...(random() < 0.5 ? { uri: `https://example.com/${documentId}` } : {}),
      });
    }
  }
  const order = [...candidates.values()].map((candidate) => ({ candidate, place: random() }));
  return { documents, candidates: order.sort((a, b) => a.place - b.place).map(({ candidate }) => candidate) };
}

function oddText(random: () => number, below: (n: number) => number): string {
  const parts: string[] = [];
  for (let n = below(400); n >= 0; n -= 1) {
    const odd = ODD[below(ODD.length)]!;
    parts.push(random() < 0.1 ? odd.repeat(1 + below(30)) : odd);
    if (random() < 0.6) parts.push(random() < 0.9 ? ' ' : '\n# Heading\n');
  }
  return parts.join('').normalize('NFC');
}

function headings(text: string): NonNullable<PackDocument['blocks']> {
  return [...text.matchAll(/^#+ .*$/gm)].map(({ index, 0: line }) => ({
    kind: 'heading',
    span: { start: index, end: index + line.length },
  }));
}

/** Not inside a surrogate pair. */
function wholeAt(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 ? at - 1 : at;
}

import { readFile } from 'node:fs/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import * as cl100k from 'gpt-tokenizer/encoding/cl100k_base';
import * as o200k from 'gpt-tokenizer/encoding/o200k_base';
import { DEFAULT_MODEL } from '../../src/adapters/models/builtin.js';
import type { ModelStore } from '../../src/adapters/models/store.js';
import { createTokenCounters } from '../../src/adapters/tokenizers/index.js';
import { seededRandom } from '../../src/runtime/random.js';
import { DEFAULT_PACK, DEFAULT_TEMPLATE, packContext } from '../../src/stages/pack.js';
import type { PackOptions } from '../../src/stages/pack.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { randomCandidates } from './passages.js';

export interface BudgetBenchOptions {
  readonly store: ModelStore;
  readonly files: readonly CorpusFile[];
  readonly cases?: number;
}

const MOST_TOKENS = 8192;
const PLAIN = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/**
 * Law 8 on random passages, budgets and templates: the finished context is counted again by the tokenizers' own
 * libraries, not by the counters that packed it.
 */
export async function run({ store, files, cases = 10_000 }: BudgetBenchOptions): Promise<BenchResult> {
  const { paths } = await store.resolve(DEFAULT_MODEL);
  const counters = createTokenCounters({ paths: true });
  const library = new (Tokenizer as unknown as new (json: object, config: object) => Library)(
    JSON.parse(await readFile(paths.tokenizer, 'utf8')) as object,
    {},
  );
  const judges = [
    {
      name: 'o200k_base',
      counter: await counters('o200k_base'),
      judge: (text: string) => o200k.countTokens(text, PLAIN),
    },
    {
      name: 'cl100k_base',
      counter: await counters('cl100k_base'),
      judge: (text: string) => cl100k.countTokens(text, PLAIN),
    },
    {
      name: 'tokenizerJson',
      counter: await counters(paths.tokenizer),
      judge: (text: string) => library.encode(text, { add_special_tokens: false }).ids.length,
    },
  ];
  const random = seededRandom(11);
  const texts = files.map(({ text }) => text.normalize('NFC').replaceAll('\r\n', '\n'));
  let over = 0;
  let miscounted = 0;
  let misquoted = 0;
  let empty = 0;
  let shares = 0;
  const broken: string[] = [];
  for (let index = 0; index < cases; index += 1) {
    const { name, counter, judge } = judges[index % judges.length]!;
    const { candidates, documents } = randomCandidates(random, texts);
    // Small budgets are where it is tight: as many between 1 and 2 as between 4,096 and 8,192.
    const budget = Math.max(1, Math.floor(MOST_TOKENS ** random()));
    const known = random() < 0.5 ? documents : new Map<string, never>();
    const packed = packContext(candidates, known, budget, counter, randomOptions(random));
    const tokens = judge(packed.context);
    const bad = {
      over: tokens > budget,
      miscounted: tokens !== packed.tokens,
      misquoted: packed.passages.some(
        ({ documentId, span, quote }) =>
          documents.get(documentId)!.text.slice(span.start, span.end) !== quote || !packed.context.includes(quote),
      ),
    };
    if (bad.over) over += 1;
    if (bad.miscounted) miscounted += 1;
    if (bad.misquoted) misquoted += 1;
    if (packed.context === '') empty += 1;
    else shares += tokens / budget;
    if (bad.over || bad.miscounted || bad.misquoted)
      broken.push(`case ${index}: ${name}, budget ${budget}: ${tokens} tokens, said ${packed.tokens}`);
  }
  return {
    name: 'budget',
    figures: { cases, overBudget: over, miscounted, misquoted, empty, meanShareOfBudgetUsed: shares / (cases - empty) },
    ratios: {},
    notes: ['targets: overBudget, miscounted and misquoted 0', ...broken.slice(0, 20)],
  };
}

interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
}

const MARKERS = ['[{n}]', '<<{n}>>', '【{n}】', '{n}.', '^{n}', '<cite id="{n}"/>'];
const PASSAGES = [
  DEFAULT_TEMPLATE.passage,
  '{marker}{text}',
  '{text} {marker}\n',
  '<doc n={marker} title="{title}" uri="{uri}">\n{headings}\n{text}\n</doc>',
  '{marker} 👉🏽 {headings} | {title}\n  {text}',
];
const SEPARATORS = ['\n\n', '', ' ', '\n---\n', ' 👩‍👩‍👧 ', '\n'];

function randomOptions(random: () => number): PackOptions {
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  if (random() < 0.25) return DEFAULT_PACK;
  return {
    template: { marker: one(MARKERS), passage: one(PASSAGES), separator: one(SEPARATORS) },
    duplicateShare: one([0.5, 0.9, 2]),
    documentShare: one([0.3, 0.5, 1]),
    sectionShare: one([0.3, 0.5, 2]),
  };
}

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../src/engine.js';
import { openParser } from '../../src/engine.js';
import { asFootnoteError } from '../../src/core/errors.js';
import { quantile } from '../../src/services/eval/statistics.js';
import type { BenchResult } from '../result.js';
import { bagOfWordsF1 } from './text-similarity.js';

export interface OfficeBenchOptions {
  readonly config: ConfigInput;
  /** Office files, with reference texts in `reference/NAME.txt`. */
  readonly folder: string;
}

/** Formats from before 2007 are told apart and not read. */
const READ = /\.(?:docx|xlsx|pptx)$/i;
const TARGET = 0.9;
const NEVER = new AbortController().signal;

/** What becomes of each Office file, and how much of a reference text's words its text has. */
export async function run({ config, folder }: OfficeBenchOptions): Promise<BenchResult> {
  const references = new Set(await readdir(join(folder, 'reference')));
  const names = (await readdir(folder)).filter((name) => /\.(?:docx?|xlsx?|pptx?)$/i.test(name)).sort();
  const parser = await openParser(config);
  const scores: number[] = [];
  const times: number[] = [];
  const outcomes = new Map<string, number>();
  const notes: string[] = [];
  try {
    for (const name of names) {
      const began = performance.now();
      try {
        const { parsed } = await parser.parse(join(folder, name), {}, NEVER);
        times.push(performance.now() - began);
        count(outcomes, 'read');
        if (!references.has(`${name}.txt`) || !READ.test(name)) continue;
        const f1 = bagOfWordsF1(parsed.text, await readFile(join(folder, 'reference', `${name}.txt`), 'utf8'));
        scores.push(f1);
        notes.push(`${name}: f1 ${f1.toFixed(4)}`);
      } catch (error) {
        const { code } = asFootnoteError(error);
        count(outcomes, code);
        notes.push(`${name}: ${code}`);
      }
    }
  } finally {
    await parser.close();
  }
  const mean = scores.reduce((sum, f1) => sum + f1, 0) / scores.length;
  times.sort((a, b) => a - b);
  return {
    name: 'office',
    figures: {
      files: names.length,
      ...Object.fromEntries([...outcomes].sort(([a], [b]) => a.localeCompare(b))),
      compared: scores.length,
      meanF1: mean,
      fileMsP50: quantile(times, 0.5),
      fileMsMax: times.at(-1) ?? 0,
    },
    ratios: { meanF1ToTarget: { value: mean / TARGET, target: 1 } },
    notes: [
      `targets: every file an outcome, mean f1 >= ${TARGET} over the DOCX, XLSX and PPTX files that have a reference`,
      'the reference is what LibreOffice writes: it has the text of tracked deletions and of hidden sheets, which are left out here',
      ...notes,
    ],
  };
}

function count(of: Map<string, number>, key: string): void {
  of.set(key, (of.get(key) ?? 0) + 1);
}

import type { Command } from 'commander';
import { Option } from 'commander';
import { ModeSchema } from '../../core/schemas/query.js';
import type { BeirReport, QaReport } from '../../engine.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { asCounts } from '../flags.js';
import type { Host } from '../host.js';
import { UsageError } from '../host.js';
import type { Progress } from '../progress.js';

interface Flags {
  readonly dataset?: string;
  readonly mode?: readonly ('hybrid' | 'dense' | 'lexical')[];
  readonly qa?: string;
  readonly docs?: string;
  readonly budget?: readonly number[];
  readonly tokenizer?: string;
  readonly out?: string;
}

export function evalCommand(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'eval',
    summary: 'measure retrieval on a BEIR folder, or contexts on questions with evidence',
    description:
      'A BEIR folder has corpus.jsonl, queries.jsonl and qrels/test.tsv; --out gets TREC run files. ' +
      'A question file has a line of JSON a question; --out gets contexts and confidences.',
    examples: [
      'eval --dataset ./beir/scifact --out ./runs',
      'eval --qa questions.jsonl --docs ./docs --budget 512,1024,2048',
    ],
    flags: (command) =>
      command
        .option('--dataset <dir>', 'folder in the format of BEIR')
        .addOption(new Option('--mode <mode...>', 'which modes (default: all)').choices(ModeSchema.options))
        .option('--qa <file>', 'questions, as lines of JSON')
        .option('--docs <dir>', 'the documents of the questions')
        .option('--budget <tokens>', 'budgets in tokens, by commas (default: 512,1024,2048)', asCounts(1, 2_000_000))
        .option('--tokenizer <name>', 'what counts the tokens (default: o200k_base)')
        .option('--out <dir>', 'write runs or contexts there'),
    async run(run, _args, flags) {
      const asked = flags as Flags;
      const progress = run.progress('Evaluating', 'queries');
      try {
        if (asked.dataset !== undefined && asked.qa === undefined && asked.docs === undefined) {
          await beir(run, asked, asked.dataset, progress);
        } else if (asked.dataset === undefined && asked.qa !== undefined && asked.docs !== undefined) {
          await questions(run, asked, asked.qa, asked.docs, progress);
        } else {
          throw new UsageError('Give either --dataset, or --qa with --docs.');
        }
      } finally {
        progress.stop();
      }
    },
  });
}

async function beir(run: Run, asked: Flags, dataset: string, progress: Progress): Promise<void> {
  const { config } = await run.config();
  const { evaluateBeir } = await import('../../engine.js');
  const report = await evaluateBeir(config, {
    dataset: run.path(dataset),
    modes: [...new Set(asked.mode ?? ModeSchema.options)],
    ...(asked.out === undefined ? {} : { out: run.path(asked.out) }),
    onProgress: ({ done, total }) => progress.update(done, total),
    signal: run.signal,
  });
  progress.stop();
  if (run.json) await run.out.json(report);
  else await printBeir(run, report);
}

async function questions(run: Run, asked: Flags, qa: string, docs: string, progress: Progress): Promise<void> {
  const { config } = await run.config();
  const { evaluateQa } = await import('../../engine.js');
  const { tokenizer } = asked;
  const report = await evaluateQa(config, {
    qa: run.path(qa),
    docs: run.path(docs),
    budgets: asked.budget ?? [512, 1024, 2048],
    tokenizer:
      tokenizer === undefined ? 'o200k_base' : /[\\/]|\.json$/.test(tokenizer) ? run.path(tokenizer) : tokenizer,
    ...(asked.out === undefined ? {} : { out: run.path(asked.out) }),
    onProgress: ({ done, total }) => progress.update(done, total),
    signal: run.signal,
  });
  progress.stop();
  if (run.json) await run.out.json(report);
  else await printQa(run, report);
}

/** A value as people read it, with its interval where it has one. */
function measure(value: unknown): string {
  if (typeof value === 'number') return value.toFixed(3);
  const { value: mean, low, high } = value as { value: number; low?: number; high?: number };
  return low === undefined || high === undefined
    ? mean.toFixed(3)
    : `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

async function printBeir({ out }: Run, report: BeirReport): Promise<void> {
  await out.line(`${report.dataset}: ${report.queries} queries; 95 % bootstrap intervals`);
  await out.table(
    ['MODE', 'NDCG@10', 'RECALL@100', 'MRR@10', 'P50 MS', 'P95 MS', 'P99 MS'],
    Object.entries(report.modes).map(([mode, of]) => [
      mode,
      measure(of['ndcg@10']),
      measure(of['recall@100']),
      measure(of['mrr@10']),
      of.latencyMs.p50.toFixed(1),
      of.latencyMs.p95.toFixed(1),
      of.latencyMs.p99.toFixed(1),
    ]),
  );
}

async function printQa({ out }: Run, report: QaReport): Promise<void> {
  await out.line(`${report.questions} questions, ${report.answerable} answerable; tokens by ${report.tokenizer}`);
  await out.table(
    ['BUDGET', 'EVIDENCE PACKED', 'BASELINE', 'MEAN TOKENS'],
    Object.entries(report.budgets).map(([budget, of]) => {
      const baseline = report.baseline[budget];
      return [budget, measure(of.recall), baseline && measure(baseline.recall), of.meanTokens.toFixed(0)];
    }),
  );
  await out.line(
    `AUC of confidence: answerable ${measure(report.answerableAuc)}, leave-out ${measure(report.leaveOutAuc)}`,
  );
}

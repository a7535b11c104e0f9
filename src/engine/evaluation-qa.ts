import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ConfigInput } from '../core/config.js';
import { FootnoteError, throwIfAborted } from '../core/errors.js';
import { sha256 } from '../core/ids.js';
import type { Embedder } from '../core/ports/models.js';
import type { ContextResult } from '../core/schemas/query.js';
import type { Engine } from './open.js';
import { readJsonLines } from '../services/eval/jsonl.js';
import type { BaselineDocument, BaselineTools } from '../services/eval/qa-baseline.js';
import { buildBaseline, packBaseline, rankBaseline } from '../services/eval/qa-baseline.js';
import type { Interval } from '../services/eval/statistics.js';
import { aucInterval, bootstrapMean, mean, pairedBootstrap } from '../services/eval/statistics.js';
import { analyze, DEFAULT_LANGUAGE } from '../stages/analyze.js';
import type { EvaluationOptions } from './evaluation.js';
import { EVAL_COLLECTION, folderDocuments, ingest, withEngine, writeOut } from './evaluation.js';

const QaRow = z.object({
  id: z.coerce.string(),
  question: z.string().min(1),
  /** Path below the documents' folder; null where the corpus holds no answer. */
  file: z.string().nullable().default(null),
  /** An exact substring of that file. */
  quote: z.string().nullable().default(null),
});

type Question = z.output<typeof QaRow>;

export interface QaReport {
  readonly questions: number;
  readonly answerable: number;
  readonly tokenizer: string;
  /** By budget: share of the answerable questions whose quote stands in the context (white space folded), with its interval. */
  readonly budgets: Readonly<
    Record<string, { recall: number; meanTokens: number; interval: Interval; difference: Interval }>
  >;
  /** Fixed 256-token windows, convex hybrid, plain concatenation; see services/eval/qa-baseline.ts. */
  readonly baseline: Readonly<Record<string, { recall: number }>>;
  /** `confidence` of answerable against unanswerable questions. */
  readonly answerableAuc: number;
  /** `confidence` of answerable questions against the same ones with the evidence's document filtered out. */
  readonly leaveOutAuc: number;
  readonly intervals: { readonly answerableAuc: Interval; readonly leaveOutAuc: Interval };
}

/** Measures contexts and confidence on questions over a folder of documents. @throws not_found, invalid_request */
export async function evaluateQa(
  input: ConfigInput,
  options: EvaluationOptions & {
    readonly qa: string;
    readonly docs: string;
    readonly budgets: readonly number[];
    readonly tokenizer?: string;
  },
): Promise<QaReport> {
  const tokenizer = options.tokenizer ?? 'o200k_base';
  const questions: Question[] = [];
  for await (const row of readJsonLines(options.qa, QaRow)) questions.push(row);
  if (questions.length === 0) throw new FootnoteError('invalid_request', `${options.qa} holds no questions.`);
  return withEngine(input, options.docs, async (engine) => {
    await ingest(engine, folderDocuments(options.docs, options.signal), options);
    const asked = await ask(engine, questions, { ...options, tokenizer });
    const baseline = await askBaseline(engine, questions, { ...options, tokenizer });
    const answerable = questions.filter(({ quote }) => quote !== null).length;
    const positives = asked.confidence.filter(({ kind }) => kind === 'answerable').map(({ value }) => value);
    const negatives = asked.confidence.filter(({ kind }) => kind === 'unanswerable').map(({ value }) => value);
    const leftOut = asked.confidence.filter(({ kind }) => kind === 'left-out').map(({ value }) => value);
    const answerableAuc = aucInterval(positives, negatives);
    const leaveOutAuc = aucInterval(positives, leftOut);
    return {
      questions: questions.length,
      answerable,
      tokenizer,
      budgets: Object.fromEntries(
        options.budgets.map((budget) => {
          const { found, tokens } = asked.budgets.get(budget)!;
          const interval = bootstrapMean(found);
          const difference = pairedBootstrap(found, baseline.get(budget)!);
          return [budget, { recall: interval.value, meanTokens: mean(tokens), interval, difference }];
        }),
      ),
      baseline: Object.fromEntries(options.budgets.map((budget) => [budget, { recall: mean(baseline.get(budget)!) }])),
      answerableAuc: answerableAuc.value,
      leaveOutAuc: leaveOutAuc.value,
      intervals: { answerableAuc, leaveOutAuc },
    };
  });
}

interface Asking extends EvaluationOptions {
  readonly docs: string;
  readonly budgets: readonly number[];
  readonly tokenizer: string;
}

interface Confidence {
  readonly id: string;
  readonly kind: 'answerable' | 'unanswerable' | 'left-out';
  readonly value: number;
}

interface Asked {
  /** Of the answerable questions, in order: 1 where the evidence is in the context, and the context's tokens. */
  readonly budgets: Map<number, { found: number[]; tokens: number[] }>;
  readonly confidence: Confidence[];
}

async function ask(engine: Engine, questions: readonly Question[], options: Asking): Promise<Asked> {
  const { budgets, out, signal } = options;
  const result: Asked = {
    budgets: new Map(budgets.map((budget) => [budget, { found: [], tokens: [] }])),
    confidence: [],
  };
  const lines = new Map(budgets.map((budget) => [budget, '']));
  for (const [index, question] of questions.entries()) {
    throwIfAborted(signal);
    for (const budget of budgets) {
      const answer = await contextOf(engine, question, budget, options);
      lines.set(
        budget,
        `${lines.get(budget)!}${JSON.stringify({ id: question.id, context: answer.context, citations: answer.citations })}\n`,
      );
      if (question.quote !== null) {
        const figures = result.budgets.get(budget)!;
        figures.found.push(holds(answer.context, question.quote) ? 1 : 0);
        figures.tokens.push(answer.tokens);
      }
      if (budget !== budgets[0]) continue;
      const kind = question.quote === null ? 'unanswerable' : 'answerable';
      result.confidence.push({ id: question.id, kind, value: answer.confidence });
    }
    if (question.file !== null) {
      const answer = await contextOf(engine, question, budgets[0]!, options, question.file);
      result.confidence.push({ id: question.id, kind: 'left-out', value: answer.confidence });
    }
    options.onProgress?.({ stage: 'query', done: index + 1, total: questions.length });
  }
  if (out !== undefined) {
    for (const [budget, text] of lines) await writeOut(out, `contexts-${budget}.jsonl`, text);
    const confidence = result.confidence.filter(({ kind }) => kind !== 'left-out');
    await writeOut(
      out,
      'confidence.jsonl',
      confidence.map(({ id, value }) => `${JSON.stringify({ id, confidence: value })}\n`).join(''),
    );
  }
  return result;
}

function contextOf(
  engine: Engine,
  question: Question,
  tokens: number,
  { tokenizer, signal }: Asking,
  without?: string,
): Promise<ContextResult> {
  return engine.surface.context(
    engine.caller,
    EVAL_COLLECTION,
    {
      query: question.question,
      mode: 'hybrid',
      budget: { tokens, tokenizer },
      ...(without === undefined ? {} : { filter: { not: { eq: ['key', without] } } }),
    },
    signal,
  );
}

/** Whether the quote stands in the context, white space folded on both sides. */
function holds(context: string, quote: string): boolean {
  return fold(context).includes(fold(quote));
}

function fold(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').trim();
}

async function askBaseline(
  engine: Engine,
  questions: readonly Question[],
  options: Asking,
): Promise<Map<number, number[]>> {
  const embedder = await engine.embedder();
  const counter = await engine.counter(options.tokenizer);
  const tools: BaselineTools = {
    countTokens: (texts) => embedder.countTokens(texts),
    embed: (texts, role) =>
      role === 'query' ? embedder.embed(texts, role, options.signal) : remembered(engine, embedder, texts, options),
    analyze: (text) => analyze(text, DEFAULT_LANGUAGE),
  };
  const documents = await textsOf(engine, options.signal);
  const index = await buildBaseline(documents, tools);
  const found = new Map<number, number[]>(options.budgets.map((budget) => [budget, []]));
  for (const { question, quote } of questions) {
    throwIfAborted(options.signal);
    if (quote === null) continue;
    const ranked = await rankBaseline(index, question, tools);
    for (const budget of options.budgets)
      found.get(budget)!.push(holds(packBaseline(ranked, budget, counter), quote) ? 1 : 0);
  }
  return found;
}

/** The stored texts of all documents, by key. */
async function textsOf(engine: Engine, signal: AbortSignal): Promise<BaselineDocument[]> {
  const texts: BaselineDocument[] = [];
  let after: string | undefined;
  for (;;) {
    const page = { limit: 200, ...(after === undefined ? {} : { after }) };
    const { documents, next } = await engine.surface.documents.list(engine.caller, EVAL_COLLECTION, page, signal);
    for (const { documentId, key } of documents) {
      const at = { collection: EVAL_COLLECTION, documentId };
      texts.push({ id: key, text: (await engine.surface.documents.text(engine.caller, at, signal)).text });
    }
    if (next === undefined) return texts.sort((a, b) => (a.id < b.id ? -1 : 1));
    after = next;
  }
}

const BATCH = 256;

/** Vectors of the baseline's windows, kept beside the index: they take as long as the index itself. */
async function remembered(
  engine: Engine,
  embedder: Embedder,
  texts: readonly string[],
  options: Pick<EvaluationOptions, 'onProgress' | 'signal'>,
): Promise<Float32Array[]> {
  const { dims } = embedder;
  const path = join(
    engine.config.data,
    `baseline-${sha256([embedder.build, ...texts].join('\u0000')).slice(0, 16)}.f32`,
  );
  const stored = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (stored?.byteLength === texts.length * dims * 4) {
    const all = new Float32Array(stored.buffer.slice(stored.byteOffset, stored.byteOffset + stored.byteLength));
    return texts.map((_, index) => all.subarray(index * dims, (index + 1) * dims));
  }
  const vectors: Float32Array[] = [];
  for (let at = 0; at < texts.length; at += BATCH) {
    vectors.push(...(await embedder.embed(texts.slice(at, at + BATCH), 'document', options.signal)));
    options.onProgress?.({ stage: 'ingest', done: vectors.length, total: texts.length });
  }
  await writeFile(
    `${path}.tmp`,
    Buffer.concat(vectors.map((vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))),
  );
  await rename(`${path}.tmp`, path);
  return vectors;
}

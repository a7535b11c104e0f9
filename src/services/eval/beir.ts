import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { FootnoteError } from '../../core/errors.js';
import { sha256 } from '../../core/ids.js';
import type { SourceChange } from '../../core/ports/connector.js';
import { readJsonLines } from './jsonl.js';

const CorpusRow = z.object({ _id: z.coerce.string(), title: z.string().default(''), text: z.string() });
const QueryRow = z.object({ _id: z.coerce.string(), text: z.string() });

export interface BeirQuery {
  readonly id: string;
  readonly text: string;
  /** Judgements by document id; only those above 0 count as relevant. */
  readonly relevant: ReadonlyMap<string, number>;
}

/**
 * The corpus of a BEIR folder as a source: a document a row, its key the row's id. The title is part of what is searched,
 * as those sets mean it: it stands above the text as its heading.
 */
export async function* beirDocuments(directory: string): AsyncGenerator<SourceChange> {
  for await (const row of readJsonLines(join(directory, 'corpus.jsonl'), CorpusRow)) {
    const title = row.title.replace(/\s+/g, ' ').trim();
    const content = Buffer.from(title === '' ? row.text : `# ${title}\n\n${row.text}`);
    yield {
      kind: 'item',
      key: row._id,
      scope: 'corpus',
      quick: { sha256: sha256(content) },
      bytes: content.length,
      open: () => Readable.from([content]),
      mime: 'text/markdown',
      name: 'document.md',
      observedAt: '1970-01-01T00:00:00.000Z',
    };
  }
  yield { kind: 'complete', scope: 'corpus' };
}

/** Queries that have a judgement in `qrels/test.tsv`, in the file's order. */
export async function beirQueries(directory: string): Promise<BeirQuery[]> {
  const path = join(directory, 'qrels', 'test.tsv');
  const judgements = new Map<string, Map<string, number>>();
  const lines = (
    await readFile(path, 'utf8').catch((error: unknown) => {
      throw new FootnoteError('not_found', `${directory} is no BEIR folder: qrels/test.tsv is missing.`, {
        cause: error,
      });
    })
  ).split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line === '' || (index === 0 && line.startsWith('query-id'))) continue;
    const [query, document, score] = line.split('\t');
    const value = Number(score);
    if (query === undefined || document === undefined || score === undefined || !Number.isFinite(value)) {
      throw new FootnoteError('invalid_request', `${path}, line ${index + 1}: expected query-id, corpus-id and score.`);
    }
    const row = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, row.set(document, value));
  }
  const queries: BeirQuery[] = [];
  for await (const row of readJsonLines(join(directory, 'queries.jsonl'), QueryRow)) {
    const relevant = judgements.get(row._id);
    if (relevant) queries.push({ id: row._id, text: row.text, relevant });
  }
  if (queries.length === 0) throw new FootnoteError('invalid_request', `No query of ${directory} has a judgement.`);
  return queries;
}

/** TREC run lines: query, Q0, document, rank, score, tag. Scores fall with the rank as trec_eval orders by them. */
export function trecRun(queryId: string, ranked: readonly { key: string; score: number }[], tag: string): string {
  return ranked.map(({ key, score }, index) => `${queryId} Q0 ${key} ${index + 1} ${score} ${tag}\n`).join('');
}

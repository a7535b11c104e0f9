import { FootnoteError, collectionNotFound } from '../../src/core/errors.js';
import { fieldsOf, matches } from '../../src/core/filter.js';
import type { Caller } from '../../src/core/policy.js';
import { mayRead, narrowCaller } from '../../src/core/policy.js';
import type { Catalog, DocumentRow, Head } from '../../src/core/ports/catalog.js';
import type { VectorStore } from '../../src/core/ports/vectors.js';
import type { Why, WhyResult } from '../../src/core/schemas/query.js';
import { DEFAULT_FOLD_THRESHOLD, fold } from '../../src/stages/fold.js';
import type { DropReason } from '../../src/stages/pack.js';
import { type ContextPorts, pack } from './context.js';
import { order } from './ranking.js';
import type { Retrieved } from './retrieve.js';
import { retrieve } from './retrieve.js';
import { releaseRef } from './search.js';
import { Stopwatch } from './stopwatch.js';

export interface WhyPorts extends Omit<ContextPorts, 'catalog' | 'vectors'> {
  readonly catalog: ContextPorts['catalog'] & Pick<Catalog, 'heads'>;
  readonly vectors: Pick<VectorStore, 'search' | 'document'>;
}

type Stage = WhyResult['stages'][number];

/** Follows one document through a query and names the stage that lost it. @throws document_not_found, what `retrieve` throws */
export async function why(
  ports: WhyPorts,
  caller: Caller,
  collection: string,
  request: Why,
  signal?: AbortSignal,
): Promise<WhyResult> {
  const watch = new Stopwatch(ports.telemetry);
  const reader = narrowCaller(caller, request.as);
  const id = request.documentId;
  if (!(await ports.catalog.releases.current(caller.tenant, collection))) throw collectionNotFound(collection);
  const head = (await ports.catalog.heads.get([id], { tenant: caller.tenant, collection })).get(id);
  // Who may not know of the document at all gets the same answer as for one that is not there.
  if (head?.event.collection !== collection || !mayRead(caller, head.event.tenant, head.event.policy)) {
    throw new FootnoteError('document_not_found', `There is no document ${id} in ${collection}.`);
  }
  const wanted = request.budget ? ports.candidates : request.limit;
  const retrieved = await retrieve(
    ports,
    {
      caller: reader,
      collection,
      query: request.query,
      mode: request.mode,
      ...(request.filter === undefined ? {} : { filter: request.filter }),
      k: Math.max(ports.candidates, request.limit),
      wanted,
      ...(signal === undefined ? {} : { signal }),
    },
    watch,
  );
  const row = await ports.catalog.documents.get(retrieved.generation.id, id);
  const stages = [
    logStage(head, row),
    failedStage(row),
    policyStage(reader, head),
    await filterStage(ports, request, retrieved, row),
    ...(await rankStages(ports, request, retrieved, watch)),
  ];
  const lost = stages.find((stage) => !stage.present);
  return {
    found: lost === undefined,
    ...(lost ? { lostAt: lost.stage } : {}),
    stages,
    release: releaseRef(retrieved.release),
    timings: watch.timings(),
  };
}

function logStage(head: Head, row: DocumentRow | undefined): Stage {
  const stage = 'log';
  if (head.deleted) return { stage, present: false, detail: 'The document was deleted.' };
  if (!row || row.state === 'deleted') {
    return { stage, present: false, detail: 'The live generation has not applied it yet: see lag in status.' };
  }
  const behind = row.seen.version < head.version;
  return { stage, present: true, ...(behind ? { detail: 'A newer state was accepted and is not applied yet.' } : {}) };
}

function failedStage(row: DocumentRow | undefined): Stage {
  const stage = 'failed';
  const present = (row?.visible?.chunks ?? 0) > 0;
  const error = row?.error && `${row.error.code}: ${row.error.message}`;
  if (error !== undefined) {
    const what = present ? 'Its newest state failed, an older one is shown' : 'It failed';
    return { stage, present, detail: `${what}. ${error}` };
  }
  const empty = row?.visible?.chunks === 0;
  return { stage, present, ...(empty ? { detail: 'It holds no text that could be searched.' } : {}) };
}

function policyStage(reader: Caller, { event }: Head): Stage {
  const present = mayRead(reader, event.tenant, event.policy);
  const detail = `Needs one of the principals ${event.policy.principals.join(', ')}.`;
  return { stage: 'policy', present, ...(present ? {} : { detail }) };
}

async function filterStage(
  ports: WhyPorts,
  { filter, documentId }: Why,
  { generation }: Retrieved,
  row: DocumentRow | undefined,
): Promise<Stage> {
  const stage = 'filter';
  if (filter === undefined || !row?.visible) return { stage, present: true };
  const points = await ports.vectors.document(generation.id, documentId, row.visible.version);
  const passing = points.filter((point) => matches(filter, fieldsOf(point))).length;
  if (passing > 0) return { stage, present: true };
  return { stage, present: false, detail: `The filter lets none of its ${points.length} chunks through.` };
}

/** Its rank, and what became of it behind that: among the hits of a search, or in the context. */
async function rankStages(ports: WhyPorts, request: Why, retrieved: Retrieved, watch: Stopwatch): Promise<Stage[]> {
  const { documentId: id, budget, mode } = request;
  const ranked = order(mode, retrieved);
  const best = ranked.findIndex(({ candidate }) => candidate.documentId === id);
  if (best < 0) {
    const arms = mode === 'hybrid' ? 'of either arm' : `of the ${mode} arm`;
    return [
      { stage: 'rank', present: false, detail: `None of its chunks is among the first ${ports.candidates} ${arms}.` },
    ];
  }
  const place = { rank: best + 1, score: ranked[best]!.scores.final };
  if (!budget) return [{ stage: 'rank', ...place, ...amongHits(ranked, request, place.rank) }];
  const counter = await ports.counter(budget.tokenizer);
  const { packed } = await pack(ports.texts, counter, retrieved, { mode, budget }, watch);
  const mine = new Set(
    ranked.filter(({ candidate }) => candidate.documentId === id).map(({ candidate }) => candidate.point.chunkId),
  );
  const used = packed.passages.findIndex(({ chunkIds }) => chunkIds.some((chunkId) => mine.has(chunkId)));
  const reasons = packed.dropped.filter(({ chunkId }) => mine.has(chunkId)).map(({ reason }) => DROPPED[reason]);
  return [
    { stage: 'rank', present: true, ...place },
    used >= 0
      ? { stage: 'packing', present: true, rank: used + 1 }
      : { stage: 'packing', present: false, detail: `Of its chunks, ${[...new Set(reasons)].join(', or ')}.` },
  ];
}

const DROPPED: Readonly<Record<DropReason, string>> = {
  budget: 'none fitted into what was left of the budget',
  duplicate: 'what they say stands in the context already',
  document_share: 'the document had had its share',
};

function amongHits(
  ranked: ReturnType<typeof order>,
  { documentId: id, limit }: Why,
  rank: number,
): Pick<Stage, 'present' | 'detail'> {
  const hits = ranked.map(({ candidate }) => ({ id: candidate.id, text: candidate.text, of: candidate.documentId }));
  const { kept, folded } = fold(hits, { limit, threshold: DEFAULT_FOLD_THRESHOLD });
  if (kept.some((hit) => hit.of === id)) return { present: true };
  const mine = new Set(hits.filter((hit) => hit.of === id).map((hit) => hit.id));
  const into = [...folded].find(([, under]) => under.some((each) => mine.has(each)))?.[0];
  const other = hits.find((hit) => hit.id === into)?.of;
  if (other !== undefined) return { present: false, detail: `Folded into a near-duplicate of document ${other}.` };
  return { present: false, detail: `Its best chunk ranks ${rank}, behind the limit of ${limit}.` };
}

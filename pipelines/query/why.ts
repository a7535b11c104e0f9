import { narrowCaller, mayRead } from '../../src/core/policy.js';
import type { Caller } from '../../src/core/policy.js';
import type { Catalog } from '../../src/core/ports/catalog.js';
import type { Why, WhyResult } from '../../src/core/schemas/query.js';
import { DEFAULT_FOLD_THRESHOLD, fold } from '../../src/stages/fold.js';
import { FootnoteError, collectionNotFound } from '../../src/core/errors.js';
import { order } from './ranking.js';
import { retrieve } from './retrieve.js';
import type { SearchPorts } from './search.js';
import { releaseRef } from './search.js';
import { Stopwatch } from './stopwatch.js';

export interface WhyPorts extends Omit<SearchPorts, 'catalog'> {
  readonly catalog: SearchPorts['catalog'] & Pick<Catalog, 'heads'>;
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
  const stages: Stage[] = [];
  const retrieved = await retrieve(
    ports,
    {
      caller: reader,
      collection,
      query: request.query,
      mode: request.mode,
      ...(request.filter === undefined ? {} : { filter: request.filter }),
      k: Math.max(ports.candidates, request.limit),
      wanted: request.limit,
      ...(signal === undefined ? {} : { signal }),
    },
    watch,
  );
  const row = await ports.catalog.documents.get(retrieved.generation.id, id);
  stages.push(
    head.deleted
      ? { stage: 'log', present: false, detail: 'The document was deleted.' }
      : !row
        ? { stage: 'log', present: false, detail: 'The live generation has not applied it yet: see lag in status.' }
        : { stage: 'log', present: true },
  );
  const failed = row?.state === 'failed' ? `${row.error?.code ?? 'internal'}: ${row.error?.message ?? ''}` : undefined;
  stages.push({
    stage: 'parse',
    present: row?.visible !== undefined && row.visible.chunks > 0,
    ...(failed === undefined ? {} : { detail: failed }),
  });
  const readable = mayRead(reader, head.event.tenant, head.event.policy);
  stages.push({
    stage: 'policy',
    present: readable,
    ...(readable ? {} : { detail: `Needs one of the principals ${head.event.policy.principals.join(', ')}.` }),
  });
  const mine = retrieved.candidates.filter((candidate) => candidate.documentId === id);
  stages.push({
    stage: 'retrieve',
    present: mine.length > 0,
    ...(mine.length > 0
      ? {}
      : {
          detail:
            request.filter === undefined
              ? `None of its chunks is among the first ${ports.candidates} of any arm.`
              : `None of its chunks is among the first ${ports.candidates} that the filter lets through.`,
        }),
  });
  const ranked = order(request.mode, retrieved);
  const best = ranked.findIndex(({ candidate }) => candidate.documentId === id);
  if (best >= 0) stages.push({ stage: 'rank', present: true, rank: best + 1, score: ranked[best]!.scores.final });
  const hits = ranked.map(({ candidate }) => ({ id: candidate.id, text: candidate.text, of: candidate.documentId }));
  const { kept, folded } = fold(hits, { limit: request.limit, threshold: DEFAULT_FOLD_THRESHOLD });
  const at = kept.findIndex((hit) => hit.of === id);
  if (best >= 0) {
    const ids = new Set(hits.filter((hit) => hit.of === id).map((hit) => hit.id));
    const into = [...folded].find(([, under]) => under.some((each) => ids.has(each)))?.[0];
    const other = hits.find((hit) => hit.id === into)?.of;
    const detail =
      other === undefined
        ? `Its best chunk ranks ${best + 1}, behind the limit of ${request.limit}.`
        : `Folded into a near-duplicate of document ${other}.`;
    stages.push({
      stage: other === undefined || at >= 0 ? 'limit' : 'fold',
      present: at >= 0,
      ...(at >= 0 ? { rank: at + 1 } : { detail }),
    });
  }
  const lost = stages.find((stage) => !stage.present);
  return {
    found: at >= 0,
    ...(at >= 0 || !lost ? {} : { lostAt: lost.stage }),
    stages,
    release: releaseRef(retrieved.release),
    timings: watch.timings(),
  };
}

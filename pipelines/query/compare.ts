import type { Caller } from '../../src/core/policy.js';
import type { ReleaseDiff, ReleaseDiffResult } from '../../src/core/schemas/reindex.js';
import type { RankedDocument, SearchPorts } from './search.js';
import { rankDocuments } from './search.js';

/** The queries that are told of one by one. */
const TOLD = 10;
const MODE = 'hybrid';

/** The same queries asked of one generation, as if it were released. */
function pinned(ports: SearchPorts, generation: string): SearchPorts {
  const { releases } = ports.catalog;
  return {
    ...ports,
    catalog: {
      ...ports.catalog,
      releases: {
        ...releases,
        async current(tenant, collection) {
          const release = await releases.current(tenant, collection);
          const target = await ports.catalog.generations.get(generation);
          if (!release || !target) return release;
          const spaces = Object.entries(target.spec.models).map(([name, { space }]) => [name, space]);
          return { ...release, generation, spaces: Object.fromEntries(spaces) as Record<string, string> };
        },
        switch: (next, expected) => releases.switch(next, expected),
        history: (tenant, collection, limit) => releases.history(tenant, collection, limit),
      },
    },
  };
}

/** How differently two generations answer the same queries, as this caller sees them. Nothing is switched. */
export async function compareGenerations(
  ports: SearchPorts,
  caller: Caller,
  collection: string,
  { a, b, k, queries }: ReleaseDiff & { readonly queries: NonNullable<ReleaseDiff['queries']> },
  signal: AbortSignal,
): Promise<ReleaseDiffResult> {
  const [left, right] = [pinned(ports, a), pinned(ports, b)];
  const differing: ReleaseDiffResult['most'] = [];
  const judged = { queries: 0, a: { recall: 0, mrr: 0 }, b: { recall: 0, mrr: 0 } };
  let overlaps = 0;
  let sameFirst = 0;
  for (const { query, relevant } of queries) {
    const ask = (of: SearchPorts) => rankDocuments(of, caller, collection, { query, mode: MODE, limit: k }, signal);
    const [inA, inB] = [await ask(left), await ask(right)];
    const [idsA, idsB] = [new Set(inA.map(idOf)), new Set(inB.map(idOf))];
    const most = Math.max(idsA.size, idsB.size);
    const overlap = most === 0 ? 1 : inA.filter((each) => idsB.has(idOf(each))).length / most;
    overlaps += overlap;
    sameFirst += inA[0]?.documentId === inB[0]?.documentId ? 1 : 0;
    differing.push({
      query,
      overlap,
      onlyA: inA.filter((each) => !idsB.has(idOf(each))).map(({ key }) => key),
      onlyB: inB.filter((each) => !idsA.has(idOf(each))).map(({ key }) => key),
    });
    if (!relevant || relevant.length === 0) continue;
    judged.queries += 1;
    add(judged.a, judge(inA, relevant));
    add(judged.b, judge(inB, relevant));
  }
  const mean = (sum: number, of: number): number => (of === 0 ? 1 : sum / of);
  const share = ({ recall, mrr }: { recall: number; mrr: number }) => ({
    recall: mean(recall, judged.queries),
    mrr: mean(mrr, judged.queries),
  });
  return {
    a,
    b,
    k,
    queries: queries.length,
    overlap: mean(overlaps, queries.length),
    sameFirst: mean(sameFirst, queries.length),
    ...(judged.queries === 0 ? {} : { judged: { queries: judged.queries, a: share(judged.a), b: share(judged.b) } }),
    most: differing
      .filter(({ overlap }) => overlap < 1)
      .toSorted((x, y) => x.overlap - y.overlap)
      .slice(0, TOLD),
  };
}

function idOf({ documentId }: RankedDocument): string {
  return documentId;
}

/** Recall and reciprocal rank of the first relevant one among the documents found. */
function judge(found: readonly RankedDocument[], relevant: readonly string[]): { recall: number; mrr: number } {
  const wanted = new Set(relevant);
  const hits = found.map(({ documentId, key }) => wanted.has(documentId) || wanted.has(key));
  const first = hits.indexOf(true);
  return { recall: hits.filter(Boolean).length / wanted.size, mrr: first < 0 ? 0 : 1 / (first + 1) };
}

function add(sum: { recall: number; mrr: number }, one: { recall: number; mrr: number }): void {
  sum.recall += one.recall;
  sum.mrr += one.mrr;
}

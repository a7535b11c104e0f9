import { narrowCaller } from '../../src/core/policy.js';
import type { Caller } from '../../src/core/policy.js';
import type { TokenCounter } from '../../src/core/ports/models.js';
import type { MarkedCitation } from '../../src/core/schemas/citations.js';
import type { ContextMany, ContextManyResult, ContextRequest, ContextResult } from '../../src/core/schemas/query.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import { anchorsOf, cite } from '../../src/stages/cite.js';
import { confidence } from '../../src/stages/confidence.js';
import type { Ranked } from '../../src/stages/fuse.js';
import { DEFAULT_PACK, DEFAULT_TEMPLATE, packContext } from '../../src/stages/pack.js';
import type { PackCandidate, PackDocument, PackedContext, PackedPassage } from '../../src/stages/pack.js';
import { order } from './ranking.js';
import type { RetrievedCandidate } from './retrieve.js';
import type { Pooled } from './retrieve-all.js';
import { retrieveAll } from './retrieve-all.js';
import type { SearchPorts } from './search.js';
import { eachQuery, releaseRef, releaseRefs } from './search.js';
import { Stopwatch } from './stopwatch.js';
import type { ParsedTexts } from './texts.js';

export interface ContextPorts extends SearchPorts {
  readonly texts: ParsedTexts;
  /** @throws tokenizer_unknown */
  readonly counter: (tokenizer: string) => Promise<TokenCounter>;
}

/** Documents whose texts are at hand for joining and growing passages: those of the best candidates. */
const TEXTS = 16;
const READS = 8;

/**
 * Packs the best passages for a query into a token budget, each with its citation. The counted tokens are those of the
 * finished string (law 8); every quote stands verbatim in it and in the cited revision (law 1).
 * @throws what `retrieve` throws, tokenizer_unknown
 */
export async function buildContext(
  ports: ContextPorts,
  caller: Caller,
  collection: string,
  request: ContextRequest,
  signal?: AbortSignal,
): Promise<ContextResult> {
  const { releases, citations, ...packed } = await packFrom(ports, caller, [collection], request, signal);
  return {
    ...packed,
    citations: citations.map(({ citation }) => citation),
    release: releaseRef(releases.get(collection)!),
  };
}

/** A context a query, each from all of the collections. @throws what `retrieveAll` throws, tokenizer_unknown */
export async function buildContexts(
  ports: ContextPorts,
  caller: Caller,
  { collections, queries, ...request }: ContextMany,
  signal?: AbortSignal,
): Promise<ContextManyResult> {
  const results = await eachQuery(queries, async (query) => {
    const packing = packFrom(ports, caller, collections, { ...request, query }, signal);
    const { releases, citations, ...packed } = await packing;
    return {
      query,
      ...packed,
      citations: citations.map(({ citation, collection }) => ({ ...citation, collection })),
      releases: releaseRefs(releases),
    };
  });
  return { results };
}

async function packFrom(
  ports: ContextPorts,
  caller: Caller,
  collections: readonly string[],
  request: ContextRequest,
  signal: AbortSignal | undefined,
) {
  const watch = new Stopwatch(ports.telemetry);
  const counter = await ports.counter(request.budget.tokenizer);
  const pooled = await retrieveAll(
    ports,
    collections,
    {
      caller: narrowCaller(caller, request.as),
      query: request.query,
      mode: request.mode,
      ...(request.filter === undefined ? {} : { filter: request.filter }),
      k: ports.candidates,
      wanted: ports.candidates,
      ...(signal === undefined ? {} : { signal }),
    },
    watch,
  );
  const { ranked, packed } = await pack(ports.texts, counter, pooled, request, watch);
  const candidates = new Map(ranked.map(({ candidate }) => [candidate.point.chunkId, candidate]));
  const citations = await watch.time('cite', () =>
    Promise.all(
      packed.passages.map(async (passage) => {
        const first = candidates.get(passage.chunkIds[0]!)!;
        return { citation: await citationOf(ports.texts, first.point, passage), collection: first.collection };
      }),
    ),
  );
  return {
    context: packed.context,
    tokens: packed.tokens,
    citations,
    explain: {
      used: packed.passages.flatMap((passage) => passage.chunkIds),
      dropped: packed.dropped.map(({ chunkId, reason }) => ({ chunkId, reason })),
    },
    confidence: confidence(
      pooled.terms,
      ranked.map(({ candidate, scores }) => ({
        documentId: candidate.documentId,
        dense: scores.dense,
        terms: candidate.point.terms,
        headings: candidate.point.headings,
      })),
    ),
    releases: pooled.releases,
    timings: watch.timings(),
  };
}

/** Ranks what was retrieved and packs it. */
export async function pack(
  texts: ParsedTexts,
  counter: TokenCounter,
  retrieved: Pick<Pooled, 'candidates' | 'vector' | 'lexicalComplete'>,
  { mode, budget, template = {} }: Pick<ContextRequest, 'mode' | 'budget' | 'template'>,
  watch: Stopwatch,
): Promise<{ readonly ranked: readonly Ranked<RetrievedCandidate>[]; readonly packed: PackedContext }> {
  const ranked = watch.timeSync('rank', () => order(mode, retrieved));
  const documents = await watch.time('texts', () => loadTexts(texts, ranked));
  const packed = watch.timeSync('pack', () =>
    packContext(ranked.map(packCandidate), documents, budget.tokens, counter, {
      ...DEFAULT_PACK,
      template: { ...DEFAULT_TEMPLATE, ...defined(template) },
    }),
  );
  return { ranked, packed };
}

async function loadTexts(
  texts: ParsedTexts,
  ranked: readonly Ranked<RetrievedCandidate>[],
): Promise<Map<string, PackDocument>> {
  const revisions = new Map<string, string>();
  for (const { candidate } of ranked) {
    if (revisions.size >= TEXTS) break;
    revisions.set(candidate.documentId, candidate.point.revision);
  }
  const documents = new Map<string, PackDocument>();
  await forEachConcurrent(revisions, READS, async ([documentId, revision]) => {
    const parsed = await texts.find(documentId, revision);
    if (parsed) documents.set(documentId, parsed);
  });
  return documents;
}

function packCandidate({ candidate }: Ranked<RetrievedCandidate>): PackCandidate {
  const { point } = candidate;
  return {
    chunkId: point.chunkId,
    documentId: point.documentId,
    revision: point.revision,
    span: point.span,
    text: point.text,
    headings: point.headings,
    after: point.anchor.suffix,
    ...(point.title === undefined ? {} : { title: point.title }),
    ...(point.uri === undefined ? {} : { uri: point.uri }),
  };
}

/** A passage that is one chunk is cited from what stands beside the chunk; a joined or grown one from its text. */
async function citationOf(
  texts: ParsedTexts,
  first: RetrievedCandidate['point'],
  passage: PackedPassage,
): Promise<MarkedCitation> {
  const { documentId, revision, span, quote, marker } = passage;
  const isChunk = span.start === first.span.start && span.end === first.span.end;
  const parsed = isChunk ? undefined : await texts.get(documentId, revision);
  const anchor = parsed ? anchorsOf(parsed.text, [span], parsed.regions, parsed.parser)[0]! : first.anchor;
  const citation = cite({
    documentId,
    revision,
    source: first.source,
    key: first.key,
    ...(first.uri === undefined ? {} : { uri: first.uri }),
    ...(first.title === undefined ? {} : { title: first.title }),
    span,
    quote,
    anchor,
  });
  return { ...(citation as Omit<MarkedCitation, 'marker'>), marker };
}

/** Without the fields that are undefined: a template's absent parts are the default's. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

import { connectors } from '../../../connectors/registry.js';
import { exportCanonical } from '../../../pipelines/export.js';
import type { ConsumerPorts } from '../../../pipelines/ingest/consume.js';
import { replayDeadLetter } from '../../../pipelines/ingest/replay.js';
import { switchRelease } from '../../../pipelines/reindex/switch.js';
import { verify } from '../../../pipelines/verify.js';
import { sweepCache } from '../../../pipelines/verify/cache.js';
import type { VerifyReport } from '../../../pipelines/verify/ports.js';
import type { Config } from '../../core/config.js';
import { FootnoteError } from '../../core/errors.js';
import type { Generation, Release } from '../../core/generation.js';
import { streamOf } from '../../core/generation.js';
import type { Caller } from '../../core/policy.js';
import { mayRead, mayUse } from '../../core/policy.js';
import type { Collection } from '../../core/ports/catalog.js';
import type { Clock } from '../../core/ports/clock.js';
import type { DeadLetter } from '../../core/ports/log.js';
import type { SourceChange } from '../../core/ports/connector.js';
import type { CanonicalChunk, DeadLetterView, ReleaseView, VerifyEvent } from '../../core/schemas/operations.js';
import type { EngineSurface } from '../../core/surface.js';
import { channel } from '../../runtime/channel.js';
import type { FaultPoints } from '../../runtime/faults.js';
import type { CollectionsService } from '../../services/collections.js';
import { ingestPaths } from '../../services/ingest-paths.js';
import type { IngestPathsPorts } from '../../services/ingest-paths.js';
import type { Consumers } from '../consumers.js';
import { releasePorts } from '../retiring.js';
import { singleRead } from '../single-read.js';
import type { Storage } from '../storage.js';

export interface OperationParts {
  readonly config: Config;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly collections: CollectionsService;
  readonly consumers: Consumers;
  readonly ingestPorts: Omit<IngestPathsPorts, 'caughtUp'>;
  readonly consumerPorts: (generation: Generation) => Promise<ConsumerPorts>;
  readonly faults: FaultPoints;
  /** Dead letters that are being replayed. */
  readonly replays: { count: number };
  /** Works while no other process repairs the collection or replays its dead letters. */
  readonly quietly: <T>(
    collection: { readonly tenant: string; readonly name: string },
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ) => Promise<T>;
}

export function collectionSurface({ collections, storage }: OperationParts): EngineSurface['collections'] {
  const view = ({ name, defaultPolicy, settings, createdAt }: Collection) => ({
    name,
    defaultPolicy,
    settings: settings as Record<string, never>,
    createdAt,
  });
  return {
    list: async (caller) => ({
      collections: (await storage.catalog.collections.list(caller.tenant))
        .filter(({ name }) => mayUse(caller, name))
        .map(view),
    }),
    async put(caller, name, change) {
      const { created, collection } = await collections.put(caller.tenant, name, change);
      return { created, collection: view(collection) };
    },
    get: async (caller, name) => view(await collections.get(caller.tenant, name)),
    delete: (caller, name) => collections.delete(caller.tenant, name),
  };
}

type Operations = Pick<EngineSurface, 'ingest' | 'verify' | 'export' | 'dlq' | 'release'>;

export function operationSurface(parts: OperationParts): Operations {
  const { storage, collections } = parts;
  return {
    async *ingest(caller, collection, request, signal) {
      const { paths, metadata } = request;
      // Asked for by name: no rules of the folder's own stand in the way.
      const changes = connectors.files.read(
        connectors.files.config.parse({ paths, ignoreFiles: [], links: 'follow' }),
        singleRead(parts.clock, signal),
      );
      yield* ingestChanges(
        parts,
        caller,
        {
          collection,
          source: request.source ?? 'files',
          connector: connectors.files.name,
          changes: metadata === undefined ? changes : withMetadata(changes, metadata),
          deletes: request.deleteMissing ?? true,
        },
        signal,
      );
    },

    async *verify(caller, name, { repair }, signal) {
      const collection = await collections.get(caller.tenant, name);
      yield* channel<VerifyEvent>(async (emit, inner) => {
        const began = parts.clock.now();
        const emitting: Promise<void>[] = [];
        const report = await verifyCollection(parts, collection, repair, inner, (problem) => {
          emitting.push(emit(problem));
        });
        await Promise.all(emitting);
        if (repair) await sweepCache({ heads: storage.catalog.heads, cache: storage.cache }, inner);
        await emit({
          type: 'summary',
          ok: report.found === report.repaired,
          checked: { documents: report.documents, chunks: report.chunks },
          problems: report.found,
          repaired: report.repaired,
          ms: parts.clock.now() - began,
        });
      }, signal);
    },

    async *export(caller, name, signal) {
      const release = await currentRelease(parts, caller, name);
      const ports = { documents: storage.catalog.documents, vectors: storage.vectors };
      for await (const line of exportCanonical(ports, release.generation, signal))
        yield JSON.parse(line) as CanonicalChunk;
    },

    dlq: {
      async list(caller, name, page) {
        await collections.get(caller.tenant, name);
        const letters = await storage.log.deadLetters.list(streamOf(caller.tenant, name), page);
        const last = letters.at(-1);
        return {
          deadLetters: letters.filter((letter) => mayKnow(caller, letter)).map(letterView),
          ...(last && letters.length >= page.limit ? { next: last.id } : {}),
        };
      },
      get: async (caller, name, id) => letterView(await letterOf(parts, caller, name, id)),
      async replay(caller, name, id, signal) {
        const letter = await letterOf(parts, caller, name, id);
        const generation = await storage.catalog.generations.get(letter.group);
        if (!generation)
          throw new FootnoteError('not_found', 'The generation of this dead letter is gone: drop the letter.');
        const ports = await parts.consumerPorts(generation);
        const replayPorts = { ...ports, deadLetters: storage.log.deadLetters };
        parts.replays.count += 1;
        const outcome = await parts
          .quietly({ tenant: caller.tenant, name }, signal, (inner) =>
            replayDeadLetter(replayPorts, generation, id, {
              signal: inner,
              onParseFailure: parts.config.ingest.onParseFailure,
            }),
          )
          .finally(() => (parts.replays.count -= 1));
        if (outcome.kind === 'failed') {
          const { code, message } = outcome.error ?? { code: 'internal', message: 'It failed again.' };
          return { id, outcome: 'failed', error: { code, message } };
        }
        return { id, outcome: outcome.kind === 'superseded' ? 'superseded' : 'replayed' };
      },
      async drop(caller, name, id) {
        await letterOf(parts, caller, name, id);
        await storage.log.deadLetters.remove(id);
      },
    },

    release: {
      get: async (caller, name) => releaseView(await currentRelease(parts, caller, name)),
      async set(caller, name, request, signal) {
        const current = await currentRelease(parts, caller, name);
        if (request.expected !== undefined && request.expected !== current.number) {
          throw new FootnoteError(
            'conflict',
            `Release ${current.number} is live, not ${request.expected}: look at it and decide again.`,
          );
        }
        const target = await storage.catalog.generations.get(request.generation);
        if (target?.tenant !== caller.tenant || target.collection !== name) {
          throw new FootnoteError('not_found', `There is no generation ${request.generation} in ${name}.`);
        }
        return releaseView(await switchRelease(releasePorts(parts), target.id, { signal }));
      },
    },
  };
}

export interface IngestChanges {
  readonly collection: string;
  readonly source: string;
  readonly connector: string;
  readonly changes: AsyncIterable<SourceChange>;
  readonly deletes: boolean;
}

/** Brings a listing into a collection of the caller and waits until it is searchable. */
export async function* ingestChanges(
  parts: OperationParts,
  caller: Caller,
  { collection: name, ...of }: IngestChanges,
  signal: AbortSignal,
): ReturnType<EngineSurface['ingest']> extends AsyncIterable<infer T> ? AsyncGenerator<T> : never {
  const collection = await parts.collections.get(caller.tenant, name);
  const release = await currentRelease(parts, caller, name);
  const generation = await parts.storage.catalog.generations.get(release.generation);
  if (!generation) throw new FootnoteError('internal', `Generation ${release.generation} is not in the catalog.`);
  const problem = parts.consumers.problem(generation.id);
  if (problem) throw problem;
  const stopped = parts.consumers.stopped(generation);
  try {
    yield* ingestPaths(
      {
        ...parts.ingestPorts,
        caughtUp: (_collection, _generation, inner) => parts.consumers.caughtUp(generation, inner),
      },
      { collection, generation: generation.id, maxBytes: parts.config.parsing.maxBytes, ...of },
      AbortSignal.any([signal, stopped]),
    );
  } catch (error) {
    throw stopped.aborted && !signal.aborted ? stopped.reason : error;
  }
}

/** @param onProblem told each problem as it is found */
export function verifyCollection(
  parts: Pick<OperationParts, 'storage' | 'clock' | 'quietly'>,
  collection: Pick<Collection, 'tenant' | 'name'>,
  repair: boolean,
  signal: AbortSignal,
  onProblem?: (problem: Extract<VerifyEvent, { type: 'problem' }>) => void,
): Promise<VerifyReport> {
  const { catalog, log, blobs, vectors, cache } = parts.storage;
  const { heads, documents, contents, revisions, generations } = catalog;
  const ports = {
    heads,
    documents,
    contents,
    revisions,
    generations,
    blobs,
    vectors,
    cache,
    deadLetters: log.deadLetters,
    log,
  };
  const check = (inner: AbortSignal): Promise<VerifyReport> =>
    verify({ ...ports, clock: parts.clock }, collection, {
      repair,
      signal: inner,
      inFlight: async (generation) => (await log.lag(streamOf(collection.tenant, collection.name), generation)) > 0,
      onProblem: ({ kind, documentId, detail, repaired }) =>
        onProblem?.({
          type: 'problem',
          kind,
          ...(documentId === undefined ? {} : { documentId }),
          message: detail,
          repaired,
        }),
    });
  return repair ? parts.quietly(collection, signal, check) : check(signal);
}

async function currentRelease(
  parts: Pick<OperationParts, 'storage' | 'collections'>,
  caller: Caller,
  name: string,
): Promise<Release> {
  await parts.collections.get(caller.tenant, name);
  const release = await parts.storage.catalog.releases.current(caller.tenant, name);
  if (!release)
    throw new FootnoteError('unavailable', `Collection ${name} is still being made: try again in a moment.`);
  return release;
}

async function letterOf(parts: OperationParts, caller: Caller, name: string, id: string): Promise<DeadLetter> {
  await parts.collections.get(caller.tenant, name);
  const letter = await parts.storage.log.deadLetters.get(id);
  if (letter?.stream === streamOf(caller.tenant, name) && mayKnow(caller, letter)) return letter;
  throw new FootnoteError('not_found', `There is no dead letter ${id}.`);
}

function mayKnow(caller: Caller, { event }: DeadLetter): boolean {
  return mayRead(caller, event.tenant, event.policy);
}

function letterView(letter: DeadLetter): DeadLetterView {
  const { event, position } = letter;
  return {
    id: letter.id,
    documentId: letter.documentId,
    source: event.source,
    key: event.key,
    op: event.op,
    generation: letter.group,
    code: letter.code,
    message: letter.message,
    attempts: letter.attempts,
    at: letter.at,
    position: { epoch: position.epoch, partition: position.partition, offset: position.offset.toString() },
    ...(event.content === undefined ? {} : { bytes: event.content.bytes }),
    ...(event.mime === undefined ? {} : { mime: event.mime }),
  };
}

function releaseView({ tenant: _, ...release }: Release): ReleaseView {
  return { ...release, spaces: { ...release.spaces }, retrieval: { ...release.retrieval } };
}

type SourceMetadata = NonNullable<Extract<SourceChange, { kind: 'item' }>['metadata']>;

async function* withMetadata(
  changes: AsyncIterable<SourceChange>,
  metadata: SourceMetadata,
): AsyncGenerator<SourceChange> {
  for await (const change of changes) yield change.kind === 'item' ? { ...change, metadata } : change;
}

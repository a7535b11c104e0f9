import type { Catalog } from '../../src/core/ports/catalog.js';
import type { BlobStore } from '../../src/core/ports/blobs.js';
import type { VectorCache } from '../../src/core/ports/cache.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { EventLog } from '../../src/core/ports/log.js';
import type { Embedder } from '../../src/core/ports/models.js';
import type { Parsing, Preparing } from '../../src/core/ports/processing.js';
import type { VectorStore } from '../../src/core/ports/vectors.js';
import type { ConsumerPorts } from '../../pipelines/ingest/consume.js';
import { noFaults } from '../../src/runtime/faults.js';

/** Every port of one process; mutants wrap these. */
export interface SimPorts {
  readonly catalog: Catalog;
  readonly log: EventLog;
  readonly blobs: BlobStore;
  readonly vectors: VectorStore;
  readonly cache: VectorCache;
  readonly parsing: Parsing;
  readonly preparing: Preparing;
  readonly embedder: Embedder;
  readonly clock: Clock;
}

const nothing = (): void => undefined;

/** As the pipelines take them; each names what it needs. */
export function pipelinePorts(ports: SimPorts) {
  const { catalog, log, blobs, vectors, cache, parsing, preparing, embedder, clock } = ports;
  const { heads, documents, contents, revisions, sources, generations, releases } = catalog;
  return {
    catalog,
    heads,
    documents,
    contents,
    revisions,
    sources,
    generations,
    releases,
    log,
    deadLetters: log.deadLetters,
    blobs,
    vectors,
    cache,
    parsing,
    preparing,
    embedders: { text: embedder },
    clock,
    faults: noFaults,
    telemetry: { observe: nothing, freshness: nothing, searchable: nothing, outcome: nothing, count: nothing },
  } satisfies ConsumerPorts & Record<string, unknown>;
}

import type { Schemas } from '@qdrant/js-client-rest';
import { FootnoteError } from '../../../core/errors.js';
import { readFormat } from '../../../core/format.js';
import type { VectorDims } from '../spec.js';
import type { QdrantOptions } from './options.js';

/** Format of our collections; raised when payloads, weights or names change. Recorded in each one's metadata. */
const COLLECTION_FORMAT = 1;

/** Key of the collection's metadata that holds `{format, vectors}`. */
const METADATA_KEY = 'footnote';

/** The sparse vector of a point's terms. No dense vector can have that name: theirs have no "-". */
export const TERMS_VECTOR = 'terms-bm25';

/** Payload fields beside those of the port's points: what filters need of a point's metadata and time. */
export const LABELS = 'labels';
export const OBSERVED_ORDER = 'observedOrder';

const keyword = { type: 'keyword' } as const;

/** Every field that a filter asks for, so that none is ever looked for in the payloads. */
export const FIELD_INDEXES = {
  documentId: keyword,
  source: keyword,
  key: keyword,
  kind: keyword,
  mime: keyword,
  language: keyword,
  title: keyword,
  uri: keyword,
  observedAt: keyword,
  principals: keyword,
  [LABELS]: keyword,
  page: { type: 'integer', lookup: true, range: true },
  [OBSERVED_ORDER]: { type: 'integer', lookup: false, range: true },
} as const satisfies Readonly<Record<string, Schemas['PayloadSchemaParams']>>;

/** How a generation's collection is made. */
export function collectionConfig(dims: VectorDims, options: QdrantOptions): Schemas['CreateCollection'] {
  const { onDisk = {}, shardNumber, replicationFactor, writeConsistencyFactor } = options;
  return {
    // The vectors are normalised already: Qdrant's `Cosine` would change what it stores.
    vectors: Object.fromEntries(
      Object.entries(dims).map(([name, size]) => [
        name,
        { size, distance: 'Dot' as const, on_disk: onDisk.vectors ?? false },
      ]),
    ),
    sparse_vectors: { [TERMS_VECTOR]: { modifier: 'idf', index: { on_disk: onDisk.terms ?? false } } },
    hnsw_config: { on_disk: onDisk.graph ?? false },
    on_disk_payload: onDisk.payload ?? true,
    // Written points must be found at once, however far the optimizers are.
    optimizers_config: { prevent_unoptimized: false },
    quantization_config: quantizationConfig(options),
    metadata: { [METADATA_KEY]: { format: COLLECTION_FORMAT, vectors: dims } },
    ...(shardNumber === undefined ? {} : { shard_number: shardNumber }),
    ...(replicationFactor === undefined ? {} : { replication_factor: replicationFactor }),
    ...(writeConsistencyFactor === undefined ? {} : { write_consistency_factor: writeConsistencyFactor }),
  };
}

function quantizationConfig({ quantization = 'none' }: QdrantOptions): Schemas['QuantizationConfig'] | null {
  switch (quantization) {
    case 'none':
      return null;
    case 'scalar':
      return { scalar: { type: 'int8', quantile: 0.99, always_ram: true } };
    case 'binary':
      return { binary: { always_ram: true } };
  }
}

/**
 * What a collection was made for.
 * @throws data_newer, data_corrupt
 */
export function readSpec(generation: string, metadata: unknown): VectorDims {
  const recorded = (metadata as { [METADATA_KEY]?: { format?: unknown; vectors?: unknown } } | null | undefined)?.[
    METADATA_KEY
  ];
  const what = `The Qdrant collection of ${generation}`;
  const mend = 'it was not made by Footnote, or is damaged: reindex into another generation';
  readFormat(recorded?.format, { what, newest: COLLECTION_FORMAT, mend });
  if (typeof recorded?.vectors !== 'object' || recorded.vectors === null) {
    throw new FootnoteError('data_corrupt', `${what} does not say which vectors it holds: ${mend}.`);
  }
  return recorded.vectors as VectorDims;
}

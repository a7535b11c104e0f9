import { Field, FixedSizeList, Float32, Int32, List, Schema, Utf8 } from 'apache-arrow';
import { FootnoteError } from '../../../core/errors.js';
import { readFormat } from '../../../core/format.js';
import type { VectorDims } from '../spec.js';

/** Format of our tables; raised when columns or encodings change. Recorded in each table's metadata. */
const TABLE_FORMAT = 1;

/** Key of the table's schema metadata that holds `{format, vectors}`. */
const METADATA_KEY = 'footnote';

const MEND = 'restore from a backup, or reindex the collection';

/**
 * Columns. `payload` is the whole point as JSON but for its vectors: one column to fetch and decode a hit. The others
 * mirror what a store must filter or index; they are never read back.
 */
export const COLUMN = {
  id: 'id',
  documentId: 'document_id',
  version: 'version',
  revision: 'revision',
  ordinal: 'ordinal',
  source: 'source',
  key: 'key',
  kind: 'kind',
  mime: 'mime',
  language: 'language',
  title: 'title',
  uri: 'uri',
  page: 'page',
  observedAt: 'observed_at',
  principals: 'principals',
  labels: 'labels',
  terms: 'terms',
  payload: 'payload',
} as const;

export const vectorColumn = (name: string) => `vector_${name}`;

export function tableSchema(vectors: VectorDims): Schema {
  const text = (name: string, nullable = false) => new Field(name, new Utf8(), nullable);
  const list = (name: string) => new Field(name, new List(new Field('item', new Utf8(), true)), false);
  return new Schema(
    [
      text(COLUMN.id),
      text(COLUMN.documentId),
      text(COLUMN.version),
      text(COLUMN.revision),
      new Field(COLUMN.ordinal, new Int32(), false),
      text(COLUMN.source),
      text(COLUMN.key),
      text(COLUMN.kind),
      text(COLUMN.mime),
      text(COLUMN.language, true),
      text(COLUMN.title, true),
      text(COLUMN.uri, true),
      new Field(COLUMN.page, new Int32(), true),
      text(COLUMN.observedAt),
      list(COLUMN.principals),
      list(COLUMN.labels),
      text(COLUMN.terms),
      text(COLUMN.payload),
      ...Object.entries(vectors).map(
        ([name, dims]) =>
          new Field(vectorColumn(name), new FixedSizeList(dims, new Field('item', new Float32(), true)), true),
      ),
    ],
    new Map([[METADATA_KEY, JSON.stringify({ format: TABLE_FORMAT, vectors })]]),
  );
}

/**
 * What a table was created for.
 * @throws data_newer, data_corrupt
 */
export function readSpec(generation: string, metadata: ReadonlyMap<string, string>): VectorDims {
  let recorded: { format?: unknown; vectors?: VectorDims };
  try {
    recorded = JSON.parse(metadata.get(METADATA_KEY) ?? '{}') as typeof recorded;
  } catch (cause) {
    throw unreadable(generation, cause);
  }
  readFormat(recorded.format, {
    what: `The table of vectors ${generation}`,
    newest: TABLE_FORMAT,
    mend: MEND,
  });
  if (typeof recorded.vectors !== 'object') throw unreadable(generation);
  return recorded.vectors;
}

function unreadable(generation: string, cause?: unknown): FootnoteError {
  return new FootnoteError('data_corrupt', `The table of vectors ${generation} carries no readable format: ${MEND}.`, {
    cause,
  });
}

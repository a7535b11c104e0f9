import type { Point } from '../../src/core/ports/vectors.js';
import { pointId, chunkId, documentId } from '../../src/core/ids.js';
import { versionKey } from '../../src/core/version.js';

/** A version key of one source's events by their number. */
export const versionAt = (n: number, fence = 1) => versionKey({ fence, epoch: 1, n: BigInt(n) });

export const documentNamed = (key: string) => documentId({ tenant: 't', collection: 'c', source: 's', key });

/** A unit vector that points where `seed` says; the same seed gives the same vector. */
export function unitVector(seed: number, dims: number): Float32Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  const vector = Float32Array.from({ length: dims }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

export type PointOptions = Partial<Omit<Point, 'id' | 'chunkId' | 'documentId'>> & { readonly doc?: string };

/** A point of document `doc` (by its key). Its id follows from document, revision, ordinal and version, as in production. */
export function point({ doc = 'a.md', ...given }: PointOptions = {}): Point {
  const revision = given.revision ?? '1'.repeat(32);
  const version = given.version ?? versionAt(1);
  const ordinal = given.ordinal ?? 0;
  const document = documentNamed(doc);
  const chunk = chunkId(document, revision, 'chunker', ordinal);
  const text = given.text ?? `Text ${ordinal} of ${doc}`;
  return {
    id: pointId(chunk, version),
    chunkId: chunk,
    documentId: document,
    source: 's',
    key: doc,
    kind: 'text',
    span: { start: 10 * ordinal, end: 10 * ordinal + text.length },
    context: '',
    anchor: { codePointStart: 10 * ordinal, prefix: '', suffix: '' },
    headings: [],
    tokens: 5,
    mime: 'text/plain',
    observedAt: '2026-01-01T00:00:00Z',
    principals: ['local'],
    metadata: {},
    terms: text.toLowerCase().split(' '),
    inputSha256: '0'.repeat(64),
    vectors: {},
    ...given,
    revision,
    version,
    ordinal,
    text,
  };
}

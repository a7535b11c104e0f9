import type { Schemas } from '@qdrant/js-client-rest';
import type { JsonObject } from '../../../core/json.js';
import type { Point, PointPayload } from '../../../core/ports/vectors.js';
import { labelsOf } from '../labels.js';
import { LABELS, OBSERVED_ORDER, TERMS_VECTOR } from './schema.js';
import { termWeights } from './terms.js';
import { timeOrder } from './time-order.js';

/**
 * A point's payload as it is stored. What is arbitrary JSON is kept as its text: the server reads numbers with an error
 * in the last digit and refuses deep nesting.
 */
interface StoredPayload extends Omit<PointPayload, 'id' | 'anchor' | 'metadata' | 'terms'> {
  readonly anchor: string;
  readonly metadata: string;
  /** Joined by spaces where no term has one: a list takes the server several times the memory. */
  readonly terms: string | readonly string[];
  /** The whole payload as JSON, where a text in it can't be stored as UTF-8. */
  readonly exact?: string;
}

/** Payload fields that are only there to be filtered by. */
const UNREAD = [LABELS, OBSERVED_ORDER];

/** Everything that `decodePoint` needs. */
export const WHOLE_PAYLOAD: Schemas['WithPayloadInterface'] = { exclude: UNREAD };

/** In one request's order. */
export function encodePoints(points: readonly Point[]): Schemas['PointStruct'][] {
  // A document's points share one metadata object.
  const known = new Map<JsonObject, readonly [text: string, labels: readonly string[]]>();
  return points.map((point) => {
    let metadata = known.get(point.metadata);
    if (metadata === undefined) {
      const labels = labelsOf(point.metadata).map((label) => label.toWellFormed());
      known.set(point.metadata, (metadata = [JSON.stringify(point.metadata), labels]));
    }
    return encodePoint(point, ...metadata);
  });
}

function encodePoint(point: Point, metadata: string, labels: readonly string[]): Schemas['PointStruct'] {
  const { id, vectors, terms, anchor, ...payload } = point;
  const stored = storable({ ...payload, anchor: JSON.stringify(anchor), metadata, terms: encodeTerms(terms) });
  const vector: Record<string, Schemas['Vector']> = {};
  for (const [name, values] of Object.entries(vectors)) vector[name] = Array.from(values);
  const weights = termWeights(terms);
  if (weights) vector[TERMS_VECTOR] = weights;
  return {
    id,
    vector,
    payload: { ...stored, [LABELS]: labels, [OBSERVED_ORDER]: timeOrder(point.observedAt) },
  };
}

/** JSON writes a lone surrogate so, and a backslash doubled. */
const LONE_SURROGATE = /\\ud[89a-f][0-9a-f]{2}/;
const BACKSLASH_OR_LONE_SURROGATE = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

function storable(payload: StoredPayload): StoredPayload {
  const exact = JSON.stringify(payload);
  if (!LONE_SURROGATE.test(exact)) return payload;
  const readable = exact.replace(BACKSLASH_OR_LONE_SURROGATE, (found) => (found === '\\\\' ? found : '\ufffd'));
  return { ...(JSON.parse(readable) as StoredPayload), exact };
}

function encodeTerms(terms: readonly string[]): string | readonly string[] {
  const text = terms.join(' ');
  let spaces = 0;
  for (let at = text.indexOf(' '); at >= 0; at = text.indexOf(' ', at + 1)) spaces += 1;
  return spaces === terms.length - 1 ? text : terms;
}

/** @param names of the dense vectors that were asked for */
export function decodePoint(
  record: Pick<Schemas['Record'], 'id' | 'payload' | 'vector'>,
  names: readonly string[],
): Point {
  const { exact, ...plain } = record.payload as unknown as StoredPayload;
  const { anchor, metadata, terms, ...payload } = exact === undefined ? plain : (JSON.parse(exact) as StoredPayload);
  const vectors: Record<string, Float32Array> = {};
  const given = record.vector as Readonly<Record<string, readonly number[] | undefined>> | null | undefined;
  for (const name of names) {
    const values = given?.[name];
    if (values !== undefined) vectors[name] = Float32Array.from(values);
  }
  return {
    ...payload,
    id: String(record.id),
    anchor: JSON.parse(anchor) as Point['anchor'],
    metadata: JSON.parse(metadata) as JsonObject,
    terms: typeof terms === 'string' ? terms.split(' ') : terms,
    vectors,
  };
}

/** About what a point takes in a request, in bytes. */
export function sizeOf(point: Point): number {
  let bytes = 1200 + 2 * point.text.length + 2 * point.context.length;
  // A weight with its place; a vector's number.
  bytes += 40 * point.terms.length;
  for (const vector of Object.values(point.vectors)) bytes += 21 * vector.length;
  return bytes;
}

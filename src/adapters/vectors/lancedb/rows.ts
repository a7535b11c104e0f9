import type { Query } from '@lancedb/lancedb';
import {
  makeData,
  RecordBatch,
  Struct,
  Table,
  Utf8,
  type Data,
  type DataType,
  type Field,
  type Schema,
} from 'apache-arrow';
import type { Point, PointPayload } from '../../../core/ports/vectors.js';
import { breathe } from '../../../runtime/breathe.js';
import { labelsOf } from '../labels.js';
import type { VectorDims } from '../spec.js';
import { COLUMN, vectorColumn } from './schema.js';

/** Points encoded in one turn of the event loop. */
const SLICE = 100;

/** Points as an Arrow table, a batch a slice. */
export async function encodePoints(points: readonly Point[], schema: Schema, dims: VectorDims): Promise<Table> {
  const batches: RecordBatch[] = [];
  for (let from = 0; from < points.length; from += SLICE) {
    if (from > 0) await breathe();
    batches.push(encodeSlice(points.slice(from, from + SLICE), schema, dims));
  }
  return new Table(schema, batches);
}

/** In the schema's order of columns. */
function encodeSlice(points: readonly Point[], schema: Schema, dims: VectorDims): RecordBatch {
  const columns = new Map<string, Data>();
  const text = (name: string, of: (point: Point) => string | undefined) => {
    columns.set(name, utf8(points.map(of)));
  };
  text(COLUMN.id, (point) => point.id);
  text(COLUMN.documentId, (point) => point.documentId);
  text(COLUMN.version, (point) => point.version);
  text(COLUMN.revision, (point) => point.revision);
  text(COLUMN.source, (point) => point.source);
  text(COLUMN.key, (point) => point.key);
  text(COLUMN.kind, (point) => point.kind);
  text(COLUMN.mime, (point) => point.mime);
  text(COLUMN.language, (point) => point.language);
  text(COLUMN.title, (point) => point.title);
  text(COLUMN.uri, (point) => point.uri);
  text(COLUMN.observedAt, (point) => point.observedAt);
  text(COLUMN.terms, (point) => encodeTerms(point.terms));
  text(COLUMN.payload, encodePayload);
  columns.set(
    COLUMN.ordinal,
    int32(
      typeOf(schema, COLUMN.ordinal),
      points.map((point) => point.ordinal),
    ),
  );
  columns.set(
    COLUMN.page,
    int32(
      typeOf(schema, COLUMN.page),
      points.map((point) => point.page),
    ),
  );
  columns.set(
    COLUMN.principals,
    list(
      typeOf(schema, COLUMN.principals),
      points.map((point) => point.principals),
    ),
  );
  // A document's points share one metadata object: its labels are made once.
  const labels = new Map<object, readonly string[]>();
  const labelled = points.map(({ metadata }) => {
    let known = labels.get(metadata);
    if (known === undefined) labels.set(metadata, (known = labelsOf(metadata)));
    return known;
  });
  columns.set(COLUMN.labels, list(typeOf(schema, COLUMN.labels), labelled));
  for (const [name, size] of Object.entries(dims)) {
    const column = vectorColumn(name);
    columns.set(
      column,
      vectors(
        typeOf(schema, column),
        points.map((point) => point.vectors[name]),
        size,
      ),
    );
  }
  const children = schema.fields.map((field: Field) => {
    const data = columns.get(field.name);
    if (data === undefined) throw new Error(`no data for the column ${field.name}`);
    return data;
  });
  const data = makeData({ type: new Struct(schema.fields), length: points.length, nullCount: 0, children });
  return new RecordBatch(schema, data);
}

function typeOf(schema: Schema, name: string): DataType {
  const field = schema.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`no column ${name}`);
  return field.type as DataType;
}

/** Validity bits, absent when everything is there. */
function validity(values: readonly unknown[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const bitmap = new Uint8Array(Math.ceil(values.length / 64) * 8);
  let nullCount = 0;
  values.forEach((value, i) => {
    if (value === undefined) nullCount += 1;
    else bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bitmap };
}

function utf8(values: readonly (string | undefined)[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  let bytes = 0;
  values.forEach((value, i) => {
    bytes += value === undefined ? 0 : Buffer.byteLength(value);
    valueOffsets[i + 1] = bytes;
  });
  const data = Buffer.alloc(bytes);
  values.forEach((value, i) => {
    if (value !== undefined) data.write(value, valueOffsets[i] as number);
  });
  return makeData({ type: new Utf8(), length: values.length, ...validity(values), valueOffsets, data });
}

function int32(type: DataType, values: readonly (number | undefined)[]): Data {
  const data = Int32Array.from(values, (value) => value ?? 0);
  return makeData({ type: type as never, length: values.length, ...validity(values), data } as never);
}

function list(type: DataType, values: readonly (readonly string[])[]): Data {
  const valueOffsets = new Int32Array(values.length + 1);
  let count = 0;
  values.forEach((value, i) => {
    count += value.length;
    valueOffsets[i + 1] = count;
  });
  return makeData({
    type: type as never,
    length: values.length,
    nullCount: 0,
    valueOffsets,
    child: utf8(values.flat()),
  } as never);
}

function vectors(type: DataType, values: readonly (Float32Array | undefined)[], dims: number): Data {
  const data = new Float32Array(values.length * dims);
  values.forEach((value, i) => {
    if (value) data.set(value, i * dims);
  });
  const item = type.children[0]!.type as DataType;
  const child = makeData({ type: item, length: data.length, nullCount: 0, data } as never);
  return makeData({ type: type as never, length: values.length, ...validity(values), child } as never);
}

/**
 * Terms are kept in one text that LanceDB splits at white space (Unicode White_Space). White space inside a term, which
 * an analyzer should not make, is written as U+001F and four hexadecimal digits.
 */
function encodeTerms(terms: readonly string[]): string {
  const joined = terms.join(' ');
  // Fast path: the only odd characters are our own single separators.
  if (!ODD.test(joined) && !joined.includes('  ') && countSpaces(joined) === Math.max(0, terms.length - 1)) {
    if (joined === '' || (joined[0] !== ' ' && joined.at(-1) !== ' ')) return joined;
  }
  return terms.map(encodeTerm).filter(Boolean).join(' ');
}

const ODD = /[\u0009-\u000d\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const INSIDE = /[\u0009-\u000d\u001f \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;

export function encodeTerm(term: string): string {
  return term.replace(INSIDE, (character) => `\u001f${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function countSpaces(text: string): number {
  let count = 0;
  for (let at = text.indexOf(' '); at >= 0; at = text.indexOf(' ', at + 1)) count += 1;
  return count;
}

function decodeTerms(text: string): string[] {
  if (text === '') return [];
  const terms = text.split(' ');
  if (!text.includes('\u001f')) return terms;
  return terms.map((term) =>
    term.replace(/\u001f([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}

/** The point as it is stored: terms as one text, which parses faster than a list. */
type StoredPayload = Omit<PointPayload, 'terms'> & { terms: string };

function encodePayload(point: Point): string {
  const { vectors: _vectors, terms, ...payload } = point;
  return JSON.stringify({ ...payload, terms: encodeTerms(terms) } satisfies StoredPayload);
}

/** Columns that `decodePoints` needs: the fewer, the faster a store can fetch scattered rows. */
export function pointColumns(vectorNames: readonly string[]): string[] {
  return [COLUMN.payload, ...vectorNames.map(vectorColumn)];
}

/**
 * Points of one batch in its order; vectors are copied, so the batch can be freed.
 *
 * @param known by payload, filled here: a point that several arms found is decoded once
 */
export function decodePoints(batch: RecordBatch, vectorNames: readonly string[], known?: Map<string, Point>): Point[] {
  const payloads = strings(batch, COLUMN.payload);
  const columns = vectorNames.map((name) => [name, floats(batch, vectorColumn(name))] as const);
  const points = new Array<Point>(batch.numRows);
  for (let i = 0; i < points.length; i++) {
    const text = payloads(i);
    const same = known?.get(text);
    if (same) {
      points[i] = same;
      continue;
    }
    const vectors: Record<string, Float32Array> = {};
    for (const [name, at] of columns) {
      const vector = at(i);
      if (vector) vectors[name] = vector;
    }
    // The parsed object becomes the point: a copy of its 24 fields would cost as much as parsing it.
    const parsed = JSON.parse(text) as StoredPayload;
    const point = Object.assign<object, object>(parsed, { terms: decodeTerms(parsed.terms), vectors }) as Point;
    points[i] = point;
    known?.set(text, point);
  }
  return points;
}

function column(batch: RecordBatch, name: string): Data {
  const data = batch.getChild(name)?.data[0] as Data | undefined;
  if (data === undefined) throw new Error(`the store returned no column ${name}`);
  return data;
}

/** Reads a text column row by row, without Arrow's generic accessors. */
export function strings(batch: RecordBatch, name: string): (row: number) => string {
  const data = column(batch, name);
  const offsets = data.valueOffsets as Int32Array;
  const values = data.values as Uint8Array;
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return (row) => bytes.toString('utf8', offsets[row], offsets[row + 1]);
}

/** A column of 32-bit numbers. */
export function numbers(batch: RecordBatch, name: string): ArrayLike<number> {
  return column(batch, name).values as ArrayLike<number>;
}

function floats(batch: RecordBatch, name: string): (row: number) => Float32Array | undefined {
  const data = column(batch, name);
  const size = (data.type as unknown as { listSize: number }).listSize;
  const values = data.children[0]!.values as Float32Array;
  return (row) => (data.getValid(row) ? values.slice(row * size, (row + 1) * size) : undefined);
}

/** A query's batches of at most `rows` rows. LanceDB has the option, but only on methods its types hide. */
export function inPages(query: Query, rows: number): AsyncIterable<RecordBatch> {
  const hidden = query as unknown as { execute(options: { maxBatchLength: number }): AsyncIterable<RecordBatch> };
  return hidden.execute({ maxBatchLength: rows });
}

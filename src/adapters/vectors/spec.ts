import { FootnoteError } from '../../core/errors.js';
import type { Arm, Point, StoreSpec } from '../../core/ports/vectors.js';

/** Named vectors of a generation with their dimensions. */
export type VectorDims = Readonly<Record<string, number>>;

const VECTOR_NAME = /^[a-z][a-z0-9_]{0,31}$/;
const GENERATION = /^[a-z0-9-]{1,64}$/;

/** @throws invalid_request */
export function checkSpec(spec: StoreSpec): void {
  if (!GENERATION.test(spec.generation)) {
    throw new FootnoteError(
      'invalid_request',
      `${JSON.stringify(spec.generation)} is no generation's id: use 1 to 64 of a-z, 0-9 and "-".`,
    );
  }
  for (const [name, dims] of Object.entries(spec.vectors)) {
    if (!VECTOR_NAME.test(name) || !Number.isInteger(dims) || dims < 1 || dims > 65_536) {
      throw new FootnoteError(
        'invalid_request',
        `The vector ${JSON.stringify(name)} with ${dims} dimensions can't be stored: names are a-z, 0-9 and "_", at most 32; dimensions 1 to 65536.`,
      );
    }
  }
}

/** @throws dimension_mismatch */
export function sameDims(generation: string, has: VectorDims, wants: VectorDims): void {
  const text = (dims: VectorDims) =>
    Object.entries(dims)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, size]) => `${name}: ${size}`)
      .join(', ');
  if (text(has) === text(wants)) return;
  throw new FootnoteError(
    'dimension_mismatch',
    `The generation ${generation} has vectors {${text(has)}}, not {${text(wants)}}: create another generation.`,
  );
}

/** @throws dimension_mismatch for a vector that the generation does not have in this size */
export function checkVectors(point: Point, dims: VectorDims): void {
  for (const [name, vector] of Object.entries(point.vectors)) {
    if (dims[name] === vector.length) continue;
    throw new FootnoteError(
      'dimension_mismatch',
      dims[name] === undefined
        ? `The generation has no vectors named ${JSON.stringify(name)}.`
        : `A vector ${JSON.stringify(name)} has ${vector.length} dimensions; the generation's have ${dims[name]}.`,
    );
  }
}

/** @throws dimension_mismatch */
export function checkQueries(arms: readonly Arm[], dims: VectorDims): void {
  for (const arm of arms) {
    if (arm.kind !== 'dense' || dims[arm.vector] === arm.query.length) continue;
    throw new FootnoteError(
      'dimension_mismatch',
      dims[arm.vector] === undefined
        ? `The generation has no vectors named ${JSON.stringify(arm.vector)}.`
        : `The query has ${arm.query.length} dimensions, the generation's ${JSON.stringify(arm.vector)} vectors ${dims[arm.vector]}.`,
    );
  }
}

/** @returns not_found */
export function missing(generation: string, cause?: unknown): FootnoteError {
  return new FootnoteError('not_found', `There are no vectors of ${generation}: create the generation first.`, {
    cause,
  });
}

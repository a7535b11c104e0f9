/** How one vector is made of a sequence's token vectors. */
export type Pooling = 'mean' | 'cls';

/**
 * Pools the token vectors of one unpadded sequence and scales the result to length 1. All tokens count: there is no mask
 * because there is no padding. Sums are float64 in a fixed order, so the same input gives the same bits.
 * @param hidden `tokens * dims` floats, row by row
 * @param into receives `dims` floats at `offset`
 * @throws RangeError when the pooled vector has no direction (zero, or not finite)
 */
export function poolInto(
  pooling: Pooling,
  hidden: Float32Array,
  tokens: number,
  dims: number,
  into: Float32Array,
  offset: number,
): void {
  const sums = new Float64Array(dims);
  const rows = pooling === 'cls' ? 1 : tokens;
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < dims; column += 1, at += 1) sums[column]! += hidden[at]!;
  }
  let squares = 0;
  for (let column = 0; column < dims; column += 1) squares += sums[column]! * sums[column]!;
  const length = Math.sqrt(squares);
  // The mean's divisor cancels in the scaling.
  if (!(length > 0) || !Number.isFinite(length)) throw new RangeError('The model gave a vector without direction.');
  for (let column = 0; column < dims; column += 1) into[offset + column] = sums[column]! / length;
}

export interface Part {
  /** Valid until the next part is asked for. */
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

const FIRST = 64 << 10;

/**
 * Gathers pieces into parts of exactly `partBytes`; only the last one is shorter, and there always is a last one, empty when
 * nothing came. One buffer of at most `partBytes` is held, which every part reuses.
 */
export async function* partsOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<Part> {
  let buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, FIRST));
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.byteLength;) {
      // A full part waits for the next byte, since without one it is the last.
      if (filled === partBytes) {
        yield { bytes: buffer, last: false };
        filled = 0;
      }
      const taken = Math.min(partBytes - filled, piece.byteLength - at);
      if (filled + taken > buffer.byteLength) {
        const larger = Buffer.allocUnsafeSlow(Math.min(partBytes, Math.max(2 * buffer.byteLength, filled + taken)));
        buffer.copy(larger, 0, 0, filled);
        buffer = larger;
      }
      buffer.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield { bytes: buffer.subarray(0, filled), last: true };
}

import { Decompress } from 'fzstd';

const MAGIC = 0xfd2fb528;
/** What no level of the usual libraries exceeds but by `--ultra --long`. */
const MAX_WINDOW = 64 << 20;

/**
 * Unpacks Zstandard (RFC 8878). The library makes its window as large as the frame says, so that is looked at first.
 * @throws Error beyond `most` bytes, or damaged
 */
export function zstd(packed: Buffer, most: number): Buffer {
  if (packed.readUInt32LE(0) !== MAGIC) throw new RangeError('not a Zstandard frame');
  const window = windowOf(packed);
  if (window > MAX_WINDOW) throw new RangeError(`a window of ${window} bytes is more than ${MAX_WINDOW}`);
  const parts: Uint8Array[] = [];
  let left = most;
  let ended = false;
  const stream = new Decompress((part, final) => {
    left -= part.length;
    if (left < 0) throw new RangeError(`more than ${most} bytes`);
    // Its buffers are used again.
    parts.push(Uint8Array.from(part));
    ended ||= final === true;
  });
  stream.push(packed, true);
  if (!ended) throw new RangeError('the data ends too early');
  return Buffer.concat(parts);
}

/** RFC 8878, 3.1.1.1: the window's size in bytes; of a frame of a single segment, its content's. */
function windowOf(packed: Buffer): number {
  const flags = packed.readUInt8(4);
  if (!(flags & 0x20)) {
    const descriptor = packed.readUInt8(5);
    const base = 2 ** (10 + (descriptor >>> 3));
    return base + (base / 8) * (descriptor & 7);
  }
  const at = 5 + [0, 1, 2, 4][flags & 3]!;
  const kind = flags >>> 6;
  if (kind === 0) return packed.readUInt8(at);
  if (kind === 1) return packed.readUInt16LE(at) + 256;
  return kind === 2 ? packed.readUInt32LE(at) : Number(packed.readBigUInt64LE(at));
}

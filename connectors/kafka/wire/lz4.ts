import { copyBack } from './snappy.js';

const MAGIC = 0x184d2204;

/** Unpacks an LZ4 frame (github.com/lz4/lz4, lz4_Frame_format.md). @throws RangeError beyond `most` bytes, or damaged */
export function lz4(packed: Buffer, most: number): Buffer {
  if (packed.readUInt32LE(0) !== MAGIC) throw new RangeError('not an LZ4 frame');
  const flags = packed.readUInt8(4);
  if (flags >>> 6 !== 1 || flags & 1) throw new RangeError('an LZ4 frame of another version or with a dictionary');
  const sizeCode = (packed.readUInt8(5) >>> 4) & 7;
  if (sizeCode < 4) throw new RangeError('an LZ4 frame of an unknown block size');
  const blockBytes = 2 ** (8 + 2 * sizeCode);
  const checked = (flags & 0x10) !== 0;
  let out = Buffer.alloc(Math.min(most, blockBytes, packed.length * 4 + 64));
  let to = 0;
  // Behind the descriptor: the content's size, where there is one, and the header's checksum.
  let at = 6 + (flags & 8 ? 8 : 0) + 1;
  for (;;) {
    const size = packed.readUInt32LE(at);
    at += 4;
    if (size === 0) return out.subarray(0, to);
    const length = size & 0x7fff_ffff;
    if (length > blockBytes || at + length > packed.length) throw new RangeError('a block is cut off');
    const part = packed.subarray(at, at + length);
    const room = Math.min(most, to + blockBytes);
    if (out.length < room) {
      const larger = Buffer.alloc(Math.min(most, Math.max(room, out.length * 2)));
      out.copy(larger, 0, 0, to);
      out = larger;
    }
    if (size > 0x7fff_ffff) {
      if (to + length > room) throw new RangeError(`more than ${most} bytes`);
      part.copy(out, to);
      to += length;
    } else {
      to = block(part, out.subarray(0, room), to);
    }
    at += length + (checked ? 4 : 0);
  }
}

/** lz4_Block_format.md. Copies may reach back into the blocks before. @returns where it goes on */
function block(packed: Buffer, out: Buffer, begin: number): number {
  let at = 0;
  let to = begin;
  const next = (): number => {
    if (at >= packed.length) throw new RangeError('the data ends too early');
    return packed[at++]!;
  };
  const longer = (count: number): number => {
    if (count < 15) return count;
    for (;;) {
      const byte = next();
      count += byte;
      if (byte < 255) return count;
    }
  };
  while (at < packed.length) {
    const token = next();
    const literals = longer(token >>> 4);
    if (at + literals > packed.length || to + literals > out.length) throw new RangeError('a literal is cut off');
    packed.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    if (at === packed.length) return to;
    const back = next() + next() * 256;
    to = copyBack(out, to, back, longer(token & 15) + 4);
  }
  return to;
}

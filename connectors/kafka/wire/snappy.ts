/** Each block of snappy-java's streams, which Kafka's Java clients write, comes behind its length. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = 16;

/** Unpacks Snappy, as one block or as snappy-java's stream of blocks. @throws RangeError beyond `most` bytes, or damaged */
export function snappy(packed: Buffer, most: number): Buffer {
  if (!packed.subarray(0, XERIAL.length).equals(XERIAL)) return block(packed, most);
  const parts: Buffer[] = [];
  let left = most;
  for (let at = XERIAL_HEADER; at < packed.length;) {
    const length = packed.readUInt32BE(at);
    at += 4;
    if (at + length > packed.length) throw new RangeError('a block is cut off');
    const part = block(packed.subarray(at, at + length), left);
    parts.push(part);
    left -= part.length;
    at += length;
  }
  return Buffer.concat(parts);
}

/** github.com/google/snappy, format_description.txt */
function block(packed: Buffer, most: number): Buffer {
  let at = 0;
  const next = (): number => {
    if (at >= packed.length) throw new RangeError('the data ends too early');
    return packed[at++]!;
  };
  const little = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i += 1) value += next() * 2 ** (8 * i);
    return value;
  };
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = next();
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
    if (shift >= 28) throw new RangeError('a length without an end');
  }
  if (length > most) throw new RangeError(`${length} bytes are more than ${most}`);
  const out = Buffer.alloc(length);
  let to = 0;
  while (at < packed.length) {
    const tag = next();
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >>> 2;
      const count = (short < 60 ? short : little(short - 59)) + 1;
      if (at + count > packed.length || to + count > length) throw new RangeError('a literal is cut off');
      packed.copy(out, to, at, at + count);
      at += count;
      to += count;
      continue;
    }
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const back = kind === 1 ? (tag >>> 5) * 256 + next() : little(kind === 2 ? 2 : 4);
    to = copyBack(out, to, back, count);
  }
  if (to !== length) throw new RangeError('the data ends too early');
  return out;
}

/** Copies what may overlap with what is written. @returns where it goes on */
export function copyBack(out: Buffer, to: number, back: number, count: number): number {
  if (back === 0 || back > to || to + count > out.length) throw new RangeError('a copy from outside');
  if (back >= count) out.copyWithin(to, to - back, to - back + count);
  else for (let i = 0; i < count; i += 1) out[to + i] = out[to + i - back]!;
  return to + count;
}

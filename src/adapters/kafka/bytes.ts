/** Reads the fields of Kafka's protocol in order. @throws RangeError beyond the end, and for a number that is too long */
export class Bytes {
  #at = 0;

  constructor(readonly buffer: Buffer) {}

  get left(): number {
    return this.buffer.length - this.#at;
  }

  get at(): number {
    return this.#at;
  }

  int8(): number {
    return this.#fixed(1, () => this.buffer.readInt8(this.#at));
  }

  int16(): number {
    return this.#fixed(2, () => this.buffer.readInt16BE(this.#at));
  }

  int32(): number {
    return this.#fixed(4, () => this.buffer.readInt32BE(this.#at));
  }

  uint32(): number {
    return this.#fixed(4, () => this.buffer.readUInt32BE(this.#at));
  }

  int64(): bigint {
    return this.#fixed(8, () => this.buffer.readBigInt64BE(this.#at));
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    if (length < 0 || length > this.left) throw new RangeError(`${length} bytes are to come, ${this.left} are left`);
    const found = this.buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    return found;
  }

  /** A length of -1 means null. */
  nullable(length: number): Buffer | null {
    return length === -1 ? null : this.bytes(length);
  }

  /** Unsigned, of 32 bits at most. */
  uvarint(): number {
    const value = this.#varint(5);
    if (value > 0xffff_ffffn) throw new RangeError('a number of more than 32 bits');
    return Number(value);
  }

  /** Signed (zigzag), of 32 bits at most. */
  varint(): number {
    const value = this.uvarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Signed (zigzag), of 64 bits at most. */
  varlong(): bigint {
    const value = this.#varint(10);
    return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
  }

  string(): string | null {
    return this.nullable(this.int16())?.toString() ?? null;
  }

  compactString(): string | null {
    return this.nullable(this.uvarint() - 1)?.toString() ?? null;
  }

  /** @param each reads one; null counts as empty */
  array<T>(length: number, each: () => T): T[] {
    const found: T[] = [];
    // Never allocated by what the length claims: each element has to be there.
    for (let i = 0; i < length; i += 1) found.push(each());
    return found;
  }

  compactArray<T>(each: () => T): T[] {
    return this.array(this.uvarint() - 1, each);
  }

  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count -= 1) {
      this.uvarint();
      this.bytes(this.uvarint());
    }
  }

  #fixed<T>(length: number, read: () => T): T {
    if (length > this.left) throw new RangeError(`${length} bytes are to come, ${this.left} are left`);
    const found = read();
    this.#at += length;
    return found;
  }

  #varint(most: number): bigint {
    let value = 0n;
    for (let i = 0; i < most; i += 1) {
      const byte = this.#fixed(1, () => this.buffer[this.#at]!);
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number without an end');
  }
}

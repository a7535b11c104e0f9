/**
 * Reads Kafka's own records of groups, field by field (Kafka, `OffsetCommitValue.json`, `GroupMetadataValue.json`; KIP-482 for
 * the flexible form, in which lengths are varints and each structure ends with tagged fields).
 */
export class Fields {
  /** Takes effect for what is read afterwards. */
  flexible = false;
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  int16(): number {
    this.#at += 2;
    return this.bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.bytes.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.bytes.readBigInt64BE(this.#at - 8);
  }

  /** Empty where there is none. */
  string(): string {
    const length = this.flexible ? this.#varint() - 1 : this.int16();
    return length < 0 ? '' : this.#take(length).toString();
  }

  buffer(): Buffer {
    return this.#take(this.#length());
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.#length() }, read);
  }

  /** Passes over what ends a structure of the flexible form. */
  tags(): void {
    if (!this.flexible) return;
    for (let left = this.#varint(); left > 0; left -= 1) {
      this.#varint();
      this.#take(this.#varint());
    }
  }

  #length(): number {
    return Math.max(0, this.flexible ? this.#varint() - 1 : this.int32());
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.#at);
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.bytes.byteLength) throw new RangeError('The record ends before this field.');
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }
}

/** Reads Kafka's own records of groups, field by field (Kafka, `OffsetCommitValue.json`, `GroupMetadataValue.json`). */
export class Fields {
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

  string(): string {
    const length = this.int16();
    return length < 0 ? '' : this.#take(length).toString();
  }

  buffer(): Buffer {
    return this.#take(this.int32());
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  #take(length: number): Buffer {
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }
}

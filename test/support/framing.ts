/** A request or an answer as it stands on the wire. */
export interface Unit {
  /** What it asks for; of answers nothing is known. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly answered: boolean;
}

export interface Splitter {
  /** @returns the units that are complete now */
  push(data: Buffer): Unit[];
  /** What has come since. */
  rest(): Buffer;
}

/** How a protocol's connection divides into requests, and answers in the same order. */
export interface Framing {
  requests(): Splitter;
  answers(): Splitter;
}

/** Collects bytes; `take` finds the length of the next unit, or undefined while it is not complete. */
function splitter(take: (bytes: Buffer) => { length: number; name: string; answered?: boolean } | undefined): Splitter {
  let held: Buffer = Buffer.alloc(0);
  return {
    push(data) {
      held = held.byteLength === 0 ? data : Buffer.concat([held, data]);
      const units: Unit[] = [];
      for (;;) {
        const found = take(held);
        if (!found) return units;
        units.push({ name: found.name, bytes: held.subarray(0, found.length), answered: found.answered ?? true });
        held = held.subarray(found.length);
      }
    },
    rest: () => held,
  };
}

/** By API key (Kafka protocol guide); others by their number. */
const KAFKA_APIS: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  3: 'Metadata',
  8: 'OffsetCommit',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  11: 'JoinGroup',
  12: 'Heartbeat',
  13: 'LeaveGroup',
  14: 'SyncGroup',
  15: 'DescribeGroups',
  18: 'ApiVersions',
  19: 'CreateTopics',
  20: 'DeleteTopics',
  21: 'DeleteRecords',
  22: 'InitProducerId',
  32: 'DescribeConfigs',
  42: 'DeleteGroups',
};

function kafkaLength(bytes: Buffer): number | undefined {
  if (bytes.byteLength < 4) return undefined;
  const length = 4 + bytes.readInt32BE();
  return bytes.byteLength < length ? undefined : length;
}

/** Each message behind its length; a connection's requests are answered in order. */
export const KAFKA: Framing = {
  requests: () =>
    splitter((bytes) => {
      const length = kafkaLength(bytes);
      if (length === undefined) return undefined;
      const api = bytes.readInt16BE(4);
      return { length, name: KAFKA_APIS[api] ?? String(api) };
    }),
  answers: () =>
    splitter((bytes) => {
      const length = kafkaLength(bytes);
      return length === undefined ? undefined : { length, name: '' };
    }),
};

/** Authentication requests that the client has to answer (PostgreSQL documentation, 55.7): not AuthenticationOk, SASLFinal. */
const ASKS_BACK = new Set([3, 5, 10, 11]);

/** Messages of one byte of type and their length. @returns where the first one ends that `ends` takes */
function postgresEnd(
  bytes: Buffer,
  from: number,
  ends: (type: string, at: number, end: number) => boolean,
): number | undefined {
  for (let at = from; at + 5 <= bytes.byteLength;) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.byteLength) return undefined;
    if (ends(String.fromCharCode(bytes[at]!), at, end)) return end;
    at = end;
  }
  return undefined;
}

/** Without TLS. A request is a statement as it is sent by the extended protocol, or a step of the connection's beginning. */
export const POSTGRES: Framing = {
  requests() {
    let begun = false;
    return splitter((bytes) => {
      if (!begun) {
        const length = bytes.byteLength < 4 ? undefined : bytes.readInt32BE();
        if (length === undefined || bytes.byteLength < length) return undefined;
        begun = true;
        return { length, name: 'connect' };
      }
      let name = 'statement';
      let answered = true;
      const length = postgresEnd(bytes, 0, (type, at, end) => {
        // Parse: the statement's own name, then its text.
        if (type === 'P') name = firstWord(bytes.subarray(bytes.indexOf(0, at + 5) + 1, end));
        if (type === 'Q') name = firstWord(bytes.subarray(at + 5, end));
        if (type === 'p') name = 'connect';
        if (type === 'X') answered = false;
        return 'SQpX'.includes(type);
      });
      return length === undefined ? undefined : { length, name, answered };
    });
  },
  answers: () =>
    splitter((bytes) => {
      const length = postgresEnd(
        bytes,
        0,
        (type, at) => type === 'Z' || (type === 'R' && ASKS_BACK.has(bytes.readInt32BE(at + 5))),
      );
      return length === undefined ? undefined : { length, name: '' };
    }),
};

function firstWord(sql: Buffer): string {
  return /^[a-z]+/i.exec(sql.toString('utf8', 0, 32).trimStart())?.[0]?.toLowerCase() ?? 'statement';
}

interface KafkaError {
  readonly name?: string;
  /** The protocol's own name of the error: `REBALANCE_IN_PROGRESS`. */
  readonly type?: string;
  readonly code?: string | number;
  readonly message?: string;
  readonly retriable?: boolean;
  readonly cause?: unknown;
}

const fields = (error: unknown): KafkaError => (typeof error === 'object' && error !== null ? error : {});

/** kafkajs wraps what it gave up on; the innermost one says what happened. */
export function innermost(error: unknown): KafkaError {
  let found = fields(error);
  for (let depth = 0; depth < 8 && found.type === undefined && typeof found.cause === 'object'; depth += 1) {
    if (found.cause === null) break;
    found = fields(found.cause);
  }
  return found;
}

/** The protocol's name of the error, where it is one. */
export function protocolError(error: unknown): string | undefined {
  return innermost(error).type;
}

/** Whether the same request may succeed a moment later: all but what the protocol calls final. */
export function mayPass(error: unknown): boolean {
  const { type, retriable } = innermost(error);
  return type === undefined || retriable !== false;
}

export const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION';

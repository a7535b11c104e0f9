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

/** What kafkajs 2.2.4 says of a connection (network/connection.js, network/requestQueue). */
const BROKE_OFF =
  / failed: (?:Closed connection|Connection (?:error|timeout|closed)|Failed to connect|Not connected|Request .* timed out)/;

/**
 * Whether the credentials were refused. kafkajs calls a connection that broke while it authenticated the same and drops the
 * cause, but for its words.
 */
export function refusesCredentials(error: unknown): boolean {
  const { name, message = '' } = innermost(error);
  return name === 'KafkaJSSASLAuthenticationError' && !BROKE_OFF.test(message);
}

export const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION';

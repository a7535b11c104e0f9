import { innermost, protocolError, refusesCredentials } from '../../src/adapters/kafka/errors.js';
import { FootnoteError, type ErrorCode } from '../../src/core/errors.js';

const PERMANENT: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  SASL_AUTHENTICATION_FAILED: ['unauthorized', 'Kafka refuses the credentials: check `sasl`.'],
  ILLEGAL_SASL_STATE: ['unauthorized', 'Kafka wants other authentication here: check `sasl` and `tls`.'],
  UNSUPPORTED_SASL_MECHANISM: ['invalid_config', 'Kafka does not offer this mechanism: check `sasl.mechanism`.'],
  TOPIC_AUTHORIZATION_FAILED: [
    'forbidden',
    'Kafka does not allow this user the topic: grant Read and Describe on it, and Create, Read, Describe and Write on the topic of dead letters.',
  ],
  CLUSTER_AUTHORIZATION_FAILED: [
    'forbidden',
    'Kafka does not allow this user to create topics: make the topic of dead letters by hand, or grant Create on it.',
  ],
};

/** Whatever kafkajs threw, as ours. Everything that may pass is `unavailable`. */
export function sourceError(error: unknown, doing: string): FootnoteError {
  if (error instanceof FootnoteError) return error;
  const inner = innermost(error);
  const known = PERMANENT[refusesCredentials(error) ? 'SASL_AUTHENTICATION_FAILED' : (inner.type ?? '')];
  if (known) return new FootnoteError(known[0], known[1], { cause: error });
  const reason = protocolError(error) ?? inner.message ?? String(error);
  return new FootnoteError('unavailable', `Kafka could not ${doing}: ${reason}.`, { cause: error });
}

export function noTopic(topic: string): FootnoteError {
  const message = `There is no topic ${topic} on this cluster, or this user may not see it (grant Describe).`;
  return new FootnoteError('not_found', message);
}

/** The topic is not what the cursor was taken from, or lost records: somebody has to decide, and nothing is reset. */
export function mismatch(what: string): FootnoteError {
  return new FootnoteError(
    'source_mismatch',
    `${what} Nothing was read and nothing deleted. Point the source at the topic that it has read so far; or, if this ` +
      'one is meant, raise `epoch` in its options by one: it is read anew from its beginning then, what did not change ' +
      'is not indexed again, and documents that it no longer holds are deleted where it still holds all its records.',
  );
}

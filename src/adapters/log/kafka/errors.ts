import { FootnoteError, type ErrorCode } from '../../../core/errors.js';
import { innermost, refusesCredentials } from '../../kafka/errors.js';

const PERMANENT: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  SASL_AUTHENTICATION_FAILED: ['invalid_config', 'Kafka refuses the credentials: check stores.log.sasl.'],
  ILLEGAL_SASL_STATE: [
    'invalid_config',
    'Kafka wants other authentication here: check stores.log.sasl and stores.log.tls.',
  ],
  UNSUPPORTED_SASL_MECHANISM: [
    'invalid_config',
    'Kafka does not offer this mechanism: check stores.log.sasl.mechanism.',
  ],
  TOPIC_AUTHORIZATION_FAILED: [
    'invalid_config',
    'Kafka does not allow this user the topic: grant Create, Read, Write, Describe and Delete on the topics of stores.log.prefix.',
  ],
  GROUP_AUTHORIZATION_FAILED: [
    'invalid_config',
    'Kafka does not allow this user the group: grant Read and Delete on the groups of stores.log.prefix.',
  ],
  CLUSTER_AUTHORIZATION_FAILED: [
    'invalid_config',
    'Kafka does not allow this user to create topics or to write idempotently: grant Create and IdempotentWrite on the cluster.',
  ],
  INVALID_REPLICATION_FACTOR: [
    'invalid_config',
    'Kafka has fewer brokers than stores.log.replicationFactor asks for: lower it, or add brokers.',
  ],
  MESSAGE_TOO_LARGE: [
    'request_too_large',
    'Kafka refuses an event of this size: lower stores.log.maxMessageBytes below the cluster’s message.max.bytes.',
  ],
  RECORD_LIST_TOO_LARGE: [
    'request_too_large',
    'Kafka refuses a batch of this size: lower stores.log.maxMessageBytes below the cluster’s message.max.bytes.',
  ],
};

/** Whatever kafkajs threw, as ours. Everything that may pass is `unavailable`. */
export function kafkaError(error: unknown, doing: string): FootnoteError {
  if (error instanceof FootnoteError) return error;
  const inner = innermost(error);
  const known = inner.type === undefined ? undefined : PERMANENT[inner.type];
  if (known) return new FootnoteError(known[0], known[1], { cause: error });
  if (refusesCredentials(error)) {
    return new FootnoteError('invalid_config', PERMANENT['SASL_AUTHENTICATION_FAILED']![1], { cause: error });
  }
  const reason = inner.type ?? inner.message ?? String(error);
  return new FootnoteError('unavailable', `Kafka could not ${doing}: ${reason}.`, { cause: error });
}

/** The log is another one than what this engine wrote, or a part of it is gone: nobody may go on by themselves. */
export function mismatch(message: string): FootnoteError {
  return new FootnoteError(
    'log_mismatch',
    `${message} Nothing was skipped. Point the engine at the log that it wrote; if that log is gone, restore a backup into a new one, or build the collections anew from their sources.`,
  );
}

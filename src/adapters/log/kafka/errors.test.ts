import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { ErrorCode, Permanence } from '../../../core/errors.js';
import { kafkaError } from './errors.js';

type Made = new (message: string | Error, details?: object) => Error;
const kafkajs = createRequire(import.meta.url)('kafkajs/src/errors') as Record<
  | 'KafkaJSConnectionClosedError'
  | 'KafkaJSConnectionError'
  | 'KafkaJSNumberOfRetriesExceeded'
  | 'KafkaJSRequestTimeoutError'
  | 'KafkaJSSASLAuthenticationError',
  Made
>;

const refused = (why: string): Error =>
  new kafkajs.KafkaJSSASLAuthenticationError(`SASL SCRAM SHA256 authentication failed: ${why}`);
const givenUp = (error: Error): Error => new kafkajs.KafkaJSNumberOfRetriesExceeded(error, { retryCount: 6 });

describe('kafkaError', () => {
  it.each<[Error, ErrorCode, Permanence]>([
    [refused('Invalid username or password'), 'invalid_config', 'permanent'],
    [
      new kafkajs.KafkaJSSASLAuthenticationError('SASL X mechanism is not supported by the server'),
      'invalid_config',
      'permanent',
    ],
    // What broke while it authenticated says nothing about the credentials.
    [refused('Closed connection'), 'unavailable', 'transient'],
    [refused('Connection closed by the server'), 'unavailable', 'transient'],
    [refused('Connection error: read ECONNRESET'), 'unavailable', 'transient'],
    [refused('Connection timeout'), 'unavailable', 'transient'],
    [refused('Not connected'), 'unavailable', 'transient'],
    [refused('Request SaslAuthenticate(key: 36, version: 1) timed out'), 'unavailable', 'transient'],
    [new kafkajs.KafkaJSConnectionClosedError('Closed connection'), 'unavailable', 'transient'],
    [givenUp(new kafkajs.KafkaJSConnectionError('Connection error: read ECONNRESET')), 'unavailable', 'transient'],
    [givenUp(new kafkajs.KafkaJSRequestTimeoutError('Request Produce timed out')), 'unavailable', 'transient'],
    [new RangeError('The value of "offset" is out of range.'), 'unavailable', 'transient'],
  ])('%s', (error, code, permanence) => {
    expect(kafkaError(error, 'be asked')).toMatchObject({ code, permanence, cause: error });
  });
});

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { sourceError } from './errors.js';

const { KafkaJSSASLAuthenticationError } = createRequire(import.meta.url)('kafkajs/src/errors') as {
  KafkaJSSASLAuthenticationError: new (message: string) => Error;
};

describe('sourceError', () => {
  it.each([
    ['Invalid username or password', 'unauthorized'],
    ['Closed connection', 'unavailable'],
    ['Connection error: read ECONNRESET', 'unavailable'],
  ])('tells refused credentials from a connection that broke: %s', (why, code) => {
    const error = new KafkaJSSASLAuthenticationError(`SASL PLAIN authentication failed: ${why}`);
    expect(sourceError(error, 'be asked')).toMatchObject({ code, cause: error });
  });
});

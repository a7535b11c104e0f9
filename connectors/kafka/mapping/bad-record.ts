import type { ErrorCode } from '../../../src/core/errors.js';

/** A record that can't be made a document: it goes to the dead letters, and the source goes on. */
export class BadRecord extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** @throws BadRecord */
export function wrong(message: string): never {
  throw new BadRecord('invalid_request', message);
}

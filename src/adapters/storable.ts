import { FootnoteError } from '../core/errors.js';

/** Text that every database keeps exactly as it is. @throws invalid_request for NUL characters and lone surrogates */
export function requireStorable(text: string): void {
  if (!text.includes('\0') && text.isWellFormed()) return;
  throw new FootnoteError('invalid_request', 'Names and keys must not hold NUL characters or lone surrogates.');
}

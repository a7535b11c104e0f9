import { BadRecord } from './bad-record.js';

/** @throws BadRecord for bytes that are no UTF-8 */
export function utf8(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BadRecord('invalid_encoding', `${what} is not valid UTF-8.`);
  }
}

/** @throws BadRecord for bytes that are no JSON */
export function json(bytes: Buffer, what: string): unknown {
  const text = utf8(bytes, what);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message would quote the record.
    throw new BadRecord('corrupt_document', `${what} is not valid JSON.`);
  }
}

/** The bytes of base64, plain or URL-safe, with or without padding. @throws BadRecord */
export function base64(text: string, what: string): Buffer {
  const plain = text.replaceAll('-', '+').replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(plain) || plain.replaceAll('=', '').length % 4 === 1) {
    throw new BadRecord('invalid_encoding', `${what} is not base64.`);
  }
  return Buffer.from(plain, 'base64');
}

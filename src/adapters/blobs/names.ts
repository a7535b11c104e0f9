import { createHash } from 'node:crypto';
import { FootnoteError } from '../../core/errors.js';
import type { BlobOwner } from '../../core/ports/blobs.js';

/** Longest encoded name that stands for itself; longer ones become a hash. */
const MAX_LENGTH = 120;
const SHARD = 2;

/**
 * A name as a folder's name: `a-z 0-9 -` stand for themselves, every other byte of its UTF-8 is `_xx`. Nothing can leave
 * its folder, and names that differ in case only stay apart on file systems that ignore case.
 */
function encodeName(name: string): string {
  const encoded = plainName(name);
  if (encoded.length <= MAX_LENGTH) return encoded;
  return `=${createHash('sha256').update(name).digest('hex')}`;
}

function plainName(name: string): string {
  if (name === '') return '_';
  return Buffer.from(name, 'utf8').reduce((text, byte) => text + encodeByte(byte), '');
}

function encodeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[a-z0-9-]/.test(char) ? char : `_${byte.toString(16).padStart(2, '0')}`;
}

export function decodeName(encoded: string): string {
  if (encoded === '_') return '';
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i += 1) {
    if (encoded[i] === '_') {
      bytes.push(Number.parseInt(encoded.slice(i + 1, i + 3), 16));
      i += 2;
    } else {
      bytes.push(encoded.charCodeAt(i));
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

export function collectionFolder(owner: Pick<BlobOwner, 'tenant' | 'collection'>): string {
  return `${encodeName(owner.tenant)}/${encodeName(owner.collection)}`;
}

/** `tenant/collection/xx/document`, where xx spreads the documents over 256 folders. */
export function documentFolder(owner: Pick<BlobOwner, 'tenant' | 'collection' | 'documentId'>): string {
  const document = plainName(owner.documentId);
  if (document.length > MAX_LENGTH) {
    throw new FootnoteError('invalid_request', 'A document id is too long to own a blob.');
  }
  const shard = createHash('sha256').update(owner.documentId).digest('hex').slice(0, SHARD);
  return `${collectionFolder(owner)}/${shard}/${document}`;
}

const NAME = '(?:[a-z0-9_-]{1,120}|=[0-9a-f]{64})';
const BLOB = new RegExp(`^${NAME}/${NAME}/[0-9a-f]{2}/[a-z0-9_-]{1,120}/(?:original|parsed)-[0-9a-f-]{36}$`);

/** References come back from the log and from rows: one that this store has not made names nothing. */
export function isBlobName(blob: string): boolean {
  return BLOB.test(blob);
}

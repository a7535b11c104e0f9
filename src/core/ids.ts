import { createHash } from 'node:crypto';
import { parse as parseUuid, v5 as uuid5 } from 'uuid';
import { canonicalJson } from './json.js';
import type { VersionKey } from './version.js';

/** Namespace of all of Footnote's name-based ids (RFC 9562, version 5). Never changes. */
const NAMESPACE = parseUuid('8f2a7f0e-6d0b-5a53-9c55-2f1c0d6f3a10');

/** Joins with a length before each part, so that ("a","bc") and ("ab","c") differ. */
function name(parts: readonly (string | number)[]): string {
  return parts.map((part) => `${String(part).length}:${part}`).join('|');
}

/** Lower-case hex SHA-256. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export interface DocumentName {
  readonly tenant: string;
  readonly collection: string;
  readonly source: string;
  readonly key: string;
}

export function documentId(of: DocumentName): string {
  return uuid5(name(['document', of.tenant, of.collection, of.source, of.key]), NAMESPACE);
}

export interface RevisionName {
  readonly contentSha256: string;
  /** `name@version`. */
  readonly parser: string;
  /** Everything but content that decides the normalized text: MIME, charset, OCR languages. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** 32 hex digits that name one normalized text. */
export function revisionId(of: RevisionName): string {
  return sha256(name(['revision', of.contentSha256, of.parser, canonicalJson(of.options)])).slice(0, 32);
}

export function chunkId(documentId: string, revision: string, chunkerFingerprint: string, ordinal: number): string {
  return uuid5(name(['chunk', documentId, revision, chunkerFingerprint, ordinal]), NAMESPACE);
}

/** A chunk's row in a vector store: two workers on the same event write the same points, other versions never collide. */
export function pointId(chunkId: string, version: VersionKey): string {
  return uuid5(name(['point', chunkId, version]), NAMESPACE);
}

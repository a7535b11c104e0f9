import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { FootnoteError } from '../core/errors.js';
import type { DocumentFields } from '../core/schemas/documents.js';
import { DOCUMENT_JSON, DocumentJsonSchema, readContent } from '../core/schemas/documents.js';
import type { Upload } from '../core/surface.js';
import { guardIncoming, mediaType, readAll, refuseEncoding } from './bodies.js';
import { multipartUpload } from './multipart.js';
import { check, parseJson } from './validation.js';

export interface UploadLimits {
  /** Of a document's bytes. */
  readonly documentBytes: number;
  /** Of a document sent as JSON, which is held in memory. */
  readonly batchBytes: number;
  /** Of the multipart part `document`. */
  readonly jsonBytes: number;
  readonly stallMs: number;
}

/** An upload, and what lets go of everything it holds, whether it was read or not. */
export interface OpenUpload extends Upload {
  dispose(): void;
}

/** The three ways in which a document can come; each is streamed except JSON. */
export async function openUpload(incoming: IncomingMessage, limits: UploadLimits): Promise<OpenUpload> {
  refuseEncoding(incoming);
  const type = mediaType(incoming.headers['content-type']);
  if (type?.essence === DOCUMENT_JSON) return jsonUpload(incoming, limits);
  if (type?.essence === 'multipart/form-data') return multipartUpload(incoming, limits);
  return rawUpload(incoming, limits, type);
}

async function jsonUpload(incoming: IncomingMessage, limits: UploadLimits): Promise<OpenUpload> {
  const body = parseJson(await readAll(incoming, limits.batchBytes, limits.stallMs), 'the document');
  const { bytes, fields } = readContent(check(DocumentJsonSchema, body, 'the document'));
  if (bytes.length > limits.documentBytes) {
    throw new FootnoteError('document_too_large', `The document is larger than ${limits.documentBytes} bytes.`);
  }
  const content = Readable.from([bytes], { objectMode: false });
  return {
    content,
    maxBytes: limits.documentBytes,
    fields: () => Promise.resolve(fields),
    dispose: () => void content.destroy(),
  };
}

function rawUpload(incoming: IncomingMessage, limits: UploadLimits, type: ReturnType<typeof mediaType>): OpenUpload {
  const content = guardIncoming(incoming, limits.documentBytes, 'document_too_large', limits.stallMs);
  const fields: DocumentFields = {};
  // What `curl --data-binary` says unless told otherwise, and what says nothing.
  const empty = ['application/x-www-form-urlencoded', 'application/octet-stream'];
  if (type && !empty.includes(type.essence)) fields.mime = type.essence;
  if (type?.charset) fields.parse = { charset: type.charset };
  return {
    content,
    maxBytes: limits.documentBytes,
    fields: () => Promise.resolve(fields),
    dispose: () => void content.destroy(),
  };
}

import type { IncomingMessage } from 'node:http';
import { Busboy } from '@fastify/busboy';
import type { BusboyFileStream, BusboyHeaders } from '@fastify/busboy';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { DocumentFields } from '../core/schemas/documents.js';
import { DocumentFieldsSchema } from '../core/schemas/documents.js';
import { BodyGuard, guardIncoming } from './bodies.js';
import type { OpenUpload, UploadLimits } from './uploads.js';
import { check, parseJson } from './validation.js';

/** Boundaries and part headers. */
const ENVELOPE_BYTES = 64 * 1024;

/**
 * Parts `file` (the bytes) and `document` (JSON fields, optional), in any order. Resolves when the file begins; it is
 * streamed, so fields that follow it are known only at its end.
 */
export function multipartUpload(incoming: IncomingMessage, limits: UploadLimits): Promise<OpenUpload> {
  const parser = createParser(incoming);
  const total = limits.documentBytes + limits.jsonBytes + ENVELOPE_BYTES;
  const guard = guardIncoming(incoming, total, 'document_too_large', limits.stallMs);
  return new Promise((resolve, reject) => {
    let content: BodyGuard | undefined;
    let hints: DocumentFields = {};
    let described: Promise<DocumentFields> | undefined;
    let complete: (fields: DocumentFields | Promise<DocumentFields>) => void;
    let broken: (error: FootnoteError) => void;
    const fields = new Promise<DocumentFields>((done, failed) => {
      complete = done;
      broken = failed;
    });
    // Whoever never asks for the fields was told by `content` or by the rejection below.
    fields.catch(() => undefined);

    const fail = (thrown: unknown) => {
      const error =
        thrown instanceof FootnoteError
          ? thrown
          : new FootnoteError('invalid_request', 'The multipart body is malformed or ends too early.', {
              cause: thrown,
            });
      broken(error);
      reject(error);
      content?.destroy(error);
      guard.destroy();
    };

    parser.on('file', (name: string | undefined, part: BusboyFileStream, filename, _encoding, mime) => {
      part.on('error', fail);
      if (name === 'document' && !described) {
        described = readFields(part, limits);
        described.catch(fail);
      } else if (name === 'file' && !content) {
        hints = {
          ...(mime && mime !== 'application/octet-stream' ? { mime } : {}),
          ...(filename ? { name: filename } : {}),
        };
        content = new BodyGuard(limits.documentBytes, 'document_too_large', limits.stallMs);
        content.on('error', fail);
        part.pipe(content);
        resolve({
          content,
          maxBytes: limits.documentBytes,
          fields: () => fields,
          dispose: () => {
            guard.destroy();
            content?.destroy();
          },
        });
      } else {
        part.resume();
        fail(new FootnoteError('invalid_request', 'A multipart body has one part "file" and at most one "document".'));
      }
    });
    parser.on('finish', () => {
      if (!content) return fail(new FootnoteError('invalid_request', 'The multipart body needs a part named "file".'));
      complete((described ?? Promise.resolve({})).then((given) => ({ ...hints, ...given })));
    });
    parser.on('error', fail);
    guard.on('error', fail);
    guard.pipe(parser);
  });
}

function createParser(incoming: IncomingMessage): Busboy {
  try {
    return new Busboy({
      headers: incoming.headers as BusboyHeaders,
      // Every part as a stream of bytes: decoding is ours, and strict.
      isPartAFile: () => true,
      limits: { headerPairs: 64, headerSize: 16 * 1024 },
    });
  } catch (cause) {
    throw new FootnoteError('invalid_request', 'The multipart Content-Type has no usable boundary.', { cause });
  }
}

async function readFields(part: BusboyFileStream, limits: UploadLimits): Promise<DocumentFields> {
  const guard = new BodyGuard(limits.jsonBytes, 'request_too_large', limits.stallMs);
  part.once('error', (error: unknown) => guard.destroy(asFootnoteError(error)));
  const chunks: Buffer[] = [];
  for await (const chunk of part.pipe(guard)) chunks.push(chunk as Buffer);
  return check(DocumentFieldsSchema, parseJson(Buffer.concat(chunks), 'the part "document"'), 'the part "document"');
}

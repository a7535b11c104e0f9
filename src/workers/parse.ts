import { open } from 'node:fs/promises';
import { type Piece, toPieces } from '../adapters/parsing/pieces.js';
import type { ParseRequest } from '../adapters/parsing/isolated.js';
import { FootnoteError } from '../core/errors.js';
import { serveProcess } from '../runtime/process-child.js';
import { parseDocument } from '../stages/parse/parse.js';

/** Child process of the isolated parsing adapter: one document a job. */
serveProcess(async function* (message): AsyncGenerator<Piece> {
  const request = message as ParseRequest;
  const bytes = request.bytes ?? (await read(request.path!, request.maxBytes));
  yield* toPieces(await parseDocument(bytes, request.hints));
});

/** Never more than `maxBytes`, also when the file grew since it was measured. */
async function read(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes)
      throw new FootnoteError('document_too_large', `The document has ${size} bytes, at most ${maxBytes} are read.`);
    const buffer = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await file.read(buffer, filled, size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

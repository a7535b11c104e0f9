import { deserialize, serialize } from 'node:v8';
import type { TokenizerSpec } from '../adapters/models/tokenizer.js';
import type { PreparedChunk, Preparing } from '../core/ports/processing.js';
import { toPieces } from '../adapters/parsing/pieces.js';
import { breathe } from '../runtime/breathe.js';
import { builtEntry } from '../runtime/entry.js';
import { ThreadCalls } from '../runtime/thread-calls.js';
import type { PrepareRequest, PrepareSetup } from '../workers/prepare.js';

/** Documents waiting for the thread. */
const QUEUE = 256;

/** Chunking and analysis in a thread of their own, with the model's tokenizer. */
export function createPreparing(tokenizer: TokenizerSpec): Preparing {
  const calls = new ThreadCalls<PrepareRequest, Uint8Array[]>({
    entry: builtEntry(import.meta.url, '../workers/prepare.js'),
    name: 'prepare',
    threads: 1,
    workerData: { tokenizer } satisfies PrepareSetup,
    queue: QUEUE,
  });
  return {
    async prepare(parsed, of, spec, signal) {
      // Messages are written and read in the main thread: in slices, as a book's would hold up all else.
      const pieces: Uint8Array[] = [];
      for (const piece of toPieces(parsed)) {
        pieces.push(serialize(piece));
        await breathe();
      }
      const chunks: PreparedChunk[] = [];
      for (const slice of await calls.call({ pieces, of, spec }, signal)) {
        chunks.push(...(deserialize(slice) as PreparedChunk[]));
        await breathe();
      }
      return chunks;
    },
    close: () => calls.close(),
  };
}

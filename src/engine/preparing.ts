import type { TokenizerSpec } from '../adapters/models/tokenizer.js';
import type { PreparedChunk, Preparing } from '../core/ports/processing.js';
import { builtEntry } from '../runtime/entry.js';
import { ThreadCalls } from '../runtime/thread-calls.js';
import type { PrepareRequest, PrepareSetup } from '../workers/prepare.js';

/** Documents waiting for the thread. */
const QUEUE = 256;

/** Chunking and analysis in a thread of their own, with the model's tokenizer. */
export function createPreparing(tokenizer: TokenizerSpec): Preparing {
  const calls = new ThreadCalls<PrepareRequest, PreparedChunk[]>({
    entry: builtEntry(import.meta.url, '../workers/prepare.js'),
    name: 'prepare',
    threads: 1,
    workerData: { tokenizer } satisfies PrepareSetup,
    queue: QUEUE,
  });
  return {
    prepare: (parsed, of, spec, signal) => calls.call({ parsed, of, spec }, signal),
    close: () => calls.close(),
  };
}

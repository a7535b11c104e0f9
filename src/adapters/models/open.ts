import { availableParallelism } from 'node:os';
import type { Embedder } from '../../core/ports/models.js';
import { builtEntry } from '../../runtime/entry.js';
import { openDeterministicEmbedder, testModel } from './deterministic.js';
import { openOnnxEmbedder } from './onnx/embedder.js';
import type { ModelStore, PullProgress } from './store.js';
import type { TokenizerSpec } from './tokenizer.js';

export interface OpenEmbedderOptions {
  /** A built-in model's name, `test-hash` (see `testModel`), or the path of a manifest or a model folder. */
  readonly model: string;
  readonly store: ModelStore;
  readonly device: 'cpu' | 'cuda';
  readonly sessions: 'auto' | number;
  readonly threads: number;
  readonly queueBytes: number;
  readonly onQueryTruncated?: () => void;
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

/** An embedder, and what other threads need to count tokens as it does. */
export interface OpenedEmbedder {
  readonly embedder: Embedder & { readonly queued: number };
  /** Has a thread for queries alone until the returned function is called; see OnnxEmbedder. */
  readonly keepForQueries: () => Promise<() => void>;
  readonly tokenizer: TokenizerSpec;
}

/**
 * Finds (or fetches) the model, checks it and starts its threads.
 * @throws FootnoteError model_missing, model_hash_mismatch, model_download_failed, model_unsupported, device_unavailable,
 *         invalid_config, cancelled
 */
export async function openEmbedder(options: OpenEmbedderOptions): Promise<OpenedEmbedder> {
  const truncated = options.onQueryTruncated ? { onQueryTruncated: options.onQueryTruncated } : {};
  const forTests = testModel(options.model);
  if (forTests) {
    const embedder = await openDeterministicEmbedder({ queueBytes: options.queueBytes, ...forTests, ...truncated });
    return { embedder, tokenizer: embedder.tokenizer, keepForQueries: () => Promise.resolve(() => undefined) };
  }
  const signal = options.signal ? { signal: options.signal } : {};
  const model = await options.store.resolve(options.model, {
    ...signal,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  const embedder = await openOnnxEmbedder({
    model,
    entry: builtEntry(import.meta.url, '../../workers/embed.js'),
    device: options.device,
    sessions:
      options.sessions === 'auto'
        ? Math.max(1, Math.floor(availableParallelism() / options.threads))
        : options.sessions,
    threads: options.threads,
    queueBytes: options.queueBytes,
    ...truncated,
    ...signal,
  });
  return { embedder, tokenizer: embedder.tokenizer, keepForQueries: () => embedder.keepForQueries() };
}

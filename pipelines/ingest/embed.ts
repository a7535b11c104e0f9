import { FootnoteError, throwIfAborted } from '../../src/core/errors.js';
import type { PreparedChunk } from '../../src/core/ports/processing.js';
import { modelInput } from '../../src/stages/model-input.js';
import { type Work, reach, timed } from './work.js';

/** Inputs handed to the embedder at once: it sorts and batches by tokens itself, this bounds memory and abort latency. */
const BATCH = 64;

/**
 * The vectors of every chunk by vector name, in the order of `chunks`: from the cache where (build, exact input) is
 * known, otherwise computed and put there batch by batch, so that a crash repeats one batch at most.
 * @throws build_mismatch when this worker's model is not the generation's
 */
export async function embedChunks(
  work: Work,
  chunks: readonly PreparedChunk[],
): Promise<ReadonlyMap<string, readonly Float32Array[]>> {
  const byName = new Map<string, readonly Float32Array[]>();
  for (const name of Object.keys(work.generation.spec.models)) {
    byName.set(name, await timed(work, 'embed', () => embedOne(work, name, chunks)));
  }
  return byName;
}

/** @throws build_mismatch; transient, since a worker with the right model may take the change */
export function requireBuild(work: Pick<Work, 'ports' | 'generation'>, name: string): void {
  const wanted = work.generation.spec.models[name]?.build;
  const embedder = work.ports.embedders[name];
  if (embedder && embedder.build === wanted) return;
  throw new FootnoteError(
    'build_mismatch',
    `Generation ${work.generation.id} was built with another model build (${wanted ?? 'none'}) than this process runs ` +
      `(${embedder?.build ?? 'none'}) for '${name}': run the model it names, or reindex.`,
    { permanence: 'transient', details: { generation: work.generation.id, vector: name } },
  );
}

async function embedOne(work: Work, name: string, chunks: readonly PreparedChunk[]): Promise<Float32Array[]> {
  const { ports, documentId, options, tally } = work;
  requireBuild(work, name);
  const embedder = ports.embedders[name]!;
  const inputs = new Map<string, PreparedChunk>();
  for (const chunk of chunks) if (!inputs.has(chunk.inputSha256)) inputs.set(chunk.inputSha256, chunk);
  const hashes = [...inputs.keys()];
  const vectors = new Map<string, Float32Array>();
  if (hashes.length > 0) {
    const cached = await ports.cache.get(embedder.build, hashes, documentId);
    hashes.forEach((hash, i) => {
      const vector = cached[i];
      if (vector) vectors.set(hash, vector);
    });
  }
  const missing = hashes.filter((hash) => !vectors.has(hash));
  for (let from = 0; from < missing.length; from += BATCH) {
    throwIfAborted(options.signal);
    const batch = missing.slice(from, from + BATCH);
    const texts = batch.map((hash) => {
      const chunk = inputs.get(hash)!;
      return modelInput(chunk.context + chunk.text);
    });
    const made = await embedder.embed(texts, 'document', options.signal);
    const entries = batch.map((hash, i) => {
      const vector = made[i];
      if (!vector)
        throw new FootnoteError('internal', `The embedder returned ${made.length} of ${batch.length} vectors.`);
      vectors.set(hash, vector);
      return { input: hash, vector };
    });
    await reach(work, 'apply:embedded');
    await ports.cache.put(embedder.build, entries, documentId);
    await reach(work, 'apply:vectors-cached');
  }
  tally.embedded += missing.length;
  tally.cached += chunks.length - missing.length;
  ports.telemetry.count('vectors_embedded', missing.length);
  ports.telemetry.count('vectors_cached', chunks.length - missing.length);
  return chunks.map((chunk) => vectors.get(chunk.inputSha256)!);
}

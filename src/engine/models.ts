import { homedir } from 'node:os';
import { join } from 'node:path';
import type { OpenedEmbedder } from '../adapters/models/open.js';
import { openEmbedder } from '../adapters/models/open.js';
import type { PullProgress } from '../adapters/models/store.js';
import { ModelStore } from '../adapters/models/store.js';
import { openTokenizer } from '../adapters/models/tokenizer.js';
import { createTokenCounters } from '../adapters/tokenizers/index.js';
import type { Config } from '../core/config.js';
import { FootnoteError } from '../core/errors.js';
import type { Generation, GenerationSpec } from '../core/generation.js';
import type { Embedder, TokenCounter } from '../core/ports/models.js';
import type { Preparing } from '../core/ports/processing.js';
import type { Telemetry } from '../runtime/telemetry.js';
import { ANALYZER_VERSION } from '../stages/analyze.js';
import { DEFAULT_CHUNKER, chunkerFingerprint } from '../stages/chunk.js';
import { createPreparing } from './preparing.js';

/** The one vector of this version's generations. */
export const TEXT_VECTOR = 'text';

export interface OpenModel extends OpenedEmbedder {
  readonly preparing: Preparing;
}

export interface ModelsOptions {
  readonly config: Config;
  readonly telemetry: Telemetry;
  readonly tokenizerPaths: boolean;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
}

/** Where models are kept unless the configuration says otherwise. */
export function defaultCache(): string {
  return join(homedir(), '.cache', 'footnote');
}

export function modelStore(config: Config): ModelStore {
  return new ModelStore({
    cache: config.cache ?? defaultCache(),
    hubEndpoint: config.embedding.hubEndpoint,
    offline: config.embedding.offline,
  });
}

/** Models by name, opened at first use: a generation keeps its own model whatever is configured for new ones. */
export class Models {
  readonly #open = new Map<string, Promise<OpenModel>>();
  readonly #counters: ReturnType<typeof createTokenCounters>;

  constructor(private readonly options: ModelsOptions) {
    this.#counters = createTokenCounters({ paths: options.tokenizerPaths });
  }

  async for(model: string): Promise<OpenModel> {
    let opened = this.#open.get(model);
    if (!opened) {
      opened = this.#start(model);
      this.#open.set(model, opened);
      // A failed start is tried again by the next caller.
      opened.catch(() => this.#open.delete(model));
    }
    return opened;
  }

  async of(generation: Generation): Promise<OpenModel> {
    const model = generation.spec.models[TEXT_VECTOR];
    if (!model) throw new FootnoteError('internal', `Generation ${generation.id} has no passage model.`);
    return this.for(model.model);
  }

  /** What new generations are built with. */
  async newSpec(
    model: string = this.options.config.embedding.model,
    changes: Readonly<Record<string, number>> = {},
  ): Promise<GenerationSpec> {
    const { embedder, tokenizer } = await this.for(model);
    const { specialTokens } = await openTokenizer(tokenizer);
    const chunker = {
      ...DEFAULT_CHUNKER,
      ...changes,
      maxTokens: embedder.maxTokens,
      specialTokens,
      prefix: embedder.prefixes.document,
    };
    return {
      chunker: { options: chunker, fingerprint: chunkerFingerprint(chunker) },
      analyzer: { version: String(ANALYZER_VERSION) },
      models: { [TEXT_VECTOR]: specOf(model, embedder) },
    };
  }

  /** What its manifest says that it was trained on; empty where it says nothing, or there is none to be read. */
  async languagesOf({ spec }: Generation): Promise<readonly string[]> {
    const model = spec.models[TEXT_VECTOR]?.model;
    if (model === undefined) return [];
    const found = await modelStore(this.options.config)
      .manifest(model)
      .catch(() => undefined);
    return found?.manifest.languages ?? [];
  }

  /** @throws tokenizer_unknown */
  counter(name: string): Promise<TokenCounter> {
    return this.#counters(name);
  }

  /** Texts waiting for an embedding thread. */
  async queued(): Promise<number> {
    const opened = await Promise.all([...this.#open.values()]);
    return opened.reduce((sum, { embedder }) => sum + embedder.queued, 0);
  }

  async close(): Promise<void> {
    const all = await Promise.allSettled(this.#open.values());
    for (const each of all) {
      if (each.status === 'rejected') continue;
      await each.value.preparing.close();
      await each.value.embedder.close();
    }
  }

  async #start(model: string): Promise<OpenModel> {
    const { config, telemetry, onProgress } = this.options;
    const opened = await openEmbedder({
      model,
      store: modelStore(config),
      device: config.embedding.device,
      sessions: config.embedding.sessions,
      threads: config.embedding.threads,
      queueBytes: config.embedding.queueBytes,
      onQueryTruncated: () => telemetry.count('queries_truncated'),
      ...(onProgress ? { onProgress } : {}),
    });
    return { ...opened, preparing: createPreparing(opened.tokenizer) };
  }
}

/** The model as it was configured, so that it is found again by the same name or path. */
function specOf(model: string, embedder: Embedder): GenerationSpec['models'][string] {
  const { space, build, dims, maxTokens } = embedder;
  return { model, space, build, dims, maxTokens };
}

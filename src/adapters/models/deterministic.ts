import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { FootnoteError, throwIfAborted } from '../../core/errors.js';
import { sha256 } from '../../core/ids.js';
import type { Embedder } from '../../core/ports/models.js';
import { openTokenizer, type ModelTokenizer, type TokenizerSpec } from './tokenizer.js';

/** The name that selects it in the configuration; see `testModel`. */
export const TEST_MODEL = 'test-hash';

/**
 * What a model's name asks of it: `test-hash`, or `test-hash:20ms` for one that takes so long for each text, one text at a
 * time, and otherwise makes the same vectors. Undefined for the name of any other model.
 */
export function testModel(name: string): Pick<DeterministicOptions, 'delayMs'> | undefined {
  const found = /^test-hash(?::(\d{1,5})ms)?$/.exec(name);
  if (!found) return undefined;
  return found[1] === undefined ? {} : { delayMs: Number(found[1]) };
}

export interface DeterministicOptions {
  readonly dims?: number;
  readonly maxTokens?: number;
  readonly queueBytes?: number;
  /** Milliseconds that each text takes. */
  readonly delayMs?: number;
  readonly onQueryTruncated?: () => void;
}

/**
 * FOR TESTS: no model and no meaning. A vector is made of the SHA-256 of its text, so equal texts have equal vectors and
 * nothing else is near anything. For fault tests and wherever a model would only cost time.
 */
export async function openDeterministicEmbedder(options: DeterministicOptions = {}): Promise<DeterministicEmbedder> {
  return new DeterministicEmbedder(await openTokenizer({ kind: 'words' }), options);
}

export class DeterministicEmbedder implements Embedder {
  readonly model = TEST_MODEL;
  readonly prefixes = { query: '', document: '' };
  readonly dims: number;
  readonly maxTokens: number;
  readonly space: string;
  readonly build: string;
  readonly tokenizer: TokenizerSpec = { kind: 'words' };
  private readonly queueBytes: number;
  /** Texts waiting or at work; a gauge. */
  queued = 0;
  private queuedBytes = 0;
  private closed = false;
  /** The end of the line: texts are embedded one after another, as a session would. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly tokens: ModelTokenizer,
    private readonly options: DeterministicOptions,
  ) {
    this.dims = options.dims ?? 32;
    this.maxTokens = options.maxTokens ?? 256;
    this.queueBytes = options.queueBytes ?? 64 * 1024 * 1024;
    this.space = sha256(`${TEST_MODEL}@1 dims=${this.dims} maxTokens=${this.maxTokens}`);
    this.build = sha256(`build ${this.space}`);
  }

  async countTokens(texts: readonly string[]): Promise<number[]> {
    return texts.map((text) => this.tokens.count(text));
  }

  async embed(inputs: readonly string[], role: 'query' | 'document', signal?: AbortSignal): Promise<Float32Array[]> {
    throwIfAborted(signal);
    if (this.closed) throw new FootnoteError('unavailable', 'The embedder was closed.');
    if (inputs.length === 0) return [];
    const bytes = inputs.reduce((sum, input) => sum + input.length * 2, 0);
    if (bytes > this.queueBytes) throw new FootnoteError('request_too_large', 'The call is larger than the queue.');
    if (this.queuedBytes + bytes > this.queueBytes) {
      throw new FootnoteError('overloaded', 'The embedding queue is full; try again in a moment.', { retryAfter: 1 });
    }
    this.queuedBytes += bytes;
    this.queued += inputs.length;
    const mine = this.last.then(() => this.embedAll(inputs, role, signal));
    this.last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.queuedBytes -= bytes;
      this.queued -= inputs.length;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.last;
  }

  private async embedAll(
    inputs: readonly string[],
    role: 'query' | 'document',
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const input of inputs) {
      throwIfAborted(signal);
      if (this.closed) throw new FootnoteError('unavailable', 'The embedder was closed.');
      const tokens = this.tokens.count(input) + this.tokens.specialTokens;
      if (tokens > this.maxTokens && role === 'document') {
        throw new FootnoteError('invalid_request', `An input has ${tokens} tokens; the model reads ${this.maxTokens}.`);
      }
      if (tokens > this.maxTokens) this.options.onQueryTruncated?.();
      if (this.options.delayMs) await delay(this.options.delayMs);
      vectors.push(hashVector(input, this.dims));
    }
    return vectors;
  }
}

function hashVector(text: string, dims: number): Float32Array {
  const vector = new Float32Array(dims);
  let squares = 0;
  for (let start = 0; start < dims; start += 16) {
    const digest = createHash('sha256').update(`${start}:`).update(Buffer.from(text, 'utf16le')).digest();
    for (let index = 0; index < 16 && start + index < dims; index += 1) {
      // Never 0, so that every vector has a direction.
      const value = digest.readUInt16LE(index * 2) - 32_767.5;
      vector[start + index] = value;
      squares += value * value;
    }
  }
  const length = Math.sqrt(squares);
  for (let index = 0; index < dims; index += 1) vector[index]! /= length;
  return vector;
}

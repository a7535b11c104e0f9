/** Turns texts into vectors. A vector is a function of (exact model input, build) alone (law 3). */
export interface Embedder {
  /** The model's name in its manifest. */
  readonly model: string;
  /** Fingerprint: may two vectors be compared? (weights, tokenizer, pooling, prefixes) */
  readonly space: string;
  /** Fingerprint: are two vectors bit-equal? (file hash, provider, precision, runtime version, threads) Keys the vector cache. */
  readonly build: string;
  readonly dims: number;
  /** Longest input in tokens, special tokens included. */
  readonly maxTokens: number;
  /** Put before every input of that role by `embed`; counted by `countTokens` only if the caller includes it. */
  readonly prefixes: { readonly query: string; readonly document: string };
  /** Tokens of each text without special tokens. */
  countTokens(texts: readonly string[]): Promise<number[]>;
  /**
   * L2-normalised vectors, `dims` floats each, in the order of `inputs` (without the role's prefix, which is added here).
   * @throws invalid_request for an input beyond `maxTokens` with role `document`: nothing is truncated silently.
   *         Queries are cut at the limit and that is counted in the metrics.
   * @throws overloaded when the bounded queue is full
   */
  embed(inputs: readonly string[], role: 'query' | 'document', signal?: AbortSignal): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** Counts tokens of a target language model (law 8). */
export interface TokenCounter {
  readonly name: string;
  count(text: string): number;
}

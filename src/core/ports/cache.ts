/** Vectors by (model build, SHA-256 of the exact model input). Knows which documents use an entry, so that deletion reaches it (law 6). */
export interface VectorCache {
  /** In the order of `inputs`; undefined where absent. Marks the entries as used by the document. */
  get(build: string, inputs: readonly string[], documentId: string): Promise<(Float32Array | undefined)[]>;
  put(build: string, entries: readonly { input: string; vector: Float32Array }[], documentId: string): Promise<void>;
  /** Drops what only this document used, except the inputs in `keep`. */
  forget(documentId: string, keep?: ReadonlySet<string>): Promise<void>;
  /** Ids of documents that use an entry, ascending, from after `after` on. */
  documents(options: { readonly after?: string; readonly limit: number }): Promise<string[]>;
  stats(): Promise<{ entries: number; bytes: number }>;
}

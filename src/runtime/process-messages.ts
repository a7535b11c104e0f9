/** What pool and child say to each other; payloads travel as serialized bytes, so that their size is known unread. */
export type ToChild = { readonly job: number; readonly request: Uint8Array };

export type FromChild =
  | { readonly kind: 'ready' }
  /** A bounded piece of the result, in order. */
  | { readonly kind: 'piece'; readonly job: number; readonly data: Uint8Array }
  | { readonly kind: 'done'; readonly job: number }
  | { readonly kind: 'failed'; readonly job: number; readonly error: WireError };

/** A FootnoteError over the wire. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly permanence: 'transient' | 'permanent';
  readonly details?: Readonly<Record<string, unknown>>;
  readonly stack?: string;
}

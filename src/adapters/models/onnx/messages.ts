import type { ErrorCode } from '../../../core/errors.js';
import type { Pooling } from '../pooling.js';
import type { TokenizerSpec } from '../tokenizer.js';

/** What an embedding thread is started with. */
export interface WorkerSetup {
  readonly modelPath: string;
  readonly tokenizer: TokenizerSpec;
  readonly pooling: Pooling;
  readonly dims: number;
  readonly maxTokens: number;
  readonly output: string;
  readonly inputs?: readonly string[];
  readonly device: 'cpu' | 'cuda';
  readonly threads: number;
  /** Gives way to whatever else runs on the same cores: for threads that embed documents in bulk. */
  readonly gentle?: boolean;
}

export type Role = 'query' | 'document';

export type ToWorker =
  | {
      readonly type: 'embed';
      readonly group: number;
      readonly role: Role;
      readonly ids: number[];
      readonly texts: string[];
    }
  | { readonly type: 'count'; readonly group: number; readonly texts: string[] }
  /** Texts nobody waits for any more; those not begun are skipped. */
  | { readonly type: 'cancel'; readonly ids: number[] }
  | { readonly type: 'close' };

/** How one text of a group ended; its vector stands at the same index of the group's `vectors`. */
export type TextOutcome =
  | { readonly state: 'done'; readonly truncated: boolean }
  | { readonly state: 'cancelled' }
  | { readonly state: 'failed'; readonly error: PlainError };

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
}

export type FromWorker =
  | { readonly type: 'ready'; readonly runtime: string }
  | { readonly type: 'failed'; readonly error: PlainError }
  | {
      readonly type: 'embedded';
      readonly group: number;
      readonly outcomes: TextOutcome[];
      readonly vectors: Float32Array;
    }
  | { readonly type: 'counted'; readonly group: number; readonly counts: number[] | PlainError };

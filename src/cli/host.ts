import type { Writable } from 'node:stream';

/** What commands may use of the process: only `main.ts` knows the real one. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted at the first SIGINT or SIGTERM, or when the reader of standard output went away. */
  readonly signal: AbortSignal;
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Why `signal` aborts when nobody reads standard output any more (`… | head`): a quiet end, no failure. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

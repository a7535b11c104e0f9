export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Milliseconds to wait after the `attempt`-th failure: exponential with full jitter, never below `atLeastMs`.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("Full Jitter").
 */
export function backoffMs(attempt: number, backoff: Backoff, random: () => number, atLeastMs = 0): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(atLeastMs, Math.round(random() * ceiling));
}

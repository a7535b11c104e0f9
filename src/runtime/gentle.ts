import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Of 20 steps: a tenth of a core's time beside a thread that does not give way, all of it when there is none. */
const NICE = 10;

/**
 * Makes the calling thread give way to others on the same cores, for as long as it lives: threads have a niceness of their
 * own on Linux. Elsewhere nothing happens.
 */
export function beGentle(): void {
  try {
    const thread = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1];
    if (thread !== undefined) setPriority(Number(thread), NICE);
  } catch {
    // No such file, or not allowed: it competes as any other.
  }
}

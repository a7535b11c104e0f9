import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { FootnoteError } from '../core/errors.js';
import type { Leases } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';

const NAME = 'engine';
const TTL_MS = 15_000;
const RENEW_MS = 4000;
/** How long to wait for the lease of a process that died without releasing it. */
const WAIT_MS = TTL_MS + 5000;

export function takenByOne(): FootnoteError {
  return new FootnoteError(
    'data_in_use',
    'Another process of Footnote works alone on this catalog. Stop it first; if it died, its place is free after 15 seconds.',
  );
}

/** Whether a process works alone on these stores now. */
export function isTaken(leases: Pick<Leases, 'held'>, clock: Pick<Clock, 'now'>): Promise<boolean> {
  return leases.held(NAME, clock.now());
}

export interface Sole {
  release(): Promise<void>;
}

/**
 * Makes sure that one process works on stores that others can reach: a lease in the catalog, renewed while it lives.
 * @param onLost another process has taken over: this one has to end. Nothing is lost, whatever it still does (law 4)
 * @throws data_in_use
 */
export async function becomeSole(leases: Leases, clock: Clock, onLost: () => void): Promise<Sole> {
  const holder = `${hostname()} ${process.pid} ${randomUUID()}`;
  const deadline = clock.now() + WAIT_MS;
  let lease = await leases.acquire(NAME, holder, TTL_MS, clock.now());
  while (lease === undefined) {
    if (clock.now() > deadline) {
      throw takenByOne();
    }
    await clock.sleep(1000);
    lease = await leases.acquire(NAME, holder, TTL_MS, clock.now());
  }
  let held = lease;
  let renewing = false;
  const renew = async (): Promise<void> => {
    if (await leases.renew(held, TTL_MS, clock.now())) return;
    // It ran out while the catalog could not be reached, or this process was suspended.
    const again = await leases.acquire(NAME, holder, TTL_MS, clock.now());
    if (again) {
      held = again;
      return;
    }
    clearInterval(timer);
    onLost();
  };
  const timer = setInterval(() => {
    if (renewing) return;
    renewing = true;
    renew()
      // A catalog that cannot be asked stops everybody alike: asked again when it is back.
      .catch(() => undefined)
      .finally(() => {
        renewing = false;
      });
  }, RENEW_MS);
  return {
    async release() {
      clearInterval(timer);
      // A catalog that is away forgets it by itself.
      await leases.release(held).catch(() => undefined);
    },
  };
}

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { FootnoteError } from '../../core/errors.js';
import type { Lease, SourceName } from '../../core/ports/catalog.js';
import { SOURCE_LEASE_MS, sourceLease } from '../../core/source-lease.js';
import type { ListingPorts } from './ports.js';

export interface OwnedSource {
  readonly name: SourceName;
  readonly fence: number;
  /** Aborts with the caller's, and when the lease is lost. */
  readonly signal: AbortSignal;
}

/**
 * Runs under the source's lease with a fence of its own.
 * @throws FootnoteError source_owned, conflict (another process reads this source, or took it over)
 */
export async function withSource(
  ports: ListingPorts,
  name: SourceName,
  connector: string,
  signal: AbortSignal,
  work: (source: OwnedSource) => Promise<void>,
): Promise<void> {
  await ports.catalog.sources.claim(name, `connector:${connector}`);
  const lease = await acquire(ports, name);
  const lost = new AbortController();
  const renewal = keepLease(ports, lease, lost, signal);
  // Awaited below; this keeps an early failure from being unhandled meanwhile.
  renewal.catch(() => undefined);
  try {
    // Closes the inventory to former owners before anything in it is believed.
    if (!(await ports.catalog.cursors.updateInventory(name, lease.fence, [], []))) throw takenOver(name);
    const inner = AbortSignal.any([signal, lost.signal]);
    // Many items at once listen to it, which is no leak.
    setMaxListeners(0, inner);
    await work({ name, fence: lease.fence, signal: inner });
  } finally {
    lost.abort();
    await renewal;
    await ports.catalog.leases.release(lease);
  }
}

export function takenOver(name: SourceName): FootnoteError {
  return new FootnoteError('conflict', `Source ${name.source} was taken over by a newer run.`);
}

async function acquire(ports: ListingPorts, name: SourceName): Promise<Lease> {
  const lease = await ports.catalog.leases.acquire(
    sourceLease(name),
    randomUUID(),
    SOURCE_LEASE_MS,
    ports.clock.now(),
    name,
  );
  if (!lease) {
    throw new FootnoteError(
      'conflict',
      `Another run is reading source ${name.source} of ${name.collection}: wait until it ends (its lease lasts ${SOURCE_LEASE_MS / 1000} s).`,
    );
  }
  return lease;
}

/** Renews until told to stop; losing the lease aborts the listing (the fence keeps it harmless anyway). */
async function keepLease(ports: ListingPorts, lease: Lease, lost: AbortController, signal: AbortSignal): Promise<void> {
  const stop = AbortSignal.any([signal, lost.signal]);
  while (!stop.aborted) {
    try {
      await ports.clock.sleep(SOURCE_LEASE_MS / 3, stop);
    } catch (error) {
      if (stop.aborted) return;
      throw error;
    }
    if (!(await ports.catalog.leases.renew(lease, SOURCE_LEASE_MS, ports.clock.now()))) {
      lost.abort(new FootnoteError('conflict', 'The lease on the source was taken over.'));
    }
  }
}

import { randomUUID } from 'node:crypto';
import { throwIfAborted } from '../../src/core/errors.js';
import { consumes, streamOf } from '../../src/core/generation.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type {
  Cursors,
  Documents,
  Generations,
  Head,
  Heads,
  Leases,
  SourceRecord,
  Sources,
} from '../../src/core/ports/catalog.js';
import type { EventLog } from '../../src/core/ports/log.js';
import { SOURCE_LEASE_MS, sourceLease } from '../../src/core/source-lease.js';
import { type VersionKey, parseVersionKey, versionKey } from '../../src/core/version.js';
import { reached } from '../positions.js';

export interface TombstonePorts {
  readonly heads: Pick<Heads, 'tombstones' | 'forget'>;
  readonly documents: Pick<Documents, 'everywhere'>;
  readonly generations: Pick<Generations, 'list'>;
  readonly sources: Pick<Sources, 'list' | 'raiseFloor'>;
  readonly leases: Pick<Leases, 'acquire' | 'release'>;
  readonly cursors: Pick<Cursors, 'updateInventory'>;
  readonly log: Pick<EventLog, 'end' | 'committed'>;
  readonly clock: Pick<Clock, 'now'>;
}

export interface TombstoneOptions {
  /** Tombstones since before this go. ISO 8601. At least as old as the log and the dead letters are kept. */
  readonly before: string;
  /** Whether somebody may still be applying something older to one of these generations. */
  readonly inFlight: (generations: readonly string[]) => boolean | Promise<boolean>;
  readonly signal?: AbortSignal;
}

const PAGE = 500;
const API_OWNER = 'api';

/**
 * Forgets old tombstones: heads and rows of deleted documents, with their names and permissions. From then on the source's
 * floor stands for them: an event below it that finds neither row nor head is superseded.
 *
 * The floor knows no documents and no partitions, so it may only cover what cannot come any more: every generation has
 * consumed all that the log held after the sources' fences were read, and a connector's floor is raised into fences that
 * are past. For documents owned by the API a write decides on the head first, which therefore tells it from a late one.
 * A crash leaves a raised floor, which covers nothing new, and the rest for the next time.
 *
 * @returns how many were forgotten; none while a generation is being built, or lags: the next run comes to them
 */
export async function forgetTombstones(
  ports: TombstonePorts,
  { tenant, name }: { readonly tenant: string; readonly name: string },
  options: TombstoneOptions,
): Promise<number> {
  const { before, signal } = options;
  const page = (after?: string): Promise<Head[]> =>
    ports.heads.tombstones(tenant, name, { before, limit: PAGE, ...(after === undefined ? {} : { after }) });
  let heads = await page();
  if (heads.length === 0) return 0;
  const sources = await ownersPast(ports, { tenant, name }, heads);
  if (!(await settled(ports, { tenant, name }, options))) return 0;
  let forgotten = 0;
  for (;;) {
    throwIfAborted(signal);
    const floors = new Map<string, VersionKey>();
    const past: Head[] = [];
    for (const head of heads) {
      const source = sources.get(head.event.source);
      const floor = source && floorAbove(head.version, source);
      if (floor === undefined || !(await deletedEverywhere(ports, head))) continue;
      const known = floors.get(head.event.source);
      if (known === undefined || known < floor) floors.set(head.event.source, floor);
      past.push(head);
    }
    for (const [source, floor] of floors) await ports.sources.raiseFloor({ tenant, collection: name, source }, floor);
    if (past.length > 0) forgotten += await ports.heads.forget(past);
    if (heads.length < PAGE) return forgotten;
    heads = await page(heads.at(-1)!.documentId);
  }
}

/**
 * The sources by name, with fences above those of all of these tombstones where that can be had: nobody may ever list a
 * source again whose documents are deleted. Whoever lists one now keeps it; it will be past the next time.
 */
async function ownersPast(
  ports: TombstonePorts,
  { tenant, name }: { readonly tenant: string; readonly name: string },
  heads: readonly Head[],
): Promise<Map<string, SourceRecord>> {
  const sources = new Map((await ports.sources.list(tenant, name)).map((source) => [source.source, source]));
  for (const { event, version } of heads) {
    const source = sources.get(event.source);
    if (!source || source.owner === API_OWNER || parseVersionKey(version).fence < source.fence) continue;
    const lease = await ports.leases.acquire(
      sourceLease(source),
      randomUUID(),
      SOURCE_LEASE_MS,
      ports.clock.now(),
      source,
    );
    if (!lease) continue;
    // As every new owner does: what a former one appends from now on must not count as known.
    const closed = await ports.cursors.updateInventory(source, lease.fence, [], []);
    await ports.leases.release(lease);
    if (closed) sources.set(event.source, { ...source, fence: lease.fence });
  }
  return sources;
}

/** No generation has anything older than now before it. */
async function settled(
  ports: TombstonePorts,
  { tenant, name }: { readonly tenant: string; readonly name: string },
  options: TombstoneOptions,
): Promise<boolean> {
  const stream = streamOf(tenant, name);
  const end = await ports.log.end(stream);
  const consuming = (await ports.generations.list(tenant, name))
    .filter(({ state }) => consumes(state))
    .map(({ id }) => id);
  for (const id of consuming) if (!reached(await ports.log.committed(stream, id), end)) return false;
  return !(await options.inFlight(consuming));
}

/** The lowest floor that covers the version, or none while it would cover what may still come. */
function floorAbove(version: VersionKey, source: SourceRecord): VersionKey | undefined {
  const { fence, epoch, n } = parseVersionKey(version);
  if (source.owner === API_OWNER) return versionKey({ fence, epoch, n: n + 1n });
  return fence < source.fence ? versionKey({ fence: fence + 1, epoch: 0, n: 0n }) : undefined;
}

async function deletedEverywhere({ documents }: TombstonePorts, head: Head): Promise<boolean> {
  const rows = await documents.everywhere(head.documentId);
  return rows.every((row) => row.state === 'deleted' && row.seen.version === head.version);
}

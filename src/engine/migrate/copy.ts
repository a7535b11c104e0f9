import { throwIfAborted } from '../../core/errors.js';
import type { Generation } from '../../core/generation.js';
import { consumes, streamOf } from '../../core/generation.js';
import type { Collection, SourceName } from '../../core/ports/catalog.js';
import { changeRecord, loadRecord } from '../../services/connect/record.js';
import { raiseFences } from '../fences.js';
import type { Storage } from '../storage.js';

const PAGE = 500;

/** One collection on its way, and what has to be told of it. */
export interface Move {
  readonly source: Storage;
  readonly target: Storage;
  readonly collection: Collection;
  readonly signal: AbortSignal;
  /** See fault-points.ts. */
  readonly reach: (point: string, about?: string) => Promise<void>;
}

/** Those that are moved: what was dropped is only a name. */
export async function movedGenerations({
  source,
  collection,
}: Pick<Move, 'source' | 'collection'>): Promise<Generation[]> {
  const all = await source.catalog.generations.list(collection.tenant, collection.name);
  return all.filter(({ state }) => state !== 'dropped');
}

/** Releases and generations with their histories, and a place for each generation's points. */
export async function copyDescriptions(move: Move): Promise<void> {
  const { source, target, collection } = move;
  const { tenant, name } = collection;
  const { releases, generations } = target.catalog;
  // First, so that a switch finds no generation whose state it would move: their histories say it all.
  const there = (await releases.history(tenant, name, 1))[0]?.number ?? 0;
  const newest = (await source.catalog.releases.history(tenant, name, 1))[0]?.number ?? 0;
  const history = await source.catalog.releases.history(tenant, name, Math.max(1, newest));
  for (const release of history.reverse())
    if (release.number > there) await releases.switch(release, release.number - 1);
  for (const generation of await movedGenerations(move)) {
    const { history: moves, ...of } = generation;
    const [made, ...later] = moves;
    if (!made) continue;
    if (!(await generations.get(of.id))) await generations.create({ ...of, state: made.state }, made.reason);
    const known = (await generations.get(of.id))?.history.length ?? 0;
    let before = moves[known - 1]?.state ?? made.state;
    for (const { state, at, reason } of later.slice(known - 1)) {
      await generations.move(of.id, before, state, at, reason);
      before = state;
    }
    await target.vectors.create({
      generation: of.id,
      vectors: Object.fromEntries(Object.entries(of.spec.models).map(([vector, { dims }]) => [vector, dims])),
    });
  }
}

/** Who owns each source, its counter and floor, what its connector remembers, and whether it is paused. */
export async function copySources(move: Move): Promise<void> {
  const { source, target, collection } = move;
  for (const record of await source.catalog.sources.list(collection.tenant, collection.name)) {
    const name = { tenant: record.tenant, collection: record.collection, source: record.source };
    const { sources, cursors, meta } = target.catalog;
    await sources.claim(name, record.owner);
    await raiseFences(sources, name, new Map([[record.source, record.fence]]));
    if (record.floor !== undefined) await sources.raiseFloor(name, record.floor);
    await copyInventory(move, name, record.fence);
    const cursor = await source.catalog.cursors.load(name);
    if (cursor) await cursors.save(name, record.fence, cursor.cursor);
    const remembered = await loadRecord(source.catalog.meta, name);
    await changeRecord(meta, name, () => remembered);
    await move.reach('migrate:source', record.source);
  }
}

/** Written under the source's last fence: its next owner has a higher one. */
async function copyInventory({ source, target, signal }: Move, name: SourceName, fence: number): Promise<void> {
  for (let after: string | undefined; ;) {
    throwIfAborted(signal);
    const items = await source.catalog.cursors.inventory(name, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    if (items.length > 0) await target.catalog.cursors.updateInventory(name, fence, items, []);
    after = items.at(-1)?.key;
    if (items.length < PAGE) return;
  }
}

/** Dead letters with the places they had, so that a replay can't go back in time; and who reads the new stream from where. */
export async function copyLetters(move: Move): Promise<void> {
  const { source, target, collection, signal } = move;
  const stream = streamOf(collection.tenant, collection.name);
  const generations = await movedGenerations(move);
  const moved = new Set(generations.map(({ id }) => id));
  for (let after: string | undefined; ;) {
    throwIfAborted(signal);
    const letters = await source.log.deadLetters.list(stream, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { id: _, ...letter } of letters) {
      if (moved.has(letter.group)) await target.log.deadLetters.add(letter);
    }
    after = letters.at(-1)?.id;
    if (letters.length < PAGE) break;
  }
  const end = await target.log.end(stream);
  for (const { id, state } of generations) if (consumes(state)) await target.log.seek(stream, id, end);
}

/**
 * Keys belong to a tenant, not to a collection, and whoever has one goes on using it: those of the tenant go along. What the
 * target has stays as it is, but a key that was revoked on either side is revoked. @returns how many were new
 */
export async function copyKeys(source: Storage, target: Storage, tenant: string): Promise<number> {
  const there = new Map((await target.catalog.keys.list(tenant)).map((key) => [key.id, key]));
  let copied = 0;
  for (const key of await source.catalog.keys.list(tenant)) {
    const known = there.get(key.id);
    if (!known) {
      await target.catalog.keys.create(key);
      copied += 1;
    } else if (key.revokedAt !== undefined && known.revokedAt === undefined) {
      await target.catalog.keys.revoke(key.id, key.revokedAt);
    }
  }
  return copied;
}

import { describe, expect, it } from 'vitest';
import type { Head } from '../../src/core/ports/catalog.js';
import { versionKey } from '../../src/core/version.js';
import { idOf, makeEvent } from '../../test/support/fixtures.js';
import { type TombstonePorts, forgetTombstones } from './tombstones.js';

const COLLECTION = { tenant: 't', name: 'c' };
const at = (offset: bigint) => [{ epoch: 1, partition: 0, offset }];

/** One tombstone of a connector's source, whose fence is the source's own. */
function world(change: { committed?: bigint; leased?: boolean; row?: 'live' | 'deleted' } = {}) {
  const event = makeEvent('k', { op: 'delete', fence: 3 });
  const version = versionKey({ fence: 3, epoch: 1, n: 7n });
  const head: Head = { documentId: idOf('k'), version, deleted: true, event, updatedAt: '2026-01-01T00:00:00.000Z' };
  const source = { tenant: 't', collection: 'c', source: event.source, owner: 'connector:files', fence: 3 };
  const done: string[] = [];
  const ports = {
    heads: {
      tombstones: async () => [head],
      forget: async (heads: readonly unknown[]) => {
        done.push('forget');
        return heads.length;
      },
    },
    documents: { everywhere: async () => [{ state: change.row ?? 'deleted', seen: { version } }] },
    generations: { list: async () => [{ id: 'g-1', state: 'live' }] },
    sources: {
      list: async () => [source],
      raiseFloor: async (_: unknown, floor: string) => void done.push(`floor ${floor}`),
    },
    leases: {
      acquire: async () => (change.leased ? undefined : { name: '', holder: '', fence: 4, expiresAt: 0 }),
      release: async () => void done.push('release'),
    },
    cursors: { updateInventory: async () => done.push('close') > 0 },
    log: { end: async () => at(9n), committed: async () => at(change.committed ?? 9n) },
    clock: { now: () => 0 },
  } as unknown as TombstonePorts;
  return { ports, done };
}

const forget = ({ ports }: { ports: TombstonePorts }, inFlight = false) =>
  forgetTombstones(ports, COLLECTION, { before: '2026-02-01T00:00:00.000Z', inFlight: () => inFlight });

describe('a tombstone', () => {
  it('is forgotten once the floor stands for it, above every owner of the past', async () => {
    const of = world();
    expect(await forget(of)).toBe(1);
    expect(of.done).toEqual(['close', 'release', `floor ${versionKey({ fence: 4, epoch: 0, n: 0n })}`, 'forget']);
  });

  it('stays while a generation has not consumed the log: the floor would cover documents that are still to come', async () => {
    const of = world({ committed: 8n });
    expect(await forget(of)).toBe(0);
    expect(of.done).not.toContain('forget');
  });

  it('stays while something older may be in flight, somebody lists its source, or a generation shows it', async () => {
    for (const [of, inFlight] of [
      [world(), true],
      [world({ leased: true }), false],
      [world({ row: 'live' }), false],
    ] as const) {
      expect(await forget(of, inFlight)).toBe(0);
      expect(of.done.filter((step) => step.startsWith('floor') || step === 'forget')).toEqual([]);
    }
  });
});

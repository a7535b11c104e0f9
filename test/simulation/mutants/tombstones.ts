import type { SimPorts } from '../ports.js';
import type { Mutant } from './mutant.js';
import { wrapCursors } from './wrap.js';

/** What has to hold before a tombstone may be forgotten. */
export const TOMBSTONES: Readonly<Record<string, Mutant>> = {
  floor_unraised: {
    removes: 'the raising of the floor before a tombstone is forgotten',
    law: '6',
    only: ['purge'],
    ports: (ports) => wrapSources(ports, { raiseFloor: () => Promise.resolve() }),
  },
  floor_in_present: {
    removes: "a floor's limit to fences that are past: it covers what the source's owner is still to append",
    law: '4',
    only: ['purge'],
    ports: (ports) =>
      wrapSources(ports, {
        list: async (tenant, collection) => {
          const sources = await ports.catalog.sources.list(tenant, collection);
          return sources.map((source) => ({ ...source, fence: source.fence + 1 }));
        },
      }),
  },
  floor_inventory_open: {
    removes: 'closing the inventory to former owners before the floor covers them',
    law: '4',
    only: ['purge'],
    ports: (ports) => wrapCursors(ports, { updateInventory: () => Promise.resolve(true) }),
  },
  forget_lagging: {
    removes: 'waiting until every generation has consumed the log before tombstones are forgotten',
    law: '4',
    only: ['purge'],
    ports: (ports) => ({ ...ports, log: { ...ports.log, committed: (stream) => ports.log.end(stream) } }),
    testedBy: 'pipelines/retention/tombstones.test.ts',
  },
  forget_building: {
    removes: 'looking, in the transaction that forgets a tombstone, for builds',
    law: '7',
    catalog: { forgetBuilding: true },
    harmless:
      "A tombstone's row is left without its head: it shows nothing, and repair raises the head again, to be forgotten another time. One history in ten thousand had it.",
  },
  forget_in_flight: {
    removes: 'waiting for appliers of older events before tombstones are forgotten',
    law: '6',
    forgetAnyTime: true,
  },
  forget_moved: {
    removes: 'looking, in the transaction that forgets a tombstone, whether it still is one',
    law: '4',
    catalog: { forgetBlind: true },
  },
};

function wrapSources(ports: SimPorts, sources: Partial<SimPorts['catalog']['sources']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, sources: { ...ports.catalog.sources, ...sources } } };
}

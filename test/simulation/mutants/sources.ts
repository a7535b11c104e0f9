import type { Mutant } from './mutant.js';
import { wrapCursors, wrapHeads } from './wrap.js';

/** How changes reach the log: outbox, listings, owners. */
export const SOURCES: Readonly<Record<string, Mutant>> = {
  outbox_marked_first: {
    removes: 'the order of append and mark in the outbox',
    law: '4 (an accepted write is lost)',
    ports: (ports) =>
      wrapHeads(ports, {
        outbox: async (limit) => {
          const entries = await ports.catalog.heads.outbox(limit);
          await ports.catalog.heads.published(entries.map((entry) => entry.id));
          return entries;
        },
      }),
  },
  outbox_unordered: {
    removes: 'the order of the outbox',
    law: '4 (an accepted write is passed by a later one)',
    ports: (ports) =>
      wrapHeads(ports, {
        outbox: async (limit) => [...(await ports.catalog.heads.outbox(limit))].reverse(),
      }),
  },
  decide_blind: {
    removes: "the head's compare-and-set when an API write is decided: two writes take one sequence number",
    law: '4',
    ports: (ports) =>
      wrapHeads(ports, {
        decide: async (head, _expected, stream) => {
          const now = (await ports.catalog.heads.get([head.documentId])).get(head.documentId);
          if (await ports.catalog.heads.decide(head, now?.version, stream)) return true;
          await ports.log.append(stream, [head.event]);
          return true;
        },
      }),
  },
  cursor_unfenced: {
    removes: "the fence of a source's inventory: a former owner goes on writing it",
    law: '4 (the source and the index differ for good)',
    ports: (ports) =>
      wrapCursors(ports, {
        updateInventory: (name, _fence, put, remove) =>
          ports.catalog.cursors.updateInventory(name, Number.MAX_SAFE_INTEGER, put, remove),
      }),
  },
  inventory_not_closed: {
    removes: 'closing the inventory to former owners before it is read',
    law: '4 (the source and the index differ for good)',
    ports: (ports) =>
      wrapCursors(ports, {
        updateInventory: async (name, fence, put, remove) =>
          (put.length === 0 && remove.length === 0) || ports.catalog.cursors.updateInventory(name, fence, put, remove),
      }),
  },
  owner_keeps_fence: {
    removes: 'a fence of its own for each owner of a source',
    law: '4',
    ports: (ports) => ({
      ...ports,
      catalog: {
        ...ports.catalog,
        leases: {
          ...ports.catalog.leases,
          acquire: async (...args) => {
            const lease = await ports.catalog.leases.acquire(...args);
            return lease && { ...lease, fence: 1 };
          },
          renew: () => Promise.resolve(true),
        },
      },
    }),
  },
  unannounced: {
    removes: 'the mark in the inventory before an append: a run that dies after it knows nothing of what it sent',
    law: '4 (the source and the index differ for good)',
    ports: (ports) =>
      wrapCursors(ports, {
        updateInventory: (name, fence, put, remove) =>
          ports.catalog.cursors.updateInventory(
            name,
            fence,
            put.filter((item) => item.state.unsettled !== true),
            remove,
          ),
      }),
  },
  broken_listing: {
    removes:
      'the end of a listing as the condition for its deletions: what a broken one did not come to is taken for gone',
    law: '6',
    brokenIsComplete: true,
  },
  problem_is_gone: {
    removes: 'telling of items that were seen and can not be read: they are taken for gone',
    law: '6',
    problemIsGone: true,
  },
  migrate_without_fence: {
    removes:
      'raising fences and closing inventories when the log is recreated: a stalled owner records what went to the old log',
    law: '4 (the source and the index differ for good)',
    migrateWithoutFence: true,
  },
};

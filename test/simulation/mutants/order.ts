import { type ChangeEvent, type Position, eventVersion } from '../../../src/core/event.js';
import { type Version, type VersionKey, parseVersionKey, versionKey } from '../../../src/core/version.js';
import type { Mutant } from './mutant.js';
import { wrapDocuments, wrapHeads } from './wrap.js';

/** What orders the events of a document. */
export const ORDER: Readonly<Record<string, Mutant>> = {
  no_fence: {
    removes: 'fences in versions: events are ordered by epoch and number alone',
    law: '4',
    versionOf: (event, position) =>
      event.sequence === undefined ? { ...eventVersion(event, position), fence: 0 } : eventVersion(event, position),
  },
  pos_version: {
    removes: "fences in points' versions only: rows are ordered in full, points are stamped and pruned by number",
    law: '4',
    ports: (ports) => ({
      ...wrapDocuments(ports, {
        compareAndSet: ({ visible, ...row }, expected) =>
          ports.catalog.documents.compareAndSet(
            visible ? { ...row, visible: { ...visible, version: unfenced(visible.version) } } : row,
            expected,
          ),
      }),
      vectors: {
        ...ports.vectors,
        write: (generation, points) =>
          ports.vectors.write(
            generation,
            points.map((point) => ({ ...point, version: unfenced(point.version) })),
          ),
        prune: (generation, documentId, below, keep) =>
          ports.vectors.prune(generation, documentId, unfenced(below), keep),
      },
    }),
  },
  no_sequence: {
    removes: "the API's sequence numbers: its events are ordered by position, too",
    law: '4',
    versionOf: ({ fence }, position) => ({ fence, epoch: position.epoch, n: position.offset }),
  },
  no_epoch: {
    removes: 'the epoch in versions: a recreated log begins at offset 0 again',
    law: '4',
    versionOf: withoutEpoch,
    harmless:
      'A log is moved only once everything is applied, and then every fence is raised above what it held and inventories are closed to former owners: the fence orders alone. no_epoch_no_fence removes both.',
  },
  no_epoch_no_fence: {
    removes: 'both what orders events over a move of the log: epochs, and the fences raised with it',
    law: '4',
    versionOf: withoutEpoch,
    migrateWithoutFence: true,
    connectsAgain: true,
  },
  unversioned: {
    removes: 'versions in point ids: one id a chunk ordinal of a document',
    law: '4',
    ports: (ports) => ({
      ...ports,
      vectors: {
        ...ports.vectors,
        write: (generation, points) =>
          ports.vectors.write(
            generation,
            points.map((point) => ({ ...point, id: `${point.documentId}/${point.ordinal}` })),
          ),
      },
    }),
  },
  head_not_raised: {
    removes: 'raising the head before the row',
    law: '6, 7',
    ports: (ports) => wrapHeads(ports, { raise: async (head) => ({ raised: false, head }) }),
  },
  head_set: {
    removes: 'that heads only rise: whoever applies a change sets it',
    law: '6, 7',
    catalog: { headsFall: true },
  },
  no_cas: {
    removes: 'compare-and-set of rows: whoever comes last writes',
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        compareAndSet: async (row) => {
          for (;;) {
            const now = await ports.catalog.documents.get(row.generation, row.documentId);
            if (await ports.catalog.documents.compareAndSet(row, now?.token)) return true;
          }
        },
      }),
  },
  replay_newpos: {
    removes: "a dead letter's own version: a replay appends it as a new event",
    law: '4, 6',
    replayAtNewPosition: true,
  },
  floor_unchecked: {
    removes: "the source's floor: an event whose tombstone was forgotten is taken for a new document's",
    law: '6',
    ports: (ports) => ({
      ...ports,
      catalog: {
        ...ports.catalog,
        sources: {
          ...ports.catalog.sources,
          get: async (name) => {
            const source = await ports.catalog.sources.get(name);
            if (!source) return undefined;
            const { floor: _, ...rest } = source;
            return rest;
          },
        },
      },
    }),
  },
};

function withoutEpoch(event: ChangeEvent, position: Position): Version {
  return { ...eventVersion(event, position), epoch: 0 };
}

function unfenced(version: VersionKey): VersionKey {
  return versionKey({ ...parseVersionKey(version), fence: 0 });
}

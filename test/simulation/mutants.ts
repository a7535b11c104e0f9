import type { ChangeEvent, Position } from '../../src/core/event.js';
import { eventVersion } from '../../src/core/event.js';
import type { Visibility } from '../../src/core/ports/catalog.js';
import type { Delivery } from '../../src/core/ports/log.js';
import type { Point } from '../../src/core/ports/vectors.js';
import { type Version, type VersionKey, parseVersionKey, versionKey } from '../../src/core/version.js';
import type { CatalogMutants } from './models/catalog.js';
import type { LogMutants } from './models/log.js';
import type { SimPorts } from './ports.js';

export interface Mutant {
  /** The guard that is gone. */
  readonly removes: string;
  /** What is expected to break. */
  readonly law: string;
  readonly versionOf?: (event: ChangeEvent, position: Position) => Version;
  readonly log?: LogMutants;
  readonly catalog?: CatalogMutants;
  /** Wraps the ports of every process. */
  readonly ports?: (ports: SimPorts) => SimPorts;
  /** What a reader believes of a document instead of the truth. */
  readonly visibility?: (truth: Visibility, point: Point) => Visibility;
  /** Repair does not ask what is in flight. */
  readonly repairAnyTime?: boolean;
  /** Consumes a generation before its backfill is complete. */
  readonly consumeEarly?: boolean;
  /** Switches at once, without waiting. */
  readonly switchAtOnce?: boolean;
  /** Removes its own points when something newer was there. */
  readonly undo?: boolean;
  /** Replays a dead letter as a new event. */
  readonly replayAtNewPosition?: boolean;
  /** Recreates the log without closing inventories to former owners. */
  readonly migrateWithoutFence?: boolean;
  /** Takes a listing that broke off for a complete one. */
  readonly brokenIsComplete?: boolean;
  /** Says nothing of items that can't be read. */
  readonly problemIsGone?: boolean;
  /** Sweeps unnamed blobs however young. */
  readonly sweepAtOnce?: boolean;
  /** Readers take a document's visibility from an earlier query while the row stands. */
  readonly visibilityCached?: boolean;
  /** Economy or caution, not safety: not expected to be caught. */
  readonly harmless?: boolean;
}

function wrapDocuments(ports: SimPorts, documents: Partial<SimPorts['catalog']['documents']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, documents: { ...ports.catalog.documents, ...documents } } };
}

function wrapHeads(ports: SimPorts, heads: Partial<SimPorts['catalog']['heads']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, heads: { ...ports.catalog.heads, ...heads } } };
}

function wrapRevisions(ports: SimPorts, revisions: Partial<SimPorts['catalog']['revisions']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, revisions: { ...ports.catalog.revisions, ...revisions } } };
}

function wrapCursors(ports: SimPorts, cursors: Partial<SimPorts['catalog']['cursors']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, cursors: { ...ports.catalog.cursors, ...cursors } } };
}

function wrapDeliveries(ports: SimPorts, wrap: (delivery: Delivery) => Promise<Delivery>): SimPorts {
  const { log } = ports;
  return {
    ...ports,
    log: {
      ...log,
      async *consume(options) {
        for await (const delivery of log.consume(options)) yield await wrap(delivery);
      },
    },
  };
}

/** Guards of the protocol, each removed alone. Text here is repeated in docs/decisions/0002-protocol-and-its-mutants.md. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
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
    versionOf: (event, position) => ({ ...eventVersion(event, position), epoch: 0 }),
    harmless: true,
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
  prune_eq: {
    removes: 'the order in prune: it removes every version but the one it was told',
    law: '4',
    ports: (ports) => ({
      ...ports,
      vectors: {
        ...ports.vectors,
        prune: (generation, documentId, below) =>
          // The model's prune with a bound above everything, then what was meant to stay is written back by nobody.
          pruneAllBut(ports, generation, documentId, below),
      },
    }),
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
  no_tomb_backfill: {
    removes: 'tombstones in the backfill of a new generation',
    law: '4, 6',
    ports: (ports) =>
      wrapDocuments(ports, {
        list: async (generation, options) => {
          const rows = await ports.catalog.documents.list(generation, options);
          return rows.filter((row) => row.state !== 'deleted');
        },
      }),
  },
  no_last_good_backfill: {
    removes: 'the last good version of failed rows in the backfill',
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        list: async (generation, options) => {
          const rows = await ports.catalog.documents.list(generation, options);
          return rows.map(({ visible, ...row }) => (row.state === 'failed' || !visible ? row : { ...row, visible }));
        },
      }),
  },
  consume_early: {
    removes: 'the order of backfill and consumption: a generation consumes while it is backfilled',
    law: '4',
    consumeEarly: true,
  },
  undo: { removes: 'letting stand: the one who finds newer state removes its own points', law: '4', undo: true },
  fail_reset: {
    removes: 'the last good version of a failed row: it points at the version that failed',
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        compareAndSet: (row, expected) =>
          ports.catalog.documents.compareAndSet(
            row.state === 'failed' && row.visible ? { ...row, visible: { ...row.visible, ...row.seen } } : row,
            expected,
          ),
      }),
  },
  replay_newpos: {
    removes: "a dead letter's own version: a replay appends it as a new event",
    law: '4, 6',
    replayAtNewPosition: true,
  },
  commit_gap: { removes: 'the durable prefix: an ack commits everything below it', law: '5', log: { commitGap: true } },
  ack_first: {
    removes: 'the order of effect and acknowledgement',
    law: '5',
    ports: (ports) =>
      wrapDeliveries(ports, async (delivery) => {
        await delivery.ack();
        return delivery;
      }),
  },
  head_not_raised: {
    removes: 'raising the head before the row',
    law: '6, 7',
    ports: (ports) => wrapHeads(ports, { raise: async (head) => ({ raised: false, head }) }),
  },
  head_unchecked: {
    removes: "the head's check on a hit: the row alone decides",
    law: '6, 7',
    visibility: (truth, point) => ({ ...truth, deleted: false, policy: { principals: point.principals as string[] } }),
  },
  version_unchecked: {
    removes: "the version's check on a hit: every point of a visible document is shown",
    law: '4, 7',
    visibility: (truth, point) =>
      truth.visible ? { ...truth, visible: { ...truth.visible, version: point.version } } : truth,
  },
  revision_unchecked: {
    removes: "the revision's check on a hit (two parsers at one version)",
    law: '4',
    visibility: (truth, point) =>
      truth.visible ? { ...truth, visible: { ...truth.visible, revision: point.revision } } : truth,
  },
  use_not_raised: {
    removes: 'raising a revision when it is used: an older tombstone frees the text of a newer event',
    law: '1, 4',
    ports: (ports) =>
      wrapRevisions(ports, { use: (documentId, revision) => ports.catalog.revisions.get(documentId, revision) }),
  },
  free_listed: {
    removes: 'taking revisions out atomically: they are listed first and removed later',
    law: '1, 4',
    ports: (ports) =>
      wrapRevisions(ports, {
        takeFreeable: async (documentId, below) => {
          const all = await ports.catalog.revisions.list(documentId);
          const rows = await ports.catalog.documents.everywhere(documentId);
          const shown = new Set(rows.map((row) => row.visible?.revision));
          const free = all.filter((record) => record.version < below && !shown.has(record.revision));
          await ports.catalog.revisions.forget(
            documentId,
            free.map((record) => record.revision),
          );
          return free;
        },
      }),
  },
  text_not_ensured: {
    removes: 'looking whether the text is still there once the row shows it',
    law: '1',
    ports: (ports) =>
      wrapRevisions(ports, {
        get: async (documentId, revision) =>
          (await ports.catalog.revisions.get(documentId, revision)) ?? {
            documentId,
            revision,
            version: '',
            parsed: { blob: '', bytes: 0, sha256: '' },
            createdAt: '',
          },
      }),
  },
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
  repair_in_flight: {
    removes: 'repair waiting until nothing is in flight before it takes points without a row',
    law: '4',
    repairAnyTime: true,
  },
  free_early: {
    removes: "the rows' say in freeing an original: gone as soon as one row is newer",
    law: '4',
    ports: (ports) => {
      const { contents, documents } = ports.catalog;
      return {
        ...ports,
        catalog: {
          ...ports.catalog,
          contents: {
            ...contents,
            record: (...args) => contents.record(...args),
            freeable: async (documentId) => {
              const rows = await documents.everywhere(documentId);
              const free = await contents.freeable(documentId);
              const failed = rows.filter((row) => row.state === 'failed' && row.visible?.event.content);
              return [...free, ...failed.map((row) => row.visible!.event.content!)];
            },
          },
        },
      };
    },
  },
  switch_at_once: {
    removes: 'waiting until the target has what the live generation had shown',
    law: '9 (readers lose what they have seen)',
    switchAtOnce: true,
  },
  commit_when_revoked: {
    removes: "the log's refusal of commits from a revoked member",
    law: '5',
    log: { commitWhenRevoked: true },
    harmless: true,
  },
  migrate_without_fence: {
    removes: 'fencing inventories when the log is recreated: a stalled former owner records what went to the old log',
    law: '4 (the source and the index differ for good)',
    migrateWithoutFence: true,
  },
  no_content_record: {
    removes: 'recording contents before anything else',
    law: 'blob accounting',
    ports: (ports) => ({
      ...ports,
      catalog: { ...ports.catalog, contents: { ...ports.catalog.contents, record: () => Promise.resolve() } },
    }),
  },
  letters_stay: {
    removes: "the tombstone's removal of dead letters",
    law: '6',
    ports: (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        deadLetters: {
          ...ports.log.deadLetters,
          removeDocument: () => Promise.resolve(0),
          remove: () => Promise.resolve(),
        },
      },
    }),
  },
  cache_stays: {
    removes: "the tombstone's removal of cached vectors",
    law: '6',
    ports: (ports) => ({ ...ports, cache: { ...ports.cache, forget: () => Promise.resolve() } }),
  },
};

function unfenced(version: VersionKey): VersionKey {
  return versionKey({ ...parseVersionKey(version), fence: 0 });
}

async function pruneAllBut(ports: SimPorts, generation: string, documentId: string, keep: string): Promise<void> {
  const kept = await ports.vectors.document(generation, documentId, keep);
  await ports.vectors.prune(generation, documentId, 'z');
  await ports.vectors.write(generation, kept);
}

import { FootnoteError } from '../../../src/core/errors.js';
import type { ContentRef } from '../../../src/core/event.js';
import { type Generation, type Release, consumes } from '../../../src/core/generation.js';
import type {
  Catalog,
  Collection,
  DocumentRow,
  Head,
  InventoryItem,
  Lease,
  OutboxEntry,
  RevisionRecord,
  SourceName,
  SourceRecord,
  Visibility,
} from '../../../src/core/ports/catalog.js';
import type { VersionKey } from '../../../src/core/version.js';
import { type Process, type Turns, opNumber } from '../scheduler.js';

export interface CatalogHooks {
  rowChanged(row: DocumentRow): void;
  headChanged(head: Head): void;
  /** A tombstone went. */
  forgotten(documentId: string): void;
  /** A text's record came or went. */
  textChanged(documentId: string): void;
  inventoryChanged(source: string, key: string): void;
  switched(release: Release): void;
}

export interface CatalogMutants {
  /** Heads are set, not raised. */
  readonly headsFall?: boolean;
  /** Releases what is dropped, drops what is released. */
  readonly dropBlind?: boolean;
  /** Releases whatever the current number is. */
  readonly switchBlind?: boolean;
  /** Forgets tombstones that have moved. */
  readonly forgetBlind?: boolean;
  /** Forgets tombstones while a generation is being built. */
  readonly forgetBuilding?: boolean;
  /** Frees contents that a lagging generation has not come to. */
  readonly freeUnseen?: boolean;
}

/** The catalog in memory: each method is one transaction. */
export class CatalogModel {
  readonly collections = new Map<string, Collection>();
  readonly heads = new Map<string, Head>();
  readonly outbox: OutboxEntry[] = [];
  readonly rows = new Map<string, Map<string, DocumentRow>>();
  readonly contents = new Map<string, Map<string, { version: VersionKey; ref: ContentRef }>>();
  readonly revisions = new Map<string, Map<string, RevisionRecord>>();
  readonly generations = new Map<string, Generation>();
  readonly sources = new Map<string, SourceRecord>();
  readonly leases = new Map<string, Lease>();
  readonly cursors = new Map<string, { fence: number }>();
  readonly inventory = new Map<string, Map<string, InventoryItem>>();
  /** Processes that have held a source's lease. */
  readonly leaseHolders = new Set<number>();
  release: Release | undefined;
  #outboxIds = 0;
  #tokens = 0;

  constructor(private readonly hooks: CatalogHooks) {}

  inventoryChanged(source: string, key: string): void {
    this.hooks.inventoryChanged(source, key);
  }

  switched(release: Release): void {
    this.hooks.switched(release);
  }

  row(generation: string, documentId: string): DocumentRow | undefined {
    return this.rows.get(documentId)?.get(generation);
  }

  everywhere(documentId: string): DocumentRow[] {
    return [...(this.rows.get(documentId)?.values() ?? [])];
  }

  compareAndSet(row: Omit<DocumentRow, 'token'>, expected: number | undefined): boolean {
    let of = this.rows.get(row.documentId);
    if (!of) this.rows.set(row.documentId, (of = new Map<string, DocumentRow>()));
    if (of.get(row.generation)?.token !== expected) return false;
    this.#tokens += 1;
    const next = { ...row, token: this.#tokens };
    of.set(row.generation, next);
    this.hooks.rowChanged(next);
    return true;
  }

  set(head: Head): { raised: boolean; head: Head } {
    this.heads.set(head.documentId, head);
    this.hooks.headChanged(head);
    return { raised: true, head };
  }

  raise(head: Head): { raised: boolean; head: Head } {
    const known = this.heads.get(head.documentId);
    if (known && known.version >= head.version) return { raised: false, head: known };
    return this.set(head);
  }

  decide(head: Head, expected: VersionKey | undefined, stream: string): boolean {
    const known = this.heads.get(head.documentId);
    if (known?.version !== expected || (known && known.version >= head.version)) return false;
    this.heads.set(head.documentId, head);
    if (head.event.content) this.record(head.documentId, head.version, head.event.content);
    this.#outboxIds += 1;
    this.outbox.push({ id: this.#outboxIds, stream, event: head.event });
    this.hooks.headChanged(head);
    return true;
  }

  record(documentId: string, version: VersionKey, ref: ContentRef): void {
    let of = this.contents.get(documentId);
    if (!of) this.contents.set(documentId, (of = new Map<string, { version: VersionKey; ref: ContentRef }>()));
    if (!of.has(ref.blob)) of.set(ref.blob, { version, ref });
  }

  freeable(documentId: string, blind: boolean): ContentRef[] {
    const rows = this.everywhere(documentId);
    const found: ContentRef[] = [];
    const head = this.heads.get(documentId);
    const lagging = [...this.generations.values()].some(
      ({ id, state }) => consumes(state) && !rows.some((row) => row.generation === id),
    );
    for (const { version, ref } of this.contents.get(documentId)?.values() ?? []) {
      if (rows.length === 0) continue;
      const deleted = head?.deleted === true && head.version > version;
      if (lagging && head && !deleted && !blind) continue;
      if (rows.every((row) => row.seen.version > version && row.visible?.version !== version)) found.push(ref);
    }
    return found;
  }

  visibility(generation: string, documentId: string): Visibility | undefined {
    const head = this.heads.get(documentId);
    if (!head) return undefined;
    const row = this.row(generation, documentId);
    return {
      tenant: head.event.tenant,
      ...(row?.visible ? { visible: { version: row.visible.version, revision: row.visible.revision } } : {}),
      deleted: head.deleted,
      policy: head.event.policy,
      stale: (row?.visible?.version ?? '') < head.version,
    };
  }

  useRevision(documentId: string, revision: string, version: VersionKey): RevisionRecord | undefined {
    const known = this.revisions.get(documentId)?.get(revision);
    if (!known) return undefined;
    const { replacedAt: _, ...rest } = known;
    const next = { ...rest, version: known.version < version ? version : known.version };
    this.revisions.get(documentId)!.set(revision, next);
    return next;
  }

  addRevision(record: RevisionRecord): RevisionRecord {
    let of = this.revisions.get(record.documentId);
    if (!of) this.revisions.set(record.documentId, (of = new Map<string, RevisionRecord>()));
    if (of.has(record.revision)) return this.useRevision(record.documentId, record.revision, record.version)!;
    of.set(record.revision, record);
    this.hooks.textChanged(record.documentId);
    return record;
  }

  #shown(documentId: string): Set<string> {
    return new Set(this.everywhere(documentId).map((row) => row.visible?.revision ?? ''));
  }

  mark(documentId: string, now: string): void {
    const shown = this.#shown(documentId);
    const of = this.revisions.get(documentId);
    for (const record of of?.values() ?? []) {
      const { replacedAt, ...rest } = record;
      if (shown.has(record.revision)) of!.set(record.revision, rest);
      else if (replacedAt === undefined) of!.set(record.revision, { ...rest, replacedAt: now });
    }
  }

  take(documentId: string, wanted: (record: RevisionRecord) => boolean): RevisionRecord[] {
    const shown = this.#shown(documentId);
    const of = this.revisions.get(documentId);
    const taken = [...(of?.values() ?? [])].filter((record) => !shown.has(record.revision) && wanted(record));
    for (const record of taken) of!.delete(record.revision);
    this.hooks.textChanged(documentId);
    return taken;
  }

  forget(documentId: string, revision: string, blob: string): void {
    const of = this.revisions.get(documentId);
    if (of?.get(revision)?.parsed.blob === blob) of.delete(revision);
    this.hooks.textChanged(documentId);
  }

  tombstones(before: string): Head[] {
    return [...this.heads.values()].filter((head) => head.deleted && head.updatedAt < before);
  }

  /** A tombstone's rows go with its head, unless something has moved or is left to be freed. */
  forgetHead(documentId: string, version: VersionKey, mutants: CatalogMutants): boolean {
    const head = this.heads.get(documentId);
    if (!head) return false;
    const rows = this.everywhere(documentId);
    const moved =
      (!mutants.forgetBuilding && [...this.generations.values()].some(({ state }) => state === 'building')) ||
      head.version !== version ||
      !head.deleted ||
      rows.some((row) => row.state !== 'deleted' || row.seen.version !== version) ||
      (this.contents.get(documentId)?.size ?? 0) > 0 ||
      (this.revisions.get(documentId)?.size ?? 0) > 0;
    if (moved && !mutants.forgetBlind) return false;
    this.heads.delete(documentId);
    this.rows.delete(documentId);
    this.hooks.forgotten(documentId);
    return true;
  }

  raiseFloor(source: string, floor: VersionKey): void {
    const known = this.sources.get(source)!;
    if (known.floor === undefined || known.floor < floor) this.sources.set(source, { ...known, floor });
  }

  source(name: SourceName): SourceRecord | undefined {
    return this.sources.get(name.source);
  }

  nextFence(name: SourceName): number {
    const source = this.sources.get(name.source)!;
    this.sources.set(name.source, { ...source, fence: source.fence + 1 });
    return source.fence + 1;
  }
}

const OP = {
  collections: opNumber('collections'),
  headsGet: opNumber('heads.get'),
  headsRaise: opNumber('heads.raise'),
  headsDecide: opNumber('heads.decide'),
  headsOutbox: opNumber('heads.outbox'),
  headsPublished: opNumber('heads.published'),
  headsList: opNumber('heads.list'),
  headsForget: opNumber('heads.forget'),
  documentsGet: opNumber('documents.get'),
  documentsSet: opNumber('documents.compareAndSet'),
  documentsRead: opNumber('documents.read'),
  documentsDrop: opNumber('documents.dropGeneration'),
  contentsRecord: opNumber('contents.record'),
  contentsFreeable: opNumber('contents.freeable'),
  contentsForget: opNumber('contents.forget'),
  revisionsGet: opNumber('revisions.get'),
  revisionsUse: opNumber('revisions.use'),
  revisionsAdd: opNumber('revisions.add'),
  revisionsMark: opNumber('revisions.mark'),
  revisionsTake: opNumber('revisions.take'),
  revisionsForget: opNumber('revisions.forget'),
  generations: opNumber('generations'),
  releasesRead: opNumber('releases.current'),
  releasesSwitch: opNumber('releases.switch'),
  sources: opNumber('sources'),
  leases: opNumber('leases'),
  cursors: opNumber('cursors'),
  cursorsUpdate: opNumber('cursors.update'),
};

/** The catalog as one process sees it. */
export function catalogPort(
  model: CatalogModel,
  scheduler: Turns,
  process: Process,
  mutants: CatalogMutants = {},
): Catalog {
  const call = <T>(op: number, effect: () => T): Promise<T> => scheduler.call(process, op, effect);
  const unsupported = (): never => {
    throw new FootnoteError('internal', 'not part of the simulation');
  };
  const page = <T>(items: T[], id: (item: T) => string, options: { after?: string; limit: number }): T[] =>
    items
      .filter((item) => id(item) > (options.after ?? ''))
      .sort((a, b) => (id(a) < id(b) ? -1 : 1))
      .slice(0, options.limit);
  const fenced = (name: SourceName, fence: number): boolean => {
    const known = model.cursors.get(name.source);
    if (known && known.fence > fence) return false;
    model.cursors.set(name.source, { fence });
    return true;
  };
  const items = (name: SourceName): Map<string, InventoryItem> => {
    let of = model.inventory.get(name.source);
    if (!of) model.inventory.set(name.source, (of = new Map<string, InventoryItem>()));
    return of;
  };
  return {
    collections: {
      create: unsupported,
      get: (_tenant, name) => call(OP.collections, () => model.collections.get(name)),
      list: unsupported,
      setAside: unsupported,
      aside: () => Promise.resolve(undefined),
      listAside: unsupported,
      bringBack: unsupported,
      update: unsupported,
      delete: unsupported,
    },
    heads: {
      get: (ids) =>
        call(OP.headsGet, () => {
          const found = new Map<string, Head>();
          for (const id of ids) if (model.heads.has(id)) found.set(id, model.heads.get(id)!);
          return found;
        }),
      raise: (head) => call(OP.headsRaise, () => (mutants.headsFall ? model.set(head) : model.raise(head))),
      decide: (head, expected, stream) => call(OP.headsDecide, () => model.decide(head, expected, stream)),
      outbox: (limit) => call(OP.headsOutbox, () => model.outbox.slice(0, limit)),
      published: (ids) =>
        call(OP.headsPublished, () => {
          for (const id of ids) {
            const index = model.outbox.findIndex((entry) => entry.id === id);
            if (index >= 0) model.outbox.splice(index, 1);
          }
        }),
      list: (_tenant, _collection, options) =>
        call(OP.headsList, () =>
          page(
            [...model.heads.values()].filter((head) => options.includeDeleted || !head.deleted),
            (head) => head.documentId,
            options,
          ),
        ),
      tombstones: (_tenant, _collection, options) =>
        call(OP.headsList, () => page(model.tombstones(options.before), (head) => head.documentId, options)),
      deletedSince: unsupported,
      forget: (heads) =>
        call(
          OP.headsForget,
          () => heads.filter(({ documentId, version }) => model.forgetHead(documentId, version, mutants)).length,
        ),
    },
    documents: {
      get: (generation, id) => call(OP.documentsGet, () => model.row(generation, id)),
      many: unsupported,
      compareAndSet: (row, expected) => call(OP.documentsSet, () => model.compareAndSet(row, expected)),
      visibility: (generation, ids) =>
        call(OP.documentsRead, () => {
          const found = new Map<string, Visibility>();
          for (const id of ids) {
            const truth = model.visibility(generation, id);
            if (truth) found.set(id, truth);
          }
          return found;
        }),
      list: (generation, options) =>
        call(OP.documentsRead, () => {
          const rows: DocumentRow[] = [];
          for (const of of model.rows.values()) {
            const row = of.get(generation);
            if (row && (options.state === undefined || row.state === options.state)) rows.push(row);
          }
          return page(rows, (row) => row.documentId, options);
        }),
      counts: unsupported,
      positions: unsupported,
      languages: unsupported,
      everywhere: (id) => call(OP.documentsRead, () => model.everywhere(id)),
      dropGeneration: (generation) =>
        call(OP.documentsDrop, () => {
          for (const of of model.rows.values()) of.delete(generation);
        }),
    },
    contents: {
      record: (id, version, ref) => call(OP.contentsRecord, () => model.record(id, version, ref)),
      freeable: (id) => call(OP.contentsFreeable, () => model.freeable(id, mutants.freeUnseen ?? false)),
      forget: (id, blobs) =>
        call(OP.contentsForget, () => {
          for (const blob of blobs) model.contents.get(id)?.delete(blob);
        }),
      known: (blobs) =>
        call(OP.contentsFreeable, () => {
          const wanted = new Set(blobs);
          const found = new Set<string>();
          for (const of of model.contents.values()) for (const blob of of.keys()) if (wanted.has(blob)) found.add(blob);
          return found;
        }),
      list: unsupported,
    },
    revisions: {
      get: (id, revision) => call(OP.revisionsGet, () => model.revisions.get(id)?.get(revision)),
      use: (id, revision, version) => call(OP.revisionsUse, () => model.useRevision(id, revision, version)),
      add: (record) => call(OP.revisionsAdd, () => model.addRevision(record)),
      mark: (id, now) => call(OP.revisionsMark, () => model.mark(id, now)),
      takeFreeable: (id, below) => call(OP.revisionsTake, () => model.take(id, (record) => record.version < below)),
      takeExpired: (before) =>
        call(OP.revisionsTake, () =>
          [...model.revisions.keys()].flatMap((id) =>
            model.take(id, (record) => record.replacedAt !== undefined && record.replacedAt < before),
          ),
        ),
      forget: (id, revision, blob) => call(OP.revisionsForget, () => model.forget(id, revision, blob)),
      known: (blobs) =>
        call(OP.revisionsGet, () => {
          const wanted = new Set(blobs);
          const found = new Set<string>();
          for (const of of model.revisions.values()) {
            for (const record of of.values()) if (wanted.has(record.parsed.blob)) found.add(record.parsed.blob);
          }
          return found;
        }),
      list: (id) => call(OP.revisionsGet, () => [...(model.revisions.get(id)?.values() ?? [])]),
    },
    generations: {
      create: unsupported,
      get: (id) => call(OP.generations, () => model.generations.get(id)),
      list: () => call(OP.generations, () => [...model.generations.values()]),
      consuming: unsupported,
      move: (id, from, to) =>
        call(OP.generations, () => {
          const known = model.generations.get(id);
          if (known?.state !== from) return false;
          if (to === 'dropped' && model.release?.generation === id && !mutants.dropBlind) return false;
          model.generations.set(id, { ...known, state: to });
          return true;
        }),
      updateSpec: unsupported,
    },
    releases: {
      current: () => call(OP.releasesRead, () => model.release),
      switch: (next, expected) =>
        call(OP.releasesSwitch, () => {
          if ((model.release?.number ?? 0) !== expected && !mutants.switchBlind) return false;
          if (model.generations.get(next.generation)?.state === 'dropped' && !mutants.dropBlind) return false;
          model.release = next;
          for (const known of model.generations.values()) {
            if (known.id === next.generation) model.generations.set(known.id, { ...known, state: 'live' });
            else if (known.state === 'live') model.generations.set(known.id, { ...known, state: 'retired' });
          }
          model.switched(next);
          return true;
        }),
      history: unsupported,
    },
    jobs: {
      create: unsupported,
      get: unsupported,
      many: unsupported,
      adopt: unsupported,
      list: unsupported,
      update: unsupported,
      prune: unsupported,
    },
    sources: {
      get: (name) => call(OP.sources, () => model.source(name)),
      list: () => call(OP.sources, () => [...model.sources.values()]),
      claim: (name, owner) =>
        call(OP.sources, () => {
          const known = model.source(name);
          if (known && known.owner !== owner) throw new FootnoteError('source_owned', 'owned');
          if (known) return known;
          const made = { ...sourceName(name), owner, fence: 0 };
          model.sources.set(name.source, made);
          return made;
        }),
      nextFence: (name) => call(OP.sources, () => model.nextFence(name)),
      raiseFence: (name, atLeast) =>
        call(OP.sources, () => {
          const known = model.source(name)!;
          model.sources.set(name.source, { ...known, fence: Math.max(known.fence, atLeast) });
        }),
      raiseFloor: (name, floor) => call(OP.sources, () => model.raiseFloor(name.source, floor)),
      delete: unsupported,
    },
    leases: {
      acquire: (name, holder, ttlMs, now, source) =>
        call(OP.leases, () => {
          const known = model.leases.get(name);
          if (known && known.expiresAt > now && known.holder !== holder) return undefined;
          const fence = source ? model.nextFence(source) : (known?.fence ?? 0) + 1;
          const lease = { name, holder, fence, expiresAt: now + ttlMs };
          model.leases.set(name, lease);
          model.leaseHolders.add(process.id);
          return lease;
        }),
      renew: (lease, ttlMs, now) =>
        call(OP.leases, () => {
          const known = model.leases.get(lease.name);
          if (known?.fence !== lease.fence || known.expiresAt <= now) return false;
          model.leases.set(lease.name, { ...known, expiresAt: now + ttlMs });
          return true;
        }),
      release: (lease) =>
        call(OP.leases, () => {
          if (model.leases.get(lease.name)?.fence === lease.fence) model.leases.delete(lease.name);
        }),
      held: unsupported,
      endAll: unsupported,
    },
    cursors: {
      load: (name) =>
        call(OP.cursors, () => {
          const known = model.cursors.get(name.source);
          return known && { fence: known.fence, cursor: null };
        }),
      save: (name, fence) => call(OP.cursorsUpdate, () => fenced(name, fence)),
      inventory: (name, options) =>
        call(OP.cursors, () =>
          page(
            [...items(name).values()].filter((item) => options.scope === undefined || item.scope === options.scope),
            (item) => item.key,
            options,
          ),
        ),
      item: (name, key) => call(OP.cursors, () => items(name).get(key)),
      updateInventory: (name, fence, put, remove) =>
        call(OP.cursorsUpdate, () => {
          if (!fenced(name, fence)) return false;
          for (const item of put) items(name).set(item.key, item);
          for (const key of remove) items(name).delete(key);
          for (const key of [...put.map((item) => item.key), ...remove]) model.inventoryChanged(name.source, key);
          return true;
        }),
      delete: unsupported,
    },
    keys: { create: unsupported, byHash: unsupported, any: unsupported, list: unsupported, revoke: unsupported },
    idempotency: { remember: unsupported, find: unsupported, prune: unsupported },
    meta: { get: unsupported, set: unsupported, swap: unsupported },
    processes: { beat: unsupported, list: unsupported, leave: unsupported, forget: unsupported },
    close: () => Promise.resolve(),
  };
}

function sourceName(name: SourceName): SourceName {
  return { tenant: name.tenant, collection: name.collection, source: name.source };
}

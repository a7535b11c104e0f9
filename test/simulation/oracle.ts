import { type ChangeEvent, type Position, eventVersion } from '../../src/core/event.js';
import type { Release } from '../../src/core/generation.js';
import { documentId } from '../../src/core/ids.js';
import type { DocumentRow, Head } from '../../src/core/ports/catalog.js';
import { type VersionKey, versionKey } from '../../src/core/version.js';
import { isVisible } from '../../src/core/visibility.js';
import { type StoredBlob, parseContent } from './models/stores.js';
import { type Process, Violation } from './scheduler.js';
import type { World } from './world.js';

const READER = { tenant: 't', principals: ['reader'] };

/** What a query came back with. */
interface Answer {
  /** The release's number when it began. */
  readonly release: number;
  readonly generation: string;
  readonly shown: readonly { readonly documentId: string }[];
  /** Fewer than it asked for: there was no more. */
  readonly all: boolean;
}

/** Watches every effect and says when a law is broken. Knows the truth from the effects alone. */
export class Oracle {
  readonly #dirty = new Set<string>();
  readonly #heads = new Map<string, VersionKey>();
  readonly #seen = new Map<string, VersionKey>();
  /** The API's versions that the log has, by document, and the newest. */
  readonly #published = new Map<string, { readonly all: Set<VersionKey>; newest: VersionKey }>();
  /** The step since when a document's head shows it to nobody, or not to the reader. */
  readonly #closedSince = new Map<string, number>();
  /** The step at which a document's row (of any generation) or head last changed. */
  readonly #changedAt = new Map<string, number>();
  #switchedAt = 0;
  #release = 1;
  /** The newest event that the log has of each document of a connector. */
  readonly #newest = new Map<string, { readonly version: VersionKey; readonly event: ChangeEvent }>();
  /** The visible revision of a row whose text was once recorded, by row. */
  readonly #recorded = new Map<string, string>();
  /** What the live group had committed when a switch began, by the switch's number. */
  readonly goals = new Map<number, { event: ChangeEvent; position: Position }[]>();

  constructor(private readonly world: World) {}

  #fail(message: string): never {
    throw new Violation(message);
  }

  /** An event is in the log: the API's in the order decided, a listing's tombstones with good reason. */
  appended(process: Process, event: ChangeEvent, position: Position): void {
    const id = documentId(event);
    if (event.sequence !== undefined) {
      const version = versionKey(eventVersion(event, position));
      const known = this.#published.get(id);
      if (!known) this.#published.set(id, { all: new Set([version]), newest: version });
      else if (version > known.newest) {
        known.newest = version;
        known.all.add(version);
      } else if (!known.all.has(version)) {
        this.#fail(`law 4: ${version} of ${id} reaches the log after ${known.newest}`);
      }
    }
    if (event.sequence === undefined) {
      const version = versionKey(eventVersion(event, position));
      if (version > (this.#newest.get(id)?.version ?? '')) this.#newest.set(id, { version, event });
      this.inventoryChanged(event.source, event.key);
    }
    if (event.op === 'delete' && process.name === 'listing') {
      const since = this.world.presentSince.get(`${event.source}/${event.key}`);
      if (since !== undefined && since < process.startedAt) {
        this.#fail(`law 6: a listing deletes ${event.source}/${event.key}, which was there all the time`);
      }
    }
  }

  /** What an inventory calls settled is what the log says last, or no listing would ever see to the difference. */
  inventoryChanged(source: string, key: string): void {
    const item = this.world.catalog.inventory.get(source)?.get(key);
    if (item?.state.unsettled === true) return;
    const newest = this.#newest.get(this.world.id(source, key))?.event;
    const says = newest?.op === 'upsert' ? newest.content?.sha256 : undefined;
    if (item?.state.sha256 !== says) {
      const has = JSON.stringify(item?.state.sha256 ?? 'nothing');
      this.#fail(`law 4: the inventory has ${has} of ${source}/${key}, the log says ${says ?? 'nothing'}`);
    }
  }

  /** What a query showed was allowed at some time while it ran, and it left out nothing that stood still meanwhile. */
  answered(process: Process, { release, generation, shown, all }: Answer): void {
    const counts = new Map<string, number>();
    for (const { documentId: id } of shown) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
      if ((this.#closedSince.get(id) ?? Infinity) <= process.startedAt) {
        this.#fail(`law 7: a query shows ${id}, which was deleted or closed before it began`);
      }
    }
    if (!all || this.#switchedAt > process.startedAt || this.#release !== release) return;
    for (const head of this.world.catalog.heads.values()) {
      const { documentId: id, event } = head;
      const stood = (this.#changedAt.get(id) ?? 0) <= process.startedAt;
      if (!stood || head.deleted || !event.policy.principals.includes('reader')) continue;
      const row = this.world.catalog.row(generation, id);
      const open = row?.visible?.event.policy.principals.includes('reader') ?? false;
      if (open && (counts.get(id) ?? 0) !== row?.visible?.chunks) {
        this.#fail(`law 4: a query shows ${counts.get(id) ?? 0} of ${row?.visible?.chunks ?? 0} chunks of ${id}`);
      }
    }
  }

  /** A text's record came or went. */
  textChanged(id: string): void {
    this.#dirty.add(id);
  }

  touched(_generation: string, id: string): void {
    this.#dirty.add(id);
  }

  rowChanged(row: DocumentRow): void {
    const name = `${row.generation}/${row.documentId}`;
    const before = this.#seen.get(name);
    // A dropped generation's rows were removed: what a late worker writes there starts from nothing.
    const dropped = this.world.catalog.generations.get(row.generation)?.state === 'dropped';
    if (before !== undefined && row.seen.version < before && !dropped) {
      this.#fail(`law 4: row ${name} went back from ${before} to ${row.seen.version}`);
    }
    this.#seen.set(name, row.seen.version);
    this.#changedAt.set(row.documentId, this.world.scheduler.steps);
    const head = this.world.catalog.heads.get(row.documentId);
    if (!head || head.version < row.seen.version) {
      this.#fail(`law 7: row ${name} is at ${row.seen.version}, its head at ${head?.version ?? 'nothing'}`);
    }
    this.#dirty.add(row.documentId);
  }

  headChanged(head: Head): void {
    const before = this.#heads.get(head.documentId);
    if (before !== undefined && head.version < before) this.#fail(`law 7: head of ${head.documentId} went back`);
    this.#heads.set(head.documentId, head.version);
    const { steps } = this.world.scheduler;
    this.#changedAt.set(head.documentId, steps);
    if (!head.deleted && head.event.policy.principals.includes('reader')) this.#closedSince.delete(head.documentId);
    else if (!this.#closedSince.has(head.documentId)) this.#closedSince.set(head.documentId, steps);
    this.#dirty.add(head.documentId);
  }

  missing(generation: string, partition: number, offset: number): void {
    // One that is no more has nothing to lose.
    if (this.world.catalog.generations.get(generation)?.state === 'dropped') return;
    this.#fail(`law 4: ${generation} needs offset ${offset} of partition ${partition}, which is trimmed`);
  }

  /** Law 5: nothing is committed before its effects are there. */
  committing(generation: string, event: ChangeEvent, position: Position): void {
    if (this.world.catalog.generations.get(generation)?.state === 'dropped') return;
    if (!this.#settled(generation, event, position)) {
      this.#fail(
        `law 5: ${generation} commits ${position.partition}:${position.offset} of ${event.key} before it is applied`,
      );
    }
    const row = this.world.catalog.row(generation, documentId(event));
    if (row?.visible && row.state === 'live' && row.seen.version === this.world.version(event, position)) {
      // Nobody comes back to what is committed, unless something newer was accepted, which is on its way.
      const newest = this.world.catalog.heads.get(row.documentId)?.version === row.seen.version;
      if (newest && !this.#hasText(row)) this.#fail(`law 1: ${generation} commits ${row.documentId} without its text`);
    }
  }

  #hasText({ documentId: id, visible }: DocumentRow): boolean {
    const record = this.world.catalog.revisions.get(id)?.get(visible?.revision ?? '');
    return record !== undefined && this.world.stores.blobs.has(record.parsed.blob);
  }

  /** Whoever shows a revision may still have to store its text; once it is there, it stays. */
  #keepsText(row: DocumentRow): void {
    const name = `${row.generation}/${row.documentId}`;
    const revision = row.visible?.revision;
    if (revision === undefined) this.#recorded.delete(name);
    else if (this.#hasText(row)) this.#recorded.set(name, revision);
    else if (this.#recorded.get(name) === revision) this.#fail(`law 1: ${name} lost the text of what it shows`);
    else this.#recorded.delete(name);
  }

  #state(generation: string, event: ChangeEvent, position: Position): string {
    const id = documentId(event);
    const row = this.world.catalog.row(generation, id);
    return `${event.op} ${this.world.version(event, position)}; row ${row?.state ?? 'none'} ${row?.seen.version ?? ''}, head ${this.world.catalog.heads.get(id)?.version ?? 'none'}`;
  }

  #settled(generation: string, event: ChangeEvent, position: Position): boolean {
    const { catalog, letters } = this.world;
    const id = documentId(event);
    const version = this.world.version(event, position);
    const row = catalog.row(generation, id);
    if (row && row.seen.version > version) return true;
    if (row?.seen.version === version) {
      if (row.state !== 'failed') return true;
      for (const letter of letters.values()) {
        const same = letter.group === generation && letter.documentId === id;
        if (same && this.world.version(letter.event, letter.position) === version) return true;
      }
    }
    const floor = catalog.sources.get(event.source)?.floor;
    if (floor !== undefined && version < floor && this.world.purged.has(id)) return true;
    // Content or letter gone: superseded by what the head says.
    return (catalog.heads.get(id)?.version ?? '') > version;
  }

  switched(release: Release): void {
    if (release.number !== this.#release + 1) this.#fail(`law 9: release ${release.number} follows ${this.#release}`);
    this.#release = release.number;
    this.#switchedAt = this.world.scheduler.steps;
    const state = this.world.catalog.generations.get(release.generation)?.state;
    if (state === 'dropped' || state === 'building') this.#fail(`law 9: a ${state} generation is released`);
    for (const { event, position } of this.goals.get(Number(release.retrieval.number)) ?? []) {
      if (!this.#settled(release.generation, event, position)) {
        this.#fail(
          `law 9: ${release.generation} is released without ${position.partition}:${position.offset}: ${this.#state(release.generation, event, position)}`,
        );
      }
    }
    for (const id of this.world.catalog.heads.keys()) this.#dirty.add(id);
  }

  blobDeleted(blob: StoredBlob): void {
    const { catalog } = this.world;
    const rows = catalog.everywhere(blob.documentId);
    const name = blob.ref.blob;
    if (blob.kind === 'parsed') {
      for (const row of rows) {
        const record = row.visible && catalog.revisions.get(row.documentId)?.get(row.visible.revision);
        if (record?.parsed.blob === name)
          this.#fail(`law 1: text ${name} of a visible revision of ${row.documentId} freed`);
      }
      return;
    }
    for (const row of rows) {
      const { seen, visible } = row;
      if (seen.event.content?.blob !== name && visible?.event.content?.blob !== name) continue;
      // A generation that comes by late may still put up a row for it; what replaces that one is on its way, and shows
      // something newer or, being a failure in each generation, leaves it without anything to show as well.
      const shows = visible?.event.content?.blob === name;
      const stays = (other: DocumentRow): boolean =>
        shows && other.state === 'failed' && this.world.onParseFailure === 'stale';
      if (rows.some((other) => !stays(other) && other.seen.version > seen.version)) continue;
      const all = rows.map(
        ({ generation, state, seen: { version }, visible: shown }) =>
          `${generation} ${state} ${version} shows ${shown?.version ?? 'nothing'}`,
      );
      this.#fail(`original ${name} freed while a row of ${row.generation} needs it: ${all.join(', ')}`);
    }
    const head = catalog.heads.get(blob.documentId);
    if (head?.event.content?.blob === name) this.#fail(`original ${name} of the head of ${blob.documentId} freed`);
  }

  /** After each step: what changed is looked at as a reader would, and counted. */
  check(): void {
    if (this.#dirty.size === 0) return;
    for (const id of this.#dirty) this.#document(id);
    this.#dirty.clear();
  }

  #document(id: string): void {
    const { catalog } = this.world;
    for (const row of catalog.everywhere(id)) {
      if (catalog.generations.get(row.generation)?.state === 'dropped') continue;
      this.#complete(row);
      this.#keepsText(row);
    }
    const head = catalog.heads.get(id);
    if (!head) return;
    // Any of them may be asked: by a query that began before a switch, or by a rollback to come.
    for (const [generation, { state }] of catalog.generations) if (state !== 'dropped') this.#shown(generation, head);
  }

  /** As a reader would see the document in this generation. */
  #shown(generation: string, head: Head): void {
    const { catalog, stores, mutant } = this.world;
    const id = head.documentId;
    const truth = catalog.visibility(generation, id);
    const row = catalog.row(generation, id);
    let shown = 0;
    for (const point of stores.of(generation, id).values()) {
      const believed = truth && mutant.visibility ? mutant.visibility(truth, point) : truth;
      if (!isVisible(point, believed, READER)) continue;
      shown += 1;
      if (head.deleted) this.#fail(`law 6: ${id} is deleted and shown`);
      if (!head.event.policy.principals.includes('reader'))
        this.#fail(`law 7: ${id} is closed to the reader and shown`);
      if (row?.visible?.version !== point.version || row.visible.revision !== point.revision) {
        this.#fail(
          `law 4: ${id} shows a point of version ${point.version}, its row ${row?.visible?.version ?? 'nothing'}`,
        );
      }
    }
    const allowed = !head.deleted && head.event.policy.principals.includes('reader');
    if (allowed && row?.visible && shown !== row.visible.chunks) {
      this.#fail(`law 4: ${id} shows ${shown} of ${row.visible.chunks} chunks`);
    }
  }

  /** The visible version of any generation is complete, with exactly its points. */
  #complete(row: DocumentRow): void {
    const { visible } = row;
    if (!visible) return;
    if (row.state === 'deleted') this.#fail(`law 6: the deleted row of ${row.documentId} has a visible version`);
    const content = this.world.stores.originals.get(visible.event.content?.blob ?? '');
    if (!content) this.#fail(`law 4: the visible version of ${row.documentId} has no content`);
    const parser = Number(visible.parser.split('@')[1]);
    const { text } = parseContent(content, parser);
    const wanted = text === '' ? [] : text.split('|');
    const found: (string | undefined)[] = [];
    let count = 0;
    for (const point of this.world.stores.of(row.generation, row.documentId).values()) {
      if (point.version !== visible.version || point.revision !== visible.revision) continue;
      count += 1;
      found[point.ordinal] = point.text;
    }
    if (count !== wanted.length || wanted.some((piece, i) => found[i] !== piece)) {
      this.#fail(
        `law 4: ${row.generation}/${row.documentId} ${row.state} shows ${visible.version} with ${count} of ${wanted.length} points: ${found.join('|')} for ${text}`,
      );
    }
  }
}

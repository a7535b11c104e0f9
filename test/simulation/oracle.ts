import type { ChangeEvent, Position } from '../../src/core/event.js';
import type { Release } from '../../src/core/generation.js';
import { documentId } from '../../src/core/ids.js';
import type { DocumentRow, Head } from '../../src/core/ports/catalog.js';
import type { VersionKey } from '../../src/core/version.js';
import { isVisible } from '../../src/core/visibility.js';
import { type StoredBlob, parseContent } from './models/stores.js';
import { Violation } from './scheduler.js';
import type { World } from './world.js';

const READER = { tenant: 't', principals: ['reader'] };

/** Watches every effect and says when a law is broken. Knows the truth from the effects alone. */
export class Oracle {
  readonly #dirty = new Set<string>();
  readonly #heads = new Map<string, VersionKey>();
  readonly #seen = new Map<string, VersionKey>();
  /** What the live group had committed when a switch began, by the switch's number. */
  readonly goals = new Map<number, { event: ChangeEvent; position: Position }[]>();

  constructor(private readonly world: World) {}

  #fail(message: string): never {
    throw new Violation(message);
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
    this.#dirty.add(head.documentId);
  }

  /** Law 5: nothing is committed before its effects are there. */
  committing(generation: string, event: ChangeEvent, position: Position): void {
    if (!this.#settled(generation, event, position)) {
      this.#fail(
        `law 5: ${generation} commits ${position.partition}:${position.offset} of ${event.key} before it is applied`,
      );
    }
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
    // Content or letter gone: superseded by what the head says.
    return (catalog.heads.get(id)?.version ?? '') > version;
  }

  switched(release: Release): void {
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
      // A generation that comes by late may still put up a row for it; what replaces that one is on its way.
      if (rows.some((other) => other.state !== 'failed' && other.seen.version > seen.version)) continue;
      this.#fail(`original ${name} freed while a row of ${row.generation} needs it`);
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
    const { catalog, stores, mutant } = this.world;
    for (const row of catalog.everywhere(id)) {
      if (catalog.generations.get(row.generation)?.state === 'dropped') continue;
      this.#complete(row);
    }
    const live = catalog.release?.generation;
    const head = catalog.heads.get(id);
    if (live === undefined || !head) return;
    const truth = catalog.visibility(live, id);
    const row = catalog.row(live, id);
    let shown = 0;
    for (const point of stores.of(live, id).values()) {
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

import { randomUUID } from 'node:crypto';
import { FootnoteError, collectionMoved, throwIfAborted } from '../../core/errors.js';
import { CONSUMING_STATES } from '../../core/generation.js';
import type { Collection } from '../../core/ports/catalog.js';
import { removeCollection } from '../../services/collections.js';
import type { Storage } from '../storage.js';
import type { Compared } from './compare.js';
import { compareSides, verifyCopy } from './compare.js';
import type { Move } from './copy.js';
import { copyDescriptions, copyLetters, copySources, movedGenerations } from './copy.js';
import { copyPage, PAGE, pageOf } from './documents.js';
import type { Note } from './note.js';
import { noteOf, writeNote } from './note.js';

export type MigrationStep = 'changes' | 'documents' | 'comparing';

export interface MoveParts extends Omit<Move, 'collection'> {
  readonly now: () => string;
  /** Before a collection of theirs comes into service. */
  readonly bringKeys: (tenant: string) => Promise<void>;
  /** How each side is called, for people. */
  readonly names: { readonly source: string; readonly target: string };
  readonly onProgress: (step: MigrationStep, done: number, total: number) => void;
}

export interface MovedCollection extends Compared {
  readonly tenant: string;
  readonly collection: string;
  /** `there`: an earlier run had moved it. */
  readonly outcome: 'moved' | 'there';
  /** An earlier run had begun it. */
  readonly resumed: boolean;
}

/**
 * Moves one collection, or goes on with moving it. Out of sight on both sides from the first step on, so that nobody changes
 * what is copied or uses what is half there; in service at the target with the last.
 * @throws already_exists, conflict, collection_moved, collection_not_found, data_corrupt
 */
export async function moveCollection(parts: MoveParts, tenant: string, name: string): Promise<MovedCollection> {
  const { source, target, reach } = parts;
  const begun = await begin(parts, tenant, name);
  const of = { tenant, collection: name };
  if (begun === undefined) return { ...of, outcome: 'there', resumed: true, documents: 0, chunks: 0 };
  const { collection, resumed } = begun;
  const move: Move = { ...parts, collection };
  const note = await arriving(target, tenant, name);
  if (begun.copied) {
    await arrive(parts, collection);
    return { ...of, outcome: 'moved', resumed, documents: note.done, chunks: 0 };
  }
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    const now = await arriving(target, tenant, name);
    if (now.steps.includes(what)) return;
    await work();
    await writeNote(target.catalog, collection, { ...now, steps: [...now.steps, what] });
  };
  await step('descriptions', () => copyDescriptions(move));
  await reach('migrate:described');
  await step('sources', () => copySources(move));
  const total = await countDocuments(source, tenant, name);
  await copyDocuments(parts, move, total);
  await step('letters', () => copyLetters(move));
  await reach('migrate:followed');
  for (const { id } of await movedGenerations(move)) await target.vectors.optimize(id, parts.signal);
  const compared = await compareSides(move, (done) => parts.onProgress('comparing', done, total));
  await verifyCopy(move);
  await reach('migrate:checked');
  const left = await noteOf(source.catalog, tenant, name);
  if (left) await writeNote(source.catalog, collection, { ...left, state: 'left', since: parts.now() });
  await reach('migrate:left');
  await arrive(parts, collection);
  return { ...of, outcome: 'moved', resumed, ...compared };
}

async function arrive({ target, reach, bringKeys }: MoveParts, { tenant, name }: Collection): Promise<void> {
  await bringKeys(tenant);
  await target.catalog.collections.bringBack(tenant, name);
  await reach('migrate:arrived');
}

interface Begun {
  readonly collection: Collection;
  readonly resumed: boolean;
  /** All is copied and checked: it only has to come into service. */
  readonly copied: boolean;
}

/** Sets both sides aside for one migration, or finds that it is so. @returns undefined when it had ended */
async function begin(parts: MoveParts, tenant: string, name: string): Promise<Begun | undefined> {
  const { source, target, reach } = parts;
  const { collections } = source.catalog;
  const [from, to] = await Promise.all([source.log.identity(), target.log.identity()]);
  const here = await noteOf(source.catalog, tenant, name);
  const there = await noteOf(target.catalog, tenant, name);
  const collection = (await collections.get(tenant, name)) ?? (await collections.aside(tenant, name))?.collection;
  if (!collection) throw new FootnoteError('collection_not_found', `There is no collection ${name} to move.`);
  if (here?.state === 'arriving') throw collectionMoved(name);
  if (here && here.peer !== to.id) throw elsewhere(name, here);
  const ours = there?.state === 'arriving' && there.migration === here?.migration;
  if (here?.state === 'left') return ours ? { collection, resumed: true, copied: true } : undefined;
  if (!ours) await makeRoom(target, tenant, name, from.id);
  const note: Note = here ?? {
    migration: randomUUID(),
    state: 'leaving',
    peer: to.id,
    where: parts.names.target,
    since: parts.now(),
    done: 0,
    steps: [],
  };
  if (!here) await writeNote(source.catalog, collection, note);
  await reach('migrate:leaving');
  if (!ours) {
    await writeNote(target.catalog, collection, {
      ...note,
      state: 'arriving',
      peer: from.id,
      where: parts.names.source,
    });
  }
  await reach('migrate:arriving');
  return { collection, resumed: ours, copied: false };
}

/**
 * What lies at the target under this name goes if it is what an earlier migration between these two left there: a copy that was
 * given up, or the one that was moved away from there to here. @throws already_exists, conflict
 */
async function makeRoom(target: Storage, tenant: string, name: string, from: string): Promise<void> {
  if (await target.catalog.collections.get(tenant, name)) {
    throw new FootnoteError(
      'already_exists',
      `The target has a collection ${name} of its own: delete that one first, or move into another installation.`,
    );
  }
  const there = await noteOf(target.catalog, tenant, name);
  if (!there) return;
  if (there.peer !== from || there.state === 'leaving') {
    const what =
      there.state === 'left'
        ? 'was moved from there to'
        : there.state === 'leaving'
          ? 'is being moved from there to'
          : 'is being moved there from';
    throw new FootnoteError(
      'conflict',
      `At the target the collection ${name} ${what} ${there.where}. Finish that migration, or end it there with footnote migrate --undo or --discard.`,
    );
  }
  await removeCollection(target, tenant, name);
}

function elsewhere(name: string, { state, where }: Note): FootnoteError {
  return state === 'left'
    ? new FootnoteError('collection_moved', `The collection ${name} was moved to ${where}: move it on from there.`)
    : new FootnoteError(
        'conflict',
        `The collection ${name} is being moved to ${where}: finish that, or give it up with footnote migrate --undo.`,
      );
}

async function copyDocuments(parts: MoveParts, move: Move, total: number): Promise<void> {
  const { collection, source, target, signal } = move;
  const { tenant, name } = collection;
  const generations = await movedGenerations(move);
  for (;;) {
    throwIfAborted(signal);
    const note = await arriving(target, tenant, name);
    parts.onProgress('documents', note.done, Math.max(note.done, total));
    const heads = await pageOf(source, collection, note.after);
    if (heads.length === 0) return;
    await copyPage(move, heads, generations);
    await move.reach('migrate:page');
    const after = heads.at(-1)!.documentId;
    await writeNote(target.catalog, collection, { ...note, after, done: note.done + heads.length });
    if (heads.length < PAGE) return;
  }
}

async function arriving({ catalog }: Storage, tenant: string, name: string): Promise<Note> {
  const note = await noteOf(catalog, tenant, name);
  if (note?.state === 'arriving') return note;
  throw new FootnoteError('conflict', `Somebody else took ${name} at the target while it was being moved there.`);
}

/** About: for the progress that is shown. */
async function countDocuments({ catalog }: Storage, tenant: string, name: string): Promise<number> {
  let most = 0;
  for (const { id, state } of await catalog.generations.list(tenant, name)) {
    if (!CONSUMING_STATES.some((each) => each === state)) continue;
    const { live, failed, deleted, pending } = await catalog.documents.counts(tenant, name, id);
    most = Math.max(most, live + failed + deleted + pending);
  }
  return most;
}

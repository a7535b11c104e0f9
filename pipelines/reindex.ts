import { FootnoteError, asFootnoteError, throwIfAborted } from '../src/core/errors.js';
import type { Position } from '../src/core/event.js';
import { type Generation, type GenerationState, type Release, buildHold, streamOf } from '../src/core/generation.js';
import { documentId } from '../src/core/ids.js';
import type { DocumentRow, Documents, Generations, Releases } from '../src/core/ports/catalog.js';
import type { Clock } from '../src/core/ports/clock.js';
import type { DeadLetters, EventLog } from '../src/core/ports/log.js';
import type { VectorStore } from '../src/core/ports/vectors.js';
import { backoffMs } from '../src/runtime/backoff.js';
import { forEachConcurrent } from '../src/runtime/concurrency.js';
import { applyChange } from './ingest.js';
import type { ApplyOptions, ApplyOutcome, Change, IngestPorts } from './ingest/ports.js';
import { isAhead, reached } from './positions.js';

export interface BuildPorts extends IngestPorts {
  readonly documents: Pick<Documents, 'get' | 'compareAndSet' | 'everywhere' | 'list'>;
  readonly generations: Pick<Generations, 'move'>;
  readonly log: Pick<EventLog, 'committed' | 'hold' | 'release' | 'seek' | 'identity'>;
  readonly vectors: Pick<VectorStore, 'create' | 'write' | 'prune' | 'document'>;
  readonly deadLetters: Pick<DeadLetters, 'add' | 'removeDocument'>;
  readonly clock: Clock;
}

export interface BuildOptions extends Pick<ApplyOptions, 'onParseFailure' | 'versionOf'> {
  readonly signal: AbortSignal;
  readonly concurrency?: number;
  readonly random?: () => number;
  readonly onDocument?: (outcome: ApplyOutcome) => void;
  /** Waits before each row, while the build is paused. */
  readonly beforeRow?: () => Promise<void>;
  /** After each row, with the milliseconds it took; the build goes on when it resolves. */
  readonly afterRow?: (ms: number) => Promise<void>;
}

const PAGE = 500;
const BACKOFF = { baseMs: 250, capMs: 30_000 };

/**
 * Fills a new generation from another one's rows, and sets its group to consume what came since (design section 4). When
 * it returns, the generation is `shadow`: its consumer may start. Not before: an event that can't be parsed, applied ahead
 * of the backfill, would leave the last good version older than its row, where it could never be shown. Repeatable: a
 * build that died is begun anew, and what it has already written is found unchanged.
 */
export async function buildGeneration(
  ports: BuildPorts,
  from: Generation,
  target: Generation,
  options: BuildOptions,
): Promise<{ documents: number; failed: number }> {
  const stream = streamOf(target.tenant, target.collection);
  const hold = buildHold(target.id);
  // First everything is held, then from S on: nothing can be trimmed in between.
  await ports.log.hold(stream, hold, beginning(await ports.log.committed(stream, from.id)));
  const since = await ports.log.committed(stream, from.id);
  await ports.log.hold(stream, hold, since);
  await ports.vectors.create({ generation: target.id, vectors: dimensions(target) });
  // Once only: a build that was taken for dead may yet finish, and its consumer needs what came since its own beginning.
  await ports.log.seek(stream, target.id, since, { onlyNew: true });
  const start = await ports.log.committed(stream, target.id);
  let failed = 0;
  let documents = 0;
  await forEachConcurrent(rowsOf(ports, from.id, options.signal), options.concurrency ?? 4, async (row) => {
    if (options.beforeRow) await options.beforeRow();
    const began = options.afterRow ? ports.clock.now() : 0;
    for (const change of toBackfill(row, start)) {
      const outcome = await persist(ports, target, change, options);
      if (change !== row.seen) continue;
      if (outcome.kind === 'failed') failed += 1;
      options.onDocument?.(outcome);
    }
    documents += 1;
    if (options.afterRow) await options.afterRow(ports.clock.now() - began);
  });
  throwIfAborted(options.signal);
  await move(ports, target.id, 'building', 'shadow', 'backfill complete');
  await ports.log.release(stream, hold);
  return { documents, failed };
}

/**
 * One row at its own version: a failed one's last good version first, deleted ones too (they stop late events). Not what the
 * target's consumer will be given: ahead of its turn, an event that can't be parsed would jump over the tombstone before it
 * and keep what that one deletes.
 */
function toBackfill(row: DocumentRow, start: readonly Position[]): Change[] {
  const changes =
    row.state === 'failed' && row.visible && row.visible.version !== row.seen.version ? [row.visible] : [];
  return [...changes, row.seen].filter(({ position }) => !isAhead(position, start));
}

/** Applies until it is settled; only the signal ends the waiting for a store that is unavailable. */
async function persist(
  ports: BuildPorts,
  target: Generation,
  change: Change,
  options: BuildOptions,
): Promise<ApplyOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await applyChange(ports, target, change, {
        signal: options.signal,
        finalAttempt: attempt >= 8,
        ...(options.onParseFailure ? { onParseFailure: options.onParseFailure } : {}),
        ...(options.versionOf ? { versionOf: options.versionOf } : {}),
      });
      if (outcome.error) await letter(ports, target, change, outcome.error, attempt);
      return outcome;
    } catch (caught) {
      const error = asFootnoteError(caught);
      if (error.code === 'cancelled' || error.code === 'build_mismatch') throw error;
      ports.telemetry.count('retries');
      await ports.clock.sleep(backoffMs(attempt, BACKOFF, options.random ?? Math.random), options.signal);
    }
  }
}

/** The new generation's own letter, so that a replay reaches its failed row, too. */
async function letter(
  ports: BuildPorts,
  target: Generation,
  change: Change,
  error: FootnoteError,
  attempts: number,
): Promise<void> {
  await ports.deadLetters.add({
    stream: streamOf(target.tenant, target.collection),
    group: target.id,
    documentId: documentId(change.event),
    position: change.position,
    event: change.event,
    code: error.code,
    message: error.message,
    attempts,
    at: new Date(ports.clock.now()).toISOString(),
  });
}

async function* rowsOf(
  ports: Pick<BuildPorts, 'documents'>,
  generation: string,
  signal: AbortSignal,
): AsyncGenerator<DocumentRow> {
  let after: string | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await ports.documents.list(generation, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.documentId;
  }
}

export interface SwitchPorts {
  readonly releases: Pick<Releases, 'current' | 'switch'>;
  readonly generations: Pick<Generations, 'get' | 'move'>;
  readonly log: Pick<EventLog, 'committed'>;
  readonly clock: Clock;
}

export interface SwitchOptions {
  /** How long to wait for the target to reach what the live generation has shown. Default 30 s. */
  readonly waitMs?: number;
  readonly pollMs?: number;
  readonly retrieval?: Release['retrieval'];
  readonly promptVersion?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes a generation the one that is served: one compare-and-set of the release row, after the target has committed all
 * that the live one had when this began, so that nobody who read their write loses it again. Rolling back is the same.
 * @throws behind (409), conflict when another switch came first, not_found
 */
export async function switchRelease(
  ports: SwitchPorts,
  targetId: string,
  options: SwitchOptions = {},
): Promise<Release> {
  const target = await ports.generations.get(targetId);
  if (!target || target.state === 'dropped' || target.state === 'draft') {
    throw new FootnoteError('not_found', `There is no generation ${targetId} that could be released.`);
  }
  if (target.state === 'building') {
    throw new FootnoteError(
      'behind',
      `Generation ${targetId} is still being built: wait until its backfill is complete.`,
    );
  }
  const current = await ports.releases.current(target.tenant, target.collection);
  if (current?.generation === targetId) return current;
  const stream = streamOf(target.tenant, target.collection);
  if (current) {
    const goal = await ports.log.committed(stream, current.generation);
    await waitUntilCommitted(ports, stream, targetId, goal, options);
  }
  const next: Release = {
    tenant: target.tenant,
    collection: target.collection,
    number: (current?.number ?? 0) + 1,
    generation: targetId,
    ...(current ? { previous: current.generation } : {}),
    spaces: Object.fromEntries(Object.entries(target.spec.models).map(([name, model]) => [name, model.space])),
    retrieval: options.retrieval ?? current?.retrieval ?? {},
    ...promptVersion(options.promptVersion ?? current?.promptVersion),
    at: new Date(ports.clock.now()).toISOString(),
  };
  if (!(await ports.releases.switch(next, current?.number ?? 0))) {
    throw new FootnoteError(
      'conflict',
      'Another release was made meanwhile, or this generation was dropped: look and decide again.',
    );
  }
  // The release row alone says what is served; the states follow it.
  await move(ports, targetId, target.state, 'live', `release ${next.number}`);
  if (current) await move(ports, current.generation, 'live', 'retired', `release ${next.number}`);
  return next;
}

async function waitUntilCommitted(
  ports: SwitchPorts,
  stream: string,
  group: string,
  goal: readonly Position[],
  options: SwitchOptions,
): Promise<void> {
  const until = ports.clock.now() + (options.waitMs ?? 30_000);
  for (;;) {
    throwIfAborted(options.signal);
    if (reached(await ports.log.committed(stream, group), goal)) return;
    if (ports.clock.now() >= until) {
      const message = `Generation ${group} has not yet applied what the live one shows: try again when its lag is lower.`;
      throw new FootnoteError('behind', message, { retryAfter: 5 });
    }
    await ports.clock.sleep(options.pollMs ?? 100, options.signal);
  }
}

export interface DropPorts {
  readonly releases: Pick<Releases, 'current'>;
  readonly generations: Pick<Generations, 'get' | 'move'>;
  readonly documents: Pick<Documents, 'dropGeneration'>;
  readonly log: Pick<EventLog, 'dropGroup' | 'release'>;
  readonly vectors: Pick<VectorStore, 'drop'>;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Removes a generation that is not served. Its consumer is stopped before; what a late worker writes to it afterwards,
 * `verify --repair` removes. Repeatable. @throws conflict when it is live
 */
export async function dropGeneration(ports: DropPorts, id: string, reason: string): Promise<void> {
  const generation = await ports.generations.get(id);
  if (!generation) throw new FootnoteError('not_found', `There is no generation ${id}.`);
  const current = await ports.releases.current(generation.tenant, generation.collection);
  if (current?.generation === id) {
    throw new FootnoteError('conflict', `Generation ${id} is being served: release another one first.`);
  }
  const stream = streamOf(generation.tenant, generation.collection);
  if (generation.state !== 'dropped') {
    const at = new Date(ports.clock.now()).toISOString();
    if (!(await ports.generations.move(id, generation.state, 'dropped', at, reason))) {
      throw new FootnoteError('conflict', `Generation ${id} was released or moved meanwhile: look and decide again.`);
    }
  }
  await ports.log.dropGroup(stream, id);
  await ports.log.release(stream, buildHold(id));
  await ports.documents.dropGeneration(id);
  await ports.vectors.drop(id);
}

async function move(
  ports: { readonly generations: Pick<Generations, 'move'>; readonly clock: Pick<Clock, 'now'> },
  id: string,
  from: GenerationState,
  to: GenerationState,
  reason: string,
): Promise<void> {
  if (from === to) return;
  await ports.generations.move(id, from, to, new Date(ports.clock.now()).toISOString(), reason);
}

function promptVersion(version: string | undefined): { promptVersion?: string } {
  return version === undefined ? {} : { promptVersion: version };
}

function beginning(positions: readonly Position[]): Position[] {
  return positions.map((position) => ({ ...position, offset: 0n }));
}

function dimensions(generation: Generation): Record<string, number> {
  return Object.fromEntries(Object.entries(generation.spec.models).map(([name, model]) => [name, model.dims]));
}

import { FootnoteError, asFootnoteError, throwIfAborted } from '../src/core/errors.js';
import type { Position } from '../src/core/event.js';
import { type Generation, buildHold, streamOf } from '../src/core/generation.js';
import { documentId } from '../src/core/ids.js';
import type { DocumentRow, Documents, Generations } from '../src/core/ports/catalog.js';
import type { Clock } from '../src/core/ports/clock.js';
import type { DeadLetters, EventLog } from '../src/core/ports/log.js';
import type { VectorStore } from '../src/core/ports/vectors.js';
import { backoffMs } from '../src/runtime/backoff.js';
import { forEachConcurrent } from '../src/runtime/concurrency.js';
import { applyChange } from './ingest.js';
import type { ApplyOptions, ApplyOutcome, Change, IngestPorts } from './ingest/ports.js';
import { isAhead } from './positions.js';

export interface BuildPorts extends IngestPorts {
  readonly documents: Pick<Documents, 'get' | 'compareAndSet' | 'everywhere' | 'list'>;
  readonly generations: Pick<Generations, 'get' | 'move'>;
  readonly log: Pick<EventLog, 'committed' | 'hold' | 'release' | 'seek' | 'identity'>;
  readonly vectors: Pick<VectorStore, 'create' | 'write' | 'prune' | 'inputs'>;
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
 * @throws conflict when `from` was dropped meanwhile: what is left to do is built from another one
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
  // Of a group that is gone, nothing was committed.
  await mustStand(ports, from);
  await ports.log.hold(stream, hold, since);
  await ports.faults.reach('build:held');
  await ports.vectors.create({ generation: target.id, vectors: dimensions(target) });
  // Once only: a build that was taken for dead may yet finish, and its consumer needs what came since its own beginning.
  await ports.log.seek(stream, target.id, since, { onlyNew: true });
  const start = await ports.log.committed(stream, target.id);
  await ports.faults.reach('build:begun');
  let failed = 0;
  let documents = 0;
  await forEachConcurrent(rowsOf(ports, from, options.signal), options.concurrency ?? 4, async (row) => {
    if (options.beforeRow) await options.beforeRow();
    const began = options.afterRow ? ports.clock.now() : 0;
    for (const change of toBackfill(row, start)) {
      const outcome = await persist(ports, target, change, options);
      if (change !== row.seen) continue;
      if (outcome.kind === 'failed') failed += 1;
      options.onDocument?.(outcome);
    }
    documents += 1;
    await ports.faults.reach('build:row', row.documentId);
    if (options.afterRow) await options.afterRow(ports.clock.now() - began);
  });
  throwIfAborted(options.signal);
  await ports.faults.reach('build:read');
  const at = new Date(ports.clock.now()).toISOString();
  await ports.generations.move(target.id, 'building', 'shadow', at, 'backfill complete');
  await ports.faults.reach('build:shadow');
  await ports.log.release(stream, hold);
  await ports.faults.reach('build:released');
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
  ports: Pick<BuildPorts, 'documents' | 'generations'>,
  from: Generation,
  signal: AbortSignal,
): AsyncGenerator<DocumentRow> {
  let after: string | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await ports.documents.list(from.id, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    if (page.length < PAGE) break;
    after = page.at(-1)!.documentId;
  }
  // What was read of one that is gone may not have been all.
  await mustStand(ports, from);
}

/** A generation is called dropped before its group and its rows go: what was read of it before this passes is whole. */
async function mustStand({ generations }: Pick<BuildPorts, 'generations'>, { id }: Generation): Promise<void> {
  if ((await generations.get(id))?.state !== 'dropped') return;
  throw new FootnoteError(
    'conflict',
    `Generation ${id} was dropped while another one was built from it: build again from the live one.`,
  );
}

function beginning(positions: readonly Position[]): Position[] {
  return positions.map((position) => ({ ...position, offset: 0n }));
}

function dimensions(generation: Generation): Record<string, number> {
  return Object.fromEntries(Object.entries(generation.spec.models).map(([name, model]) => [name, model.dims]));
}

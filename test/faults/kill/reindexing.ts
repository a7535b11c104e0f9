import { setTimeout as delay } from 'node:timers/promises';
import { asFootnoteError } from '../../../src/core/errors.js';
import type { JobView } from '../../../src/core/schemas/jobs.js';
import type { Engine } from '../../../src/engine/open.js';
import { CALLER, COLLECTION } from './work.js';

/** A generation with other chunks, built and released while a script goes on. */
export interface Reindexing {
  /** The step that it begins before. */
  readonly at: number;
  readonly targetTokens: number;
}

const NEVER = new AbortController().signal;

/** `again`: an earlier process may have begun it already. */
export async function beginReindexing(engine: Engine, { targetTokens }: Reindexing, again: boolean): Promise<void> {
  if (again && (await jobOf(engine))) return;
  await engine.surface.generations.reindex(CALLER, COLLECTION, { chunker: { targetTokens }, switch: true }, NEVER);
}

/** Until it is released and the former generation dropped. */
export async function endReindexing(engine: Engine): Promise<void> {
  for (;;) {
    const job = await jobOf(engine);
    if (job?.state === 'succeeded') break;
    if (job?.state !== 'queued' && job?.state !== 'running') throw new Error(`Reindexing: ${JSON.stringify(job)}`);
    await delay(20);
  }
  const { generations } = await engine.surface.generations.list(CALLER, COLLECTION, NEVER);
  for (const { id, served } of generations) {
    if (!served) await engine.surface.generations.drop(CALLER, COLLECTION, id, NEVER).catch(unlessGone);
  }
}

async function jobOf(engine: Engine): Promise<JobView | undefined> {
  const { jobs } = await engine.surface.jobs.list(CALLER, { limit: 1000 }, NEVER);
  return jobs.find(({ kind }) => kind === 'reindex');
}

function unlessGone(error: unknown): void {
  if (asFootnoteError(error).code !== 'not_found') throw error;
}

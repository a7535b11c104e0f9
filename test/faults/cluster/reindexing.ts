import { setTimeout as sleep } from 'node:timers/promises';
import { asFootnoteError } from '../../../src/core/errors.js';
import type { Engine } from '../../../src/engine/open.js';
import { CALLER, COLLECTION } from '../kill/work.js';
import type { Kills } from './kills.js';
import type { Disturbance } from './run.js';

export const FINAL_TOKENS = 32;
const OTHER_TOKENS = 64;
const QUERY_EVERY_MS = 50;
const ROUND_MS = 10 * 60_000;
const NEVER = new AbortController().signal;
const QUERIES = [
  'valve pressure',
  'gear chain lever',
  'alarm safety guard',
  'invoice contract',
  'coolant sensor relay',
];

export interface Counts {
  queries: number;
  queryErrors: string[];
  rebuilds: number;
  switches: number;
  rollbacks: number;
}

/** Generations with other chunks, one after the other, each released, rolled back and released again, under queries and kills. */
export class Reindexing implements Disturbance {
  readonly counts: Counts = { queries: 0, queryErrors: [], rebuilds: 0, switches: 0, rollbacks: 0 };
  readonly #rounds: Promise<void>;
  readonly #queries: Promise<void>;
  #failure: Error | undefined;
  #over = false;

  constructor(
    private readonly engine: Engine,
    private readonly kills: Kills,
    private readonly rounds: number,
    private readonly say: (text: string) => void,
  ) {
    this.#queries = this.#ask();
    this.#rounds = this.#rebuild().catch((error: Error) => {
      this.#failure ??= error;
    });
  }

  async pace(step: number, of: number): Promise<void> {
    if (this.#failure) throw this.#failure;
    await this.kills.pace(step, of);
  }

  async end(): Promise<void> {
    await this.#rounds;
    this.#over = true;
    await this.#queries;
    await this.kills.end();
    if (this.#failure) throw this.#failure;
    const { generations } = await this.engine.surface.generations.list(CALLER, COLLECTION, NEVER);
    for (const { id, served } of generations) {
      if (!served) await this.engine.surface.generations.drop(CALLER, COLLECTION, id, NEVER).catch(unlessGone);
    }
  }

  async #ask(): Promise<void> {
    for (let n = 0; !this.#over; n += 1) {
      const query = QUERIES[n % QUERIES.length]!;
      try {
        await this.engine.surface.search(
          CALLER,
          COLLECTION,
          { query, limit: 10, mode: n % 2 === 0 ? 'hybrid' : 'lexical' },
          NEVER,
        );
      } catch (error) {
        this.counts.queryErrors.push(asFootnoteError(error).message);
      }
      this.counts.queries += 1;
      await sleep(QUERY_EVERY_MS);
    }
  }

  async #rebuild(): Promise<void> {
    const { generations, jobs } = this.engine.surface;
    for (let round = 1; round <= this.rounds; round += 1) {
      const targetTokens = (this.rounds - round) % 2 === 0 ? FINAL_TOKENS : OTHER_TOKENS;
      const former = await this.#served();
      const request = { chunker: { targetTokens }, switch: true };
      const { id } = await generations.reindex(CALLER, COLLECTION, request, NEVER);
      const deadline = Date.now() + ROUND_MS;
      for (;;) {
        const { state, error } = await jobs.get(CALLER, id, NEVER);
        if (state === 'succeeded') break;
        if (state !== 'queued' && state !== 'running') throw new Error(`Reindexing ${state}: ${JSON.stringify(error)}`);
        if (Date.now() > deadline) throw new Error('Reindexing takes too long.');
        await sleep(250);
      }
      this.counts.rebuilds += 1;
      const next = await this.#served();
      if (next === former) throw new Error('The new generation is not served.');
      await this.#release(former);
      this.counts.rollbacks += 1;
      await sleep(1000);
      await this.#release(next);
      this.counts.switches += 1;
      this.say(`generation ${round} of ${this.rounds}: built, released, rolled back, released again`);
    }
  }

  async #served(): Promise<string> {
    return (await this.engine.surface.release.get(CALLER, COLLECTION, NEVER)).generation;
  }

  /** One that lags is refused until it has caught up: workers die all the time. */
  async #release(generation: string): Promise<void> {
    for (;;) {
      try {
        await this.engine.surface.release.set(CALLER, COLLECTION, { generation }, NEVER);
        return;
      } catch (error) {
        if (asFootnoteError(error).code !== 'behind') throw error;
      }
      await sleep(200);
    }
  }
}

function unlessGone(error: unknown): void {
  if (asFootnoteError(error).code !== 'not_found') throw error;
}

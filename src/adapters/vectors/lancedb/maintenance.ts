import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Index } from '@lancedb/lancedb';
import { throwIfAborted } from '../../../core/errors.js';
import { isConflict } from './errors.js';
import { decodePoints, pointColumns } from './rows.js';
import { vectorColumn } from './schema.js';
import { type OpenTable, createLabelIndexes } from './table.js';
import type { Round, TableWriter } from './writer.js';

/** Versions that were replaced longer ago than this are removed: until then a slow reader may still need them. */
const RETENTION_MS = 60_000;
/**
 * Points written since the last run after which one is due: a tenth of the table, within these. Until it ran, new points
 * are searched one by one (13 us each), and they do not count in the BM25 statistics of the indexed ones, while they are
 * themselves scored by the statistics of all. With a tenth new, an idf differs by 0.1; in a table that grows manyfold at
 * once by ln(growth), until the run.
 */
const FRESH_ROWS = { share: 0.1, least: 64, most: 4_000 } as const;
/** Commits after which a run is due: each leaves a file of its own. */
const ROUNDS = 25;
/** Quiet time after which a run is due. */
const IDLE_MS = 2_000;
/** A run rewrites up to a million points, so the next one waits for a multiple of the time that the last one took. */
const REST = { fresh: 3, rounds: 10, idle: 20 } as const;
const LONGEST_REST_MS = 600_000;
/**
 * Points from which a vector index pays; below it every vector is compared, exactly. Comparing 20,000 x 384 took 16 ms, the
 * graph 10 ms, and building it a minute of two cores.
 */
const VECTOR_INDEX_ROWS = 50_000;
const INDEX_ATTEMPTS = 3;
/** How long closing waits for a run in progress. */
const CLOSE_MS = 10_000;

export interface MaintenanceOptions {
  readonly retentionMs?: number;
  readonly onError: (error: unknown) => void;
}

/** Keeps one table fast and small: in the background after writes, and on request. One run at a time. */
export class Maintenance {
  private readonly retentionMs: number;
  private rounds = 0;
  private fresh = 0;
  /** Deleted bytes may be in live files: before the first full run nobody knows. */
  private deletions = true;
  /** Replaced versions are left to be removed. */
  private leftovers = false;
  /** When the newest version was made; ms since 1970. */
  private newest = 0;
  private rows: number | undefined;
  private lastEnd = 0;
  private lastMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private closed = false;
  private holds = 0;

  constructor(
    private readonly open: OpenTable,
    private readonly writer: TableWriter,
    private readonly options: MaintenanceOptions,
  ) {
    this.retentionMs = options.retentionMs ?? RETENTION_MS;
  }

  /** Plans the next run after a commit. */
  noteRound(round: Round): void {
    this.rounds += 1;
    this.fresh += round.written;
    if (round.deleted > 0) this.deletions = true;
    this.plan();
  }

  /** Plans the first run of a table that was there before: an earlier process may have left work. */
  noteOpened(): void {
    this.plan();
  }

  /** Old versions stay until released: someone reads one. */
  holdVersions(): () => void {
    this.holds += 1;
    let held = true;
    return () => {
      if (held) this.holds -= 1;
      held = false;
    };
  }

  /** Runs now, after a run in progress. `full`: deleted points' bytes leave live files whatever their share is. */
  async run(kind: 'full' | 'routine', signal?: AbortSignal): Promise<void> {
    while (this.running) await this.running.catch(() => undefined);
    throwIfAborted(signal);
    const began = performance.now();
    const work = this.work(kind, signal).finally(() => {
      this.running = undefined;
      this.lastEnd = performance.now();
      this.lastMs = this.lastEnd - began;
    });
    this.running = work;
    await work;
    // What was written meanwhile, or what a slow reader could still need.
    if (this.rounds > 0 || this.leftovers || this.deletions) this.plan();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    if (!this.running) return;
    // LanceDB can't be told to stop, and building a vector index may take minutes. What is left unfinished is not used.
    const enough = new AbortController();
    await Promise.race([
      this.running.catch(() => undefined),
      delay(CLOSE_MS, undefined, { signal: enough.signal }).catch(() => undefined),
    ]);
    enough.abort();
  }

  private plan(): void {
    if (this.closed || this.running) return;
    const { share, least, most } = FRESH_ROWS;
    const limit = Math.min(most, Math.max(least, share * (this.rows ?? 0)));
    const since = performance.now() - this.lastEnd;
    const rest = (times: number) => Math.min(LONGEST_REST_MS, times * this.lastMs);
    let wait = Math.max(IDLE_MS, rest(REST.idle));
    // Nothing new: only the retention is waited for.
    if (this.rounds === 0 && this.leftovers) wait = Math.max(wait, this.newest + this.retentionMs + 1_000 - Date.now());
    if (this.fresh >= limit) wait = rest(REST.fresh) - since;
    else if (this.rounds >= ROUNDS) wait = Math.min(wait, rest(REST.rounds) - since);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), Math.max(0, wait));
    this.timer.unref();
  }

  private start(): void {
    if (this.closed || this.running) return;
    // In a quiet moment also what has no new neighbour to be merged with.
    this.run(this.rounds < ROUNDS && this.deletions ? 'full' : 'routine').catch((error: unknown) => {
      if (!this.closed) this.options.onError(error);
    });
  }

  private async work(kind: 'full' | 'routine', signal?: AbortSignal): Promise<void> {
    const { table, durability } = this.open;
    this.rounds = 0;
    this.fresh = 0;
    const deletions = kind === 'full' && this.deletions;
    if (deletions) this.deletions = false;
    await this.writer.exclusively(async () => {
      if (deletions) await this.stirDeletions();
      // Removes nothing yet: what replaces the old files must be durable first.
      await table.optimize({ cleanupOlderThan: new Date(0) });
      // Merging keeps a label that no row has any more, and it may be a deleted document's metadata.
      if (deletions) await createLabelIndexes(table);
      this.rows = await table.countRows();
    });
    throwIfAborted(signal);
    if (await this.buildVectorIndexes(signal)) {
      // Built while others wrote, so its files may have been seen half written.
      await this.writer.exclusively(async () => durability.forget('_indices'));
    }
    throwIfAborted(signal);
    await this.writer.exclusively(async () => {
      if (this.holds === 0) {
        await table.optimize({ cleanupOlderThan: await this.unusedBefore(), deleteUnverified: true });
      }
      const versions = await table.listVersions();
      this.leftovers = versions.length > 1;
      this.newest = Math.max(...versions.map(({ timestamp }) => timestamp.getTime()));
    });
  }

  /** Lance goes by a version's creation; a reader may have begun on the one that was the newest `retention` ago. */
  private async unusedBefore(): Promise<Date> {
    const limit = Date.now() - this.retentionMs;
    const times = (await this.open.table.listVersions()).map((version) => version.timestamp.getTime());
    return new Date(Math.max(0, ...times.filter((time) => time <= limit)));
  }

  /**
   * Lance leaves a file alone until a tenth of it is deleted, unless it has a small neighbour to be merged with. Writing
   * one point again makes that neighbour.
   */
  private async stirDeletions(): Promise<void> {
    const { table, vectorNames, durability } = this.open;
    if (!(await hasFiles(join(durability.table, '_deletions')))) return;
    const any = await table.query().limit(1).select(pointColumns(vectorNames)).toArrow();
    const points = any.batches.flatMap((batch) => decodePoints(batch, vectorNames));
    if (points.length > 0) await this.writer.merge(points);
  }

  /** Beside the writes, since it can take a minute. Returns whether it built one. */
  private async buildVectorIndexes(signal?: AbortSignal): Promise<boolean> {
    const { table, vectorNames } = this.open;
    if ((this.rows ?? 0) < VECTOR_INDEX_ROWS) return false;
    const indexed = new Set((await table.listIndices()).flatMap((index) => index.columns));
    let built = false;
    for (const name of vectorNames) {
      const column = vectorColumn(name);
      if (indexed.has(column)) continue;
      if ((await table.countRows(`${column} IS NOT NULL`)) < VECTOR_INDEX_ROWS) continue;
      throwIfAborted(signal);
      for (let attempt = 1; ; attempt++) {
        try {
          await table.createIndex(column, {
            config: Index.hnswSq({ distanceType: 'dot', numPartitions: 1, efConstruction: 150 }),
          });
          break;
        } catch (error) {
          if (!isConflict(error) || attempt >= INDEX_ATTEMPTS) throw error;
        }
      }
      built = true;
    }
    return built;
  }
}

async function hasFiles(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

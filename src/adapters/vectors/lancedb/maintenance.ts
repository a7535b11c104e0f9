import { Index } from '@lancedb/lancedb';
import { throwIfAborted } from '../../../core/errors.js';
import { vectorColumn } from './schema.js';
import type { OpenTable } from './table.js';
import type { Round, TableWriter } from './writer.js';

/** Versions that were replaced longer ago than this are removed: until then a slow reader may still need them. */
export const RETENTION_MS = 60_000;
/** Commits after which small files are merged and indexes brought up to date. */
const ROUNDS = 25;
/** Quiet time after which the same is done. */
const IDLE_MS = 2_000;
/** Points from which a vector index pays; below it every vector is compared. */
const VECTOR_INDEX_ROWS = 20_000;

/** Keeps one table fast and small: in the background after writes, and on request. */
export class Maintenance {
  private rounds = 0;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private closed = false;
  private holds = 0;

  constructor(
    private readonly open: OpenTable,
    private readonly writer: TableWriter,
    private readonly onError: (error: unknown) => void,
  ) {}

  noteRound(_round: Round): void {
    this.rounds += 1;
    if (this.rounds >= ROUNDS) this.start();
    else this.wait(IDLE_MS);
  }

  /** Old versions stay until released. */
  holdVersions(): () => void {
    this.holds += 1;
    let held = true;
    return () => {
      if (held) this.holds -= 1;
      held = false;
    };
  }

  async run(_kind: 'full' | 'routine', signal?: AbortSignal): Promise<void> {
    while (this.running) await this.running.catch(() => undefined);
    throwIfAborted(signal);
    const work = this.work(signal).finally(() => {
      this.running = undefined;
    });
    this.running = work;
    await work;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.running?.catch(() => undefined);
  }

  private wait(ms: number): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), ms);
    this.timer.unref();
  }

  private start(): void {
    clearTimeout(this.timer);
    if (this.closed || this.running) return;
    this.run('routine').catch(this.onError);
  }

  private async work(signal?: AbortSignal): Promise<void> {
    const { table } = this.open;
    this.rounds = 0;
    await this.writer.exclusively(async () => {
      // Removes nothing yet: what replaces the old files must be durable first.
      await table.optimize({ cleanupOlderThan: new Date(0) });
      await this.buildVectorIndexes();
    });
    throwIfAborted(signal);
    if (this.holds > 0) return;
    await this.writer.exclusively(async () => {
      await table.optimize({ cleanupOlderThan: await this.unusedBefore(), deleteUnverified: true });
    });
  }

  /** Lance goes by a version's creation; a reader may have begun on the one that was the newest RETENTION_MS ago. */
  private async unusedBefore(): Promise<Date> {
    const limit = Date.now() - RETENTION_MS;
    const times = (await this.open.table.listVersions()).map((version) => version.timestamp.getTime());
    return new Date(Math.max(0, ...times.filter((time) => time <= limit)));
  }

  private async buildVectorIndexes(): Promise<void> {
    const { table, vectorNames } = this.open;
    if ((await table.countRows()) < VECTOR_INDEX_ROWS) return;
    const indexed = new Set((await table.listIndices()).flatMap((index) => index.columns));
    for (const name of vectorNames) {
      const column = vectorColumn(name);
      if (indexed.has(column)) continue;
      if ((await table.countRows(`${column} IS NOT NULL`)) < VECTOR_INDEX_ROWS) continue;
      await table.createIndex(column, { config: Index.hnswSq({ distanceType: 'dot', numPartitions: 1 }) });
    }
  }
}

import { FootnoteError } from '../../../core/errors.js';
import type { Point } from '../../../core/ports/vectors.js';
import { isDoomed, type Prune } from '../prune.js';
import { missing } from '../spec.js';
import { isConflict, lanceError } from './errors.js';
import { encodePoints, strings } from './rows.js';
import { COLUMN } from './schema.js';
import { quote } from './compile.js';
import type { OpenTable } from './table.js';

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

interface PendingWrite extends Waiting {
  readonly points: readonly Point[];
  readonly bytes: number;
}

interface PendingPrune extends Waiting {
  readonly prune: Prune;
}

interface PendingWork extends Waiting {
  work(): Promise<void>;
}

/** One commit holds at most this much, except for a single larger call. */
const COMMIT_BYTES = 32 << 20;
const COMMIT_ROWS = 8192;
const COMMIT_PRUNES = 256;
/** Bytes waiting; more is refused (law 10). */
const QUEUE_BYTES = 512 << 20;
const ATTEMPTS = 8;

/** What the last round changed, for maintenance. */
export interface Round {
  readonly written: number;
  readonly deleted: number;
}

/**
 * The only one that changes a table: commits one after the other, so that Lance's optimistic commits do not meet each
 * other. Whatever waits when a round begins shares one merge, one delete and one fsync.
 */
export class TableWriter {
  private writes: PendingWrite[] = [];
  private prunes: PendingPrune[] = [];
  private works: PendingWork[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly open: OpenTable,
    private readonly afterRound: (round: Round) => void,
  ) {}

  write(points: readonly Point[]): Promise<void> {
    const bytes = points.reduce((sum, point) => sum + sizeOf(point), 0);
    if (this.queuedBytes > 0 && this.queuedBytes + bytes > QUEUE_BYTES) {
      return Promise.reject(
        new FootnoteError('overloaded', 'Too many vectors wait to be written: try again later.', { retryAfter: 1 }),
      );
    }
    return this.enqueue((waiting) => {
      this.queuedBytes += bytes;
      this.writes.push({ ...waiting, points, bytes });
    });
  }

  prune(prune: Prune): Promise<void> {
    return this.enqueue((waiting) => this.prunes.push({ ...waiting, prune }));
  }

  /** Runs alone, between rounds; what it changed is durable on return. */
  exclusively(work: () => Promise<void>): Promise<void> {
    return this.enqueue((waiting) => this.works.push({ ...waiting, work }));
  }

  /** Ends what is queued; later calls fail with not_found. */
  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private enqueue(add: (waiting: Waiting) => void): Promise<void> {
    if (this.closed) return Promise.reject(missing(this.open.generation));
    return new Promise<void>((resolve, reject) => {
      add({ resolve, reject });
      // Not at once: calls of the same tick share a round.
      this.running ??= Promise.resolve().then(() => this.run());
    });
  }

  private async run(): Promise<void> {
    while (this.writes.length + this.prunes.length + this.works.length > 0) {
      const work = this.works.shift();
      if (work) await this.settle([work], () => this.alone(work));
      const writes = this.takeWrites();
      const prunes = this.prunes.splice(0, COMMIT_PRUNES);
      if (writes.length + prunes.length > 0) {
        await this.settle([...writes, ...prunes], () => this.round(writes, prunes));
      }
    }
    this.running = undefined;
  }

  private async settle(all: readonly Waiting[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const typed = lanceError(error, this.open.generation);
      for (const one of all) one.reject(typed);
      return;
    }
    for (const one of all) one.resolve();
  }

  private takeWrites(): PendingWrite[] {
    const taken: PendingWrite[] = [];
    let bytes = 0;
    let rows = 0;
    while (this.writes[0]) {
      const next = this.writes[0];
      if (taken.length > 0 && (bytes + next.bytes > COMMIT_BYTES || rows + next.points.length > COMMIT_ROWS)) break;
      bytes += next.bytes;
      rows += next.points.length;
      taken.push(next);
      this.writes.shift();
    }
    this.queuedBytes -= bytes;
    return taken;
  }

  private async alone(work: PendingWork): Promise<void> {
    await work.work();
    await this.makeDurable();
  }

  private async round(writes: readonly PendingWrite[], prunes: readonly PendingPrune[]): Promise<void> {
    // The later of two points with one id counts; a duplicate in one merge would make two rows.
    const points = new Map<string, Point>();
    for (const { points: some } of writes) for (const point of some) points.set(point.id, point);
    if (points.size > 0) await this.merge([...points.values()]);
    const deleted = prunes.length > 0 ? await this.delete(prunes.map((one) => one.prune)) : 0;
    if (points.size > 0 || deleted > 0) {
      await this.makeDurable();
      this.afterRound({ written: points.size, deleted });
    }
  }

  /** Upserts without waiting or fsync: for rounds and for work that runs alone. Ids are distinct. */
  async merge(points: readonly Point[]): Promise<void> {
    const { table, schema, dims } = this.open;
    const data = await encodePoints(points, schema, dims);
    await retried(() =>
      table
        .mergeInsert(COLUMN.id)
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .execute(data as never)
        .then(() => undefined),
    );
  }

  /**
   * Lists the versions that the documents have and deletes those that are to go: most prunes find nothing, and then
   * there is no commit.
   */
  private async delete(prunes: readonly Prune[]): Promise<number> {
    const { table } = this.open;
    const documents = [...new Set(prunes.map((prune) => prune.documentId))];
    const columns = [COLUMN.documentId, COLUMN.version, COLUMN.revision];
    const where = `${COLUMN.documentId} IN (${documents.map(quote).join(',')})`;
    const doomed = new Map<string, Set<string>>();
    let rows = 0;
    for await (const batch of table.query().where(where).select(columns)) {
      const [document, version, revision] = columns.map((name) => strings(batch, name)) as [Read, Read, Read];
      for (let i = 0; i < batch.numRows; i++) {
        const [d, v, r] = [document(i), version(i), revision(i)];
        if (!prunes.some((prune) => prune.documentId === d && isDoomed(prune, v, r))) continue;
        rows += 1;
        const known = doomed.get(d) ?? new Set();
        doomed.set(d, known.add(`(${COLUMN.version} = ${quote(v)} AND ${COLUMN.revision} = ${quote(r)})`));
      }
    }
    if (rows === 0) return 0;
    const predicate = [...doomed]
      .map(([document, ors]) => `(${COLUMN.documentId} = ${quote(document)} AND (${[...ors].join(' OR ')}))`)
      .join(' OR ');
    await retried(async () => {
      await table.delete(predicate);
    });
    return rows;
  }

  private async makeDurable(): Promise<void> {
    await this.open.durability.sync(await this.open.table.version());
  }
}

type Read = (row: number) => string;

/** Another process may hold the table for reading only, yet Lance can still meet its own background commits. */
async function retried(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
    }
  }
}

/** About what a point takes in memory. */
function sizeOf(point: Point): number {
  let bytes = 1024 + 2 * (point.text.length + point.context.length) + 16 * point.terms.length;
  for (const vector of Object.values(point.vectors)) bytes += vector.byteLength;
  return bytes;
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, Session, type Connection } from '@lancedb/lancedb';
import { throwIfAborted } from '../../../core/errors.js';
import type { Arm, Hit, Point, SearchFilter, StoreSpec, VectorStore } from '../../../core/ports/vectors.js';
import { checkSpec, checkVectors, sameDims } from '../spec.js';
import { compileSearchFilter, quote } from './compile.js';
import { fsync } from './durability.js';
import { lanceError } from './errors.js';
import { Maintenance } from './maintenance.js';
import { decodePoints, inPages, pointColumns } from './rows.js';
import { COLUMN } from './schema.js';
import { searchArms } from './search.js';
import { linkTable } from './snapshot.js';
import { createTable, isCreated, openTable, recordFile, type OpenTable } from './table.js';
import { TableWriter } from './writer.js';

export interface LanceOptions {
  /** An existing directory for the tables. */
  readonly directory: string;
  /** Bytes of index data kept in memory. */
  readonly indexCacheBytes?: number;
  readonly metadataCacheBytes?: number;
  /** How long replaced versions stay for slow readers, in milliseconds. Default 60,000. */
  readonly retentionMs?: number;
  /** Told when background maintenance failed; it is tried again after later writes. */
  readonly onMaintenanceError?: (generation: string, error: unknown) => void;
}

/** An open table with the one that changes it and the one that keeps it fast. */
interface Live {
  readonly open: OpenTable;
  readonly writer: TableWriter;
  readonly maintenance: Maintenance;
}

const SCROLL_ROWS = 256;

export interface LanceVectorStore extends VectorStore {
  /** Lays the generation's files, as of now, out in a folder of the same file system; a store opened there has them. @throws not_found */
  snapshot(generation: string, into: string): Promise<void>;
}

/** Points in LanceDB tables below one directory, one table a generation; this process alone may have it open. */
export async function openLanceVectors(options: LanceOptions): Promise<LanceVectorStore> {
  const session = new Session(
    BigInt(options.indexCacheBytes ?? 128 << 20),
    BigInt(options.metadataCacheBytes ?? 32 << 20),
  );
  const connection = await connect({ uri: options.directory, session });
  return new LanceVectors(connection, options);
}

class LanceVectors implements LanceVectorStore {
  private readonly live = new Map<string, Promise<Live>>();

  constructor(
    private readonly connection: Connection,
    private readonly options: LanceOptions,
  ) {}

  async create(spec: StoreSpec): Promise<void> {
    checkSpec(spec);
    const { generation } = spec;
    const live = await this.attempt(generation, async () => {
      if (this.live.has(generation) || (await isCreated(this.options.directory, generation)))
        return this.use(generation);
      return this.keep(generation, () =>
        createTable(this.connection, this.options.directory, generation, { ...spec.vectors }),
      );
    });
    sameDims(generation, live.open.dims, spec.vectors);
  }

  async write(generation: string, points: readonly Point[]): Promise<void> {
    if (points.length === 0) return;
    const live = await this.use(generation);
    for (const point of points) checkVectors(point, live.open.dims);
    await live.writer.write(points);
  }

  async prune(generation: string, documentId: string, below: string, keepRevision?: string): Promise<void> {
    const live = await this.use(generation);
    await live.writer.prune({ documentId, below, keepRevision });
  }

  async search(
    generation: string,
    arms: readonly Arm[],
    filter: SearchFilter,
    k: number,
    signal?: AbortSignal,
  ): Promise<Hit[][]> {
    throwIfAborted(signal);
    const { open } = await this.use(generation);
    const where = compileSearchFilter(filter);
    return this.attempt(generation, () => searchArms(open, arms, where, k, signal));
  }

  async inputs(generation: string, documentId: string, version: string): Promise<string[]> {
    return (await this.document(generation, documentId, version)).map((point) => point.inputSha256);
  }

  async document(generation: string, documentId: string, version: string): Promise<Point[]> {
    const { open } = await this.use(generation);
    return this.attempt(generation, async () => {
      const points: Point[] = [];
      const rows = open.table
        .query()
        .where(`${COLUMN.documentId} = ${quote(documentId)} AND ${COLUMN.version} = ${quote(version)}`)
        .select(pointColumns([]));
      for await (const batch of rows) points.push(...decodePoints(batch, []));
      return points.sort((a, b) => a.ordinal - b.ordinal);
    });
  }

  async *scroll(
    generation: string,
    options: { documentIds?: readonly string[]; signal?: AbortSignal } = {},
  ): AsyncIterable<Point> {
    const { documentIds } = options;
    if (documentIds?.length === 0) return;
    const { open, maintenance } = await this.use(generation);
    const version = await this.attempt(generation, () => open.table.version());
    const release = maintenance.holdVersions();
    let snapshot;
    try {
      // A version of its own: it neither sees later writes nor loses what they replace.
      snapshot = await this.connection.openTable(generation, [], { version });
      const query = snapshot.query().select(pointColumns(open.vectorNames));
      if (documentIds) query.where(`${COLUMN.documentId} IN (${documentIds.map(quote).join(',')})`);
      for await (const batch of inPages(query, SCROLL_ROWS)) {
        throwIfAborted(options.signal);
        yield* decodePoints(batch, open.vectorNames);
        throwIfAborted(options.signal);
      }
    } catch (error) {
      throw lanceError(error, generation);
    } finally {
      snapshot?.close();
      release();
    }
  }

  async snapshot(generation: string, into: string): Promise<void> {
    const { writer, maintenance } = await this.use(generation);
    const release = maintenance.holdVersions();
    try {
      await writer.exclusively(() => linkTable(this.options.directory, generation, into));
    } finally {
      release();
    }
  }

  async count(generation: string): Promise<number> {
    const { open } = await this.use(generation);
    return this.attempt(generation, () => open.table.countRows());
  }

  async drop(generation: string): Promise<void> {
    await this.attempt(generation, async () => {
      const live = await this.live.get(generation)?.catch(() => undefined);
      if (live) await this.stop(live);
      this.live.delete(generation);
      // The record goes first: without it the table does not count as created, whatever is left of it.
      const { directory } = this.options;
      await rm(recordFile(directory, generation), { force: true });
      await fsync(directory);
      await rm(join(directory, `${generation}.lance`), { recursive: true, force: true });
      await fsync(directory);
    });
  }

  /**
   * Merges small files, brings all indexes up to date, builds the vector index once there are enough points, and removes
   * what nothing points at. The same goes on in the background after writes and deletions.
   *
   * Bytes of deleted and replaced points (law 6) leave the disk with the first run that begins RETENTION_MS or more after
   * another one that began after the deletion, while no scroll is under way. In the background that takes at most about
   * 12 minutes of quiet (2 s for small tables, then the retention). A table of more than a million points has full files
   * that keep such bytes until a tenth of the file is deleted.
   */
  async optimize(generation: string, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const { maintenance } = await this.use(generation);
    await maintenance.run('full', signal);
  }

  async close(): Promise<void> {
    const all = [...this.live.values()];
    this.live.clear();
    for (const pending of all) {
      const live = await pending.catch(() => undefined);
      if (live) await this.stop(live);
    }
    this.connection.close();
  }

  private async stop(live: Live): Promise<void> {
    await live.maintenance.close();
    await live.writer.close();
    live.open.table.close();
  }

  private use(generation: string): Promise<Live> {
    return (
      this.live.get(generation) ??
      this.keep(generation, () => openTable(this.connection, this.options.directory, generation))
    );
  }

  /** Opens once for all callers; a failure is not kept. */
  private keep(generation: string, make: () => Promise<OpenTable>): Promise<Live> {
    const known = this.live.get(generation);
    if (known) return known;
    const pending = make().then(
      (open) => this.start(open),
      (error: unknown) => {
        this.live.delete(generation);
        throw lanceError(error, generation);
      },
    );
    this.live.set(generation, pending);
    return pending;
  }

  private start(open: OpenTable): Live {
    const writer: TableWriter = new TableWriter(open, (round) => maintenance.noteRound(round));
    const maintenance: Maintenance = new Maintenance(open, writer, {
      ...(this.options.retentionMs === undefined ? {} : { retentionMs: this.options.retentionMs }),
      onError: (error) => this.options.onMaintenanceError?.(open.generation, error),
    });
    maintenance.noteOpened();
    return { open, writer, maintenance };
  }

  private async attempt<T>(generation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw lanceError(error, generation);
    }
  }
}

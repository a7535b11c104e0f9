import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FootnoteError, throwIfAborted } from '../../core/errors.js';
import { type Position, eventVersion } from '../../core/event.js';
import { readFormat } from '../../core/format.js';
import { streamOf } from '../../core/generation.js';
import { documentId } from '../../core/ids.js';
import { versionKey } from '../../core/version.js';
import { forEachConcurrent } from '../../runtime/concurrency.js';
import { syncFolder } from '../../runtime/durable-folder.js';
import { raiseFences } from '../fences.js';
import type { Storage } from '../storage.js';
import { type GroupStart, backupHold } from './cut.js';
import type { BackupManifest } from './repository.js';
import { BackupRepository } from './repository.js';

/** In a data directory that was just put there: what is to be done before anything is appended or applied. */
const MARKER = 'restored.json';
const FORMAT = 1;
const COPIES_AT_ONCE = 4;
const GROUP = 'restore';
const READ_BYTES = 64 << 20;

export interface RestoreOptions {
  readonly from: string;
  /** Its name; default the newest. */
  readonly backup?: string;
  /** Must not exist, or be empty. */
  readonly data: string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Puts a backup's files into a new data directory, each checked by its hash. It has its name only once all are there; the
 * first to open it finishes the restoration (`finishRestoring`). @throws not_found, conflict, data_corrupt, data_newer, disk_full
 */
export async function restoreFiles(options: RestoreOptions): Promise<{ name: string; files: number; bytes: number }> {
  const { data, signal } = options;
  const repository = await BackupRepository.open(options.from);
  const name = options.backup ?? (await repository.list()).at(-1);
  if (name === undefined) throw new FootnoteError('not_found', `There is no complete backup in ${options.from}.`);
  const { manifest, files } = await repository.read(name);
  const there = await readdir(data).catch(() => []);
  if (there.length > 0) {
    throw new FootnoteError('conflict', `${data} is not empty: restore into a new folder, then point \`data\` at it.`);
  }
  const partial = `${data}.restoring`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  let done = 0;
  await forEachConcurrent(files, COPIES_AT_ONCE, async (file) => {
    throwIfAborted(signal);
    await repository.restore(file, join(partial, file.path));
    done += 1;
    options.onProgress(done, files.length);
  });
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) await syncFolder(join(partial, folder));
  await writeFile(join(partial, MARKER), JSON.stringify({ format: FORMAT, groups: manifest.groups }), {
    mode: 0o600,
    flush: true,
  });
  await syncFolder(partial);
  await rm(data, { recursive: true, force: true });
  await rename(partial, data);
  await syncFolder(dirname(data));
  return { name, files: files.length, bytes: manifest.bytes };
}

/**
 * Before the first append: every group begins again where it stood before the catalog was copied, heads are as new as the
 * log, and each source's counter is above every fence in rows and log (design section 4). Repeatable; the marker goes last.
 * @throws data_newer
 */
export async function finishRestoring(storage: Storage): Promise<void> {
  const marker = join(storage.directory, MARKER);
  const text = await readFile(marker, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  // The first ones were written before they carried their number.
  const { format = 1, groups } = JSON.parse(text) as Pick<BackupManifest, 'groups'> & { format?: unknown };
  readFormat(format, { what: `What ${marker} says`, newest: FORMAT, orElse: 'or restore with this version' });
  for (const each of groups) await beginAgain(storage, { ...each, positions: each.positions.map(positionOf) });
  for (const { tenant, name } of await storage.catalog.collections.list()) await catchUp(storage, tenant, name);
  await rm(marker);
  await syncFolder(storage.directory);
}

function positionOf({ offset, ...of }: { epoch: number; partition: number; offset: string }): Position {
  return { ...of, offset: BigInt(offset) };
}

async function beginAgain({ log }: Storage, { stream, group, positions }: GroupStart): Promise<void> {
  await log.seek(stream, group, positions);
  await log.release(stream, backupHold(group));
}

/** Raises heads and counters by what the log holds. */
async function catchUp({ log, catalog }: Storage, tenant: string, collection: string): Promise<void> {
  const stream = streamOf(tenant, collection);
  const fences = new Map<string, number>();
  const stop = new AbortController();
  try {
    if ((await log.lag(stream, GROUP)) > 0) {
      const deliveries = log.consume({ stream, group: GROUP, maxInFlightBytes: READ_BYTES, signal: stop.signal });
      for await (const delivery of deliveries) {
        const { event, position } = delivery;
        const version = versionKey(eventVersion(event, position));
        fences.set(event.source, Math.max(fences.get(event.source) ?? 0, event.fence));
        await catalog.heads.raise({
          documentId: documentId(event),
          version,
          deleted: event.op === 'delete',
          event,
          updatedAt: event.observedAt,
        });
        await delivery.ack();
        if ((await log.lag(stream, GROUP)) === 0) break;
      }
    }
  } finally {
    stop.abort();
    await log.dropGroup(stream, GROUP);
  }
  await raiseFences(catalog.sources, { tenant, collection }, fences);
}

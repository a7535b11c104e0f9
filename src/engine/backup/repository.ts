import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { FootnoteError, asFootnoteError } from '../../core/errors.js';
import { readFormat } from '../../core/format.js';
import { syncFolder } from '../../runtime/durable-folder.js';

/** The layout of a folder of backups. */
const FORMAT = 1;
const MARK = 'footnote-backups.json';
const OBJECTS = 'objects';
const MANIFEST = 'manifest.json';
const FILES = 'files.ndjson';
const PARTIAL = '.partial-';
const NAME = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z$/;

/** A file of a data directory: its path there, its size in bytes, and the hash it is stored under. */
export interface BackedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const PositionSchema = z.object({ epoch: z.int(), partition: z.int(), offset: z.string() });

const ManifestSchema = z.object({
  format: z.int(),
  createdAt: z.string(),
  software: z.string(),
  /** What each group had committed before anything was copied: a restored engine applies again from there. */
  groups: z.array(z.object({ stream: z.string(), group: z.string(), positions: z.array(PositionSchema) })),
  files: z.int(),
  bytes: z.int(),
  /** Of `files.ndjson`. */
  filesSha256: z.string(),
});

export type BackupManifest = z.output<typeof ManifestSchema>;

/**
 * A folder that holds backups: a manifest and a list of files each, and the files' contents once, under their SHA-256. A
 * backup is there when its folder has its name: that is the last step.
 */
export class BackupRepository {
  private constructor(readonly directory: string) {}

  /** @throws conflict when there is something else in the folder */
  static async create(directory: string): Promise<BackupRepository> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const entries = await readdir(directory);
    if (!entries.includes(MARK)) {
      if (entries.length > 0) {
        throw new FootnoteError(
          'conflict',
          `${directory} holds something else: name an empty folder, or one of backups.`,
        );
      }
      await writeFile(join(directory, MARK), `${JSON.stringify({ format: FORMAT })}\n`, { mode: 0o600, flush: true });
    }
    const repository = await BackupRepository.open(directory);
    for (const entry of await readdir(directory)) {
      if (entry.startsWith(PARTIAL)) await rm(join(directory, entry), { recursive: true, force: true });
    }
    return repository;
  }

  /** @throws not_found, data_newer, data_corrupt */
  static async open(directory: string): Promise<BackupRepository> {
    const text = await readFile(join(directory, MARK), 'utf8').catch(() => undefined);
    if (text === undefined)
      throw new FootnoteError('not_found', `${directory} is no folder of backups: ${MARK} is missing.`);
    requireFormat(text, `The folder of backups ${directory}`);
    return new BackupRepository(directory);
  }

  /** Names of complete backups, oldest first. */
  async list(): Promise<string[]> {
    return (await readdir(this.directory)).filter((name) => NAME.test(name)).sort();
  }

  /** @throws not_found, data_newer, data_corrupt */
  async read(name: string): Promise<{ manifest: BackupManifest; files: BackedFile[] }> {
    const folder = join(this.directory, name);
    const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined);
    if (!NAME.test(name) || text === undefined) {
      throw new FootnoteError('not_found', `There is no backup ${name} in ${this.directory}.`);
    }
    const manifest = ManifestSchema.parse(requireFormat(text, `The backup ${folder}`));
    const list = await readFile(join(folder, FILES));
    if (createHash('sha256').update(list).digest('hex') !== manifest.filesSha256) {
      throw new FootnoteError('data_corrupt', `The list of files of backup ${name} is damaged: take another backup.`);
    }
    const lines = list.toString('utf8').split('\n').filter(Boolean);
    return { manifest, files: lines.map((line) => JSON.parse(line) as BackedFile) };
  }

  /** Stores a file's content unless it is there already. */
  async put(source: string): Promise<Omit<BackedFile, 'path'> & { readonly added: boolean }> {
    const temporary = join(this.directory, OBJECTS, `.${randomUUID()}`);
    await mkdir(dirname(temporary), { recursive: true, mode: 0o700 });
    try {
      const { sha256, bytes } = await copyHashed(source, temporary);
      const place = this.#object(sha256);
      if (await isThere(place, bytes)) return { sha256, bytes, added: false };
      await mkdir(dirname(place), { recursive: true, mode: 0o700 });
      await rename(temporary, place);
      await syncFolder(dirname(place));
      return { sha256, bytes, added: true };
    } catch (error) {
      throw asFootnoteError(error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** The backup is complete when this returns. @returns its name */
  async finish(
    files: readonly BackedFile[],
    of: Pick<BackupManifest, 'software' | 'groups'>,
    now: Date,
  ): Promise<string> {
    const name = now.toISOString().replaceAll(/[:.]/g, '-');
    const partial = join(this.directory, `${PARTIAL}${name}`);
    await mkdir(partial, { mode: 0o700 });
    const list = files.map((file) => `${JSON.stringify(file)}\n`).join('');
    const manifest: BackupManifest = {
      format: FORMAT,
      createdAt: now.toISOString(),
      ...of,
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      filesSha256: createHash('sha256').update(list).digest('hex'),
    };
    const options = { mode: 0o600, flush: true };
    await writeFile(join(partial, FILES), list, options);
    await writeFile(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, options);
    await syncFolder(partial);
    await syncFolder(join(this.directory, OBJECTS));
    await rename(partial, join(this.directory, name));
    await syncFolder(this.directory);
    return name;
  }

  /** Removes all but the newest `keep` backups, and the contents that none of those has. */
  async prune(keep: number): Promise<void> {
    const names = await this.list();
    const old = names.slice(0, Math.max(0, names.length - keep));
    if (old.length === 0) return;
    for (const name of old) await rm(join(this.directory, name), { recursive: true });
    await syncFolder(this.directory);
    const wanted = new Set<string>();
    for (const name of await this.list()) for (const { sha256 } of (await this.read(name)).files) wanted.add(sha256);
    for (const shard of await readdir(join(this.directory, OBJECTS))) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue;
      for (const object of await readdir(join(this.directory, OBJECTS, shard))) {
        if (!wanted.has(object)) await rm(join(this.directory, OBJECTS, shard, object));
      }
    }
  }

  /** Writes a file's content to `target`, durably. @throws data_corrupt when it is not what was stored */
  async restore({ path, sha256, bytes }: BackedFile, target: string): Promise<void> {
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const damaged = `${path} of the backup is damaged or missing (${sha256}): restore another backup.`;
    const source = this.#object(sha256);
    if (!(await isThere(source, bytes))) throw new FootnoteError('data_corrupt', damaged);
    const copied = await copyHashed(source, target);
    if (copied.sha256 !== sha256) throw new FootnoteError('data_corrupt', damaged);
  }

  #object(sha256: string): string {
    return join(this.directory, OBJECTS, sha256.slice(0, 2), sha256);
  }
}

/** @returns what the text says. @throws data_newer, data_corrupt */
function requireFormat(text: string, what: string): unknown {
  let said: { format?: unknown } | null;
  try {
    said = JSON.parse(text) as typeof said;
  } catch (cause) {
    throw new FootnoteError('data_corrupt', `${what} is not readable: take another backup.`, { cause });
  }
  readFormat(said?.format, { what, newest: FORMAT, orElse: 'or restore an older backup', mend: 'take another backup' });
  return said;
}

async function copyHashed(source: string, target: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const out = createWriteStream(target, { mode: 0o600, flush: true });
  await pipeline(
    createReadStream(source, { highWaterMark: 1 << 20 }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    out,
  );
  return { sha256: hash.digest('hex'), bytes };
}

async function isThere(path: string, bytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && found.size === bytes;
}

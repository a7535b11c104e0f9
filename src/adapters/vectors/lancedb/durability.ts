import { constants } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FootnoteError } from '../../../core/errors.js';

/**
 * LanceDB never fsyncs. Every commit adds files and renames its manifest into place; here they are made durable
 * afterwards, and the newest version known to be durable is recorded. After a power cut a newer manifest may be there
 * whose data is not: nobody was told that it is durable, so it is taken back when the table is opened.
 */
export class Durability {
  /** Files of the table known to be on disk. Lance never changes a file once written, but for the hint. */
  private readonly synced = new Set<string>();
  private readonly folders = new Set<string>();

  constructor(
    /** The table's folder. */
    readonly table: string,
    private readonly record: string,
  ) {}

  /** Fsyncs what is new or gone since the last call, then records the version. */
  async sync(version: number): Promise<void> {
    const present = await filesBelow(this.table);
    const fresh = [...present.files].filter((file) => !this.synced.has(file) || isHint(file));
    const folders = new Set(fresh.map((file) => dirname(file)));
    // A folder's own entry is in its parent.
    for (const folder of present.folders) if (!this.folders.has(folder)) folders.add(folder).add(dirname(folder));
    // Removals must last, too: what was deleted would come back with the power.
    for (const gone of this.missing(present)) folders.add(nearest(dirname(gone), present.folders, this.table));
    await Promise.all(fresh.map(fsync));
    await Promise.all([...folders].map(fsync));
    for (const gone of this.missing(present)) {
      this.synced.delete(gone);
      this.folders.delete(gone);
    }
    for (const file of fresh) this.synced.add(file);
    for (const folder of present.folders) this.folders.add(folder);
    await this.writeRecord(version);
  }

  /** The files as they are count as durable: after `recover`, or right after they were synced by another. */
  async adopt(): Promise<void> {
    const present = await filesBelow(this.table);
    for (const file of present.files) this.synced.add(file);
    for (const folder of present.folders) this.folders.add(folder);
  }

  /** Files below this folder of the table are synced again. */
  forget(folder: string): void {
    const below = join(this.table, folder);
    for (const file of this.synced) if (file.startsWith(below)) this.synced.delete(file);
    for (const one of this.folders) if (one.startsWith(below)) this.folders.delete(one);
  }

  /** The newest durable version; undefined when the table's creation was not completed. @throws data_corrupt */
  async recorded(): Promise<number | undefined> {
    let handle;
    try {
      handle = await open(this.record, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const version = Number.parseInt(await handle.readFile('utf8'), 10);
      if (Number.isSafeInteger(version) && version > 0) return version;
    } finally {
      await handle.close();
    }
    throw new FootnoteError('data_corrupt', `${this.record} is damaged: restore from a backup or reindex.`);
  }

  /** Takes back versions that were never reported as durable. Returns how many. Before the table is opened. */
  async recover(): Promise<number> {
    const durable = await this.recorded();
    if (durable === undefined) return 0;
    const folder = join(this.table, '_versions');
    const names = await readdir(folder);
    const newer = names.filter((name) => (versionOf(name) ?? 0) > durable);
    if (newer.length === 0) return 0;
    await Promise.all(newer.map((name) => rm(join(folder, name), { force: true })));
    // It may name a version that is gone; Lance lists the folder without it.
    await Promise.all(names.filter(isHint).map((name) => rm(join(folder, name), { force: true })));
    await fsync(folder);
    return newer.length;
  }

  /** Files and folders that were on disk and are no more. */
  private missing(present: Present): string[] {
    return [
      ...[...this.synced].filter((file) => !present.files.has(file)),
      ...[...this.folders].filter((folder) => !present.folders.has(folder)),
    ];
  }

  /** Overwritten in place: it fits one sector, and a rename would cost a second fsync a write. */
  private async writeRecord(version: number): Promise<void> {
    const text = `${version}`.padEnd(RECORD_BYTES - 1) + '\n';
    let handle;
    try {
      handle = await open(this.record, 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.createRecord(text);
      return;
    }
    try {
      await handle.write(text, 0);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  private async createRecord(text: string): Promise<void> {
    const temporary = `${this.record}.tmp`;
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.record);
    await fsync(dirname(this.record));
  }
}

const RECORD_BYTES = 32;

const isHint = (file: string) => file.endsWith('latest_version_hint.json');

/** Manifests are named 2^64 - 1 - version in 20 digits, or by the plain version in older tables. */
function versionOf(name: string): number | undefined {
  const match = /^(\d+)\.manifest$/.exec(name);
  if (!match) return undefined;
  const value = BigInt(match[1]!);
  return Number(match[1]!.length === 20 ? 0xffff_ffff_ffff_ffffn - value : value);
}

interface Present {
  readonly files: Set<string>;
  readonly folders: Set<string>;
}

/** The folder itself, or the first above it that is still there. */
function nearest(folder: string, present: ReadonlySet<string>, root: string): string {
  let at = folder;
  while (at !== root && !present.has(at)) at = dirname(at);
  return at;
}

async function filesBelow(root: string): Promise<Present> {
  const files = new Set<string>();
  const folders = new Set<string>([root]);
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    await Promise.all(
      entries.map(async (entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
          folders.add(path);
          await visit(path);
        } else files.add(path);
      }),
    );
  };
  await visit(root);
  return { files, folders };
}

/** Of a file or folder. One that was removed meanwhile needs none. */
export async function fsync(path: string): Promise<void> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

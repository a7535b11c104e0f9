import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { asFootnoteError, FootnoteError } from '../core/errors.js';
import { FORMAT_FILE, keepFormatFile, writeDurably } from './format-file.js';

/** Format of the data directory as a whole; each store in it has its own format besides. */
const FORMAT = 1;
const LOCK = 'lock';

/** An owner on another host can't be looked up: it counts as gone when it has not touched its lock for so long. */
const SILENT_MS = 60_000;
const TOUCH_MS = 15_000;

export interface DataDirectory {
  readonly path: string;
  /** Idempotent. Gives the directory free. */
  release(): Promise<void>;
}

interface Owner {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** Tells this process from a later one with the same pid: boot id and start time in ticks; absent where unknown. */
  readonly started?: string;
  readonly at: string;
}

/**
 * Makes this process the only owner of the data directory. The directory is made if absent.
 * @throws data_in_use while another live process owns it; data_newer, data_corrupt, read_only, disk_full
 */
export async function lockDataDirectory(path: string): Promise<DataDirectory> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const release = await acquire(path);
    try {
      await keepFormatFile(join(path, FORMAT_FILE), {
        what: `The data directory ${path}`,
        newest: FORMAT,
        orElse: 'or use another directory (--data)',
      });
    } catch (error) {
      await release();
      throw error;
    }
    return { path, release };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENOENT: what Node's recursive mkdir says on a read-only file system.
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT') {
      throw new FootnoteError('read_only', `${path} cannot be made or written: check its permissions and mount.`, {
        cause: error,
        permanence: 'transient',
      });
    }
    throw asFootnoteError(error);
  }
}

/**
 * The lock is a chain of files: `lock`, and for a dead owner with token T its heir `lock.T`, and so on. Each link is made
 * by an atomic "create if absent", so a dead owner has exactly one heir however many try; whoever made the end of the
 * chain owns the directory. Removing a stale file first, the obvious way, can remove the lock of whoever was quicker.
 */
async function acquire(path: string): Promise<() => Promise<void>> {
  const self: Owner = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    ...(await startOf(process.pid).then((found) => (found ? { started: found.started } : {}))),
    at: new Date().toISOString(),
  };
  const own = join(path, `${LOCK}.new.${self.token}`);
  await writeDurably(own, `${JSON.stringify(self)}\n`);
  try {
    for (;;) {
      const end = await walk(path);
      if (end.owner) throw inUse(path, end.owner);
      if (!(await linkIfAbsent(own, end.file))) continue;
      // The chain may have been shortened under us: then what we made hangs on nothing.
      const now = await walk(path);
      if (now.owner?.token !== self.token) {
        await rm(end.file, { force: true });
        continue;
      }
      if (end.file !== join(path, LOCK)) await rename(end.file, join(path, LOCK));
      break;
    }
  } finally {
    await rm(own, { force: true });
  }
  await removeDead(path);
  const lock = join(path, LOCK);
  const touch = setInterval(() => {
    const now = new Date();
    // A failed touch matters only to other hosts, and the next one tries again.
    void utimes(lock, now, now).catch(() => undefined);
  }, TOUCH_MS).unref();
  return async () => {
    clearInterval(touch);
    if ((await readOwner(lock))?.token === self.token) await rm(lock, { force: true });
  };
}

/** The end of the chain: its live owner, or the file that an heir has to make. */
async function walk(path: string): Promise<{ file: string; owner?: Owner }> {
  let file = join(path, LOCK);
  for (;;) {
    const owner = await readOwner(file);
    if (!owner) return { file };
    if (await isAlive(owner, file)) return { file, owner };
    file = join(path, `${LOCK}.${owner.token}`);
  }
}

/** Links that hang on nothing any more, and what contenders left that died while they tried. */
async function removeDead(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (!name.startsWith(`${LOCK}.`)) continue;
    const file = join(path, name);
    const owner = await readOwner(file);
    if (owner && !(await isAlive(owner, file))) await rm(file, { force: true });
  }
}

async function readOwner(file: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const owner = JSON.parse(text) as Owner;
    if (/^[0-9a-f-]{36}$/.test(owner.token) && Number.isSafeInteger(owner.pid) && owner.pid > 0) return owner;
  } catch (cause) {
    throw damaged(file, cause);
  }
  throw damaged(file);
}

function damaged(file: string, cause?: unknown): FootnoteError {
  return new FootnoteError(
    'data_corrupt',
    `${file} is not readable: make sure that no Footnote runs on this directory, then delete that file.`,
    { cause },
  );
}

async function isAlive(owner: Owner, file: string): Promise<boolean> {
  if (owner.host !== hostname()) {
    const touched = await stat(file).then(
      (found) => found.mtimeMs,
      () => 0,
    );
    return Date.now() - touched < SILENT_MS;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    // EPERM: somebody else's process is there.
  }
  const found = await startOf(owner.pid);
  if (!found || owner.started === undefined) return true;
  return !found.ended && found.started === owner.started;
}

/**
 * Boot id and start time of a process, and whether it has ended and only waits to be reaped, where the system tells
 * (Linux: proc(5), stat fields 3 and 22).
 */
async function startOf(pid: number): Promise<{ started: string; ended: boolean } | undefined> {
  try {
    const [boot, line] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The command's name stands in parentheses and may hold anything.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const ticks = fields[19];
    if (ticks === undefined) return undefined;
    return { started: `${boot.trim()} ${ticks}`, ended: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    // No such system, or the process is gone; the signal above decides then.
    return undefined;
  }
}

function inUse(path: string, owner: Owner): FootnoteError {
  const where = owner.host === hostname() ? '' : ` on host ${owner.host}`;
  return new FootnoteError(
    'data_in_use',
    `${path} is in use by process ${owner.pid}${where} since ${owner.at}. Commands talk to the running server by themselves; a second server needs another directory (--data).`,
    { details: { pid: owner.pid, host: owner.host, since: owner.at } },
  );
}

async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

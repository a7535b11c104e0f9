import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Resident bytes of another process: from /proc where there is one, else from `ps`. Undefined when neither knows it, or
 * the process is gone.
 */
export async function residentBytes(pid: number): Promise<number | undefined> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  }
  const listed = await run('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => undefined);
  const kilobytes = Number.parseInt(listed?.stdout ?? '', 10);
  return Number.isFinite(kilobytes) ? kilobytes * 1024 : undefined;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { builtEntry } from '../../src/runtime/entry.js';
import type { Place } from './place.js';

/** One `footnote worker` as users start it. */
export interface Worker {
  readonly pid: number;
  /** What its `/metrics` says now: values by name with labels, as they are written. */
  metrics(): Promise<Map<string, number>>;
  /** Resident bytes of the process and of all that it has started. */
  memory(): { readonly own: number; readonly all: number };
  /** Processor time so far, of the process and of all that it has started and that still runs. */
  cpuSeconds(): number;
  /** Ends it as a supervisor would. */
  stop(): Promise<void>;
}

/** @param flags of Node itself */
export async function startWorker(place: Place, flags: readonly string[] = []): Promise<Worker> {
  const file = join(place.folder, 'footnote.yaml');
  // It holds the servers' passwords.
  await writeFile(file, stringify(place.config), { mode: 0o600 });
  const main = builtEntry(import.meta.url, '../../src/cli/main.js');
  const child = spawn(process.execPath, [...flags, main, 'worker', '--config', file, '--port', '0', '--json'], {
    cwd: place.folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const told = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) return url;
    }
    throw new Error('The worker ended.');
  })();
  const url = await told;
  return {
    pid: child.pid!,
    async metrics() {
      const text = await (await fetch(`${url}/metrics`)).text();
      return new Map([...text.matchAll(/^([a-z][^ ]*) (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]));
    },
    memory() {
      const own = residentBytes(child.pid!);
      return { own, all: below(child.pid!).reduce((sum, pid) => sum + residentBytes(pid), own) };
    },
    cpuSeconds: () => [child.pid!, ...below(child.pid!)].reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Changes by how they ended, of several workers. */
export async function endedChanges(workers: readonly Worker[]): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const metrics of await Promise.all(workers.map((worker) => worker.metrics()))) {
    for (const [name, value] of metrics) {
      const outcome = /^footnote_changes_total\{outcome="(\w+)"/.exec(name)?.[1];
      if (outcome !== undefined) sums[outcome] = (sums[outcome] ?? 0) + value;
    }
  }
  return sums;
}

/** Ticks a second that proc(5) counts in. */
const TICKS = 100;

/** By proc_pid_stat(5): user and system time. */
function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    // It has ended since it was listed.
    return 0;
  }
}

/** Processor time that everything on the machine has taken since it started, by proc_stat(5). */
export function machineSeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1').split(/\s+/).map(Number);
  return (user! + nice! + system! + irq! + softirq!) / TICKS;
}

/** By proc_pid_status(5). */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    // It has ended since it was listed.
    return 0;
  }
}

function below(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    const pids = children === '' ? [] : children.split(' ').map(Number);
    return pids.flatMap((each) => [each, ...below(each)]);
  } catch {
    return [];
  }
}

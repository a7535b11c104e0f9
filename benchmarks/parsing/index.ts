import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../src/engine.js';
import { parseConfig } from '../../src/engine.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import { quantile } from '../../src/services/eval/statistics.js';
import { passwordsOf } from '../passwords.js';
import type { BenchResult } from '../result.js';
import type { Delay, Delays } from '../server.js';
import { startServer } from '../served.js';

export interface ParsingBenchOptions {
  readonly config: ConfigInput;
  /** Folders whose PDF and HTML files are ingested, subfolders included; a `manifest.jsonl` there may name passwords. */
  readonly folders: readonly string[];
}

interface Outcome {
  readonly file: string;
  readonly outcome: 'indexed' | 'skipped' | 'failed' | 'none';
  readonly code?: string;
  /** From sending it to its outcome: the wait for a parser and a model is part of it. */
  readonly ms: number;
}

const COLLECTION = 'bench';
const AT_ONCE = 4;
const IDLE_SECONDS = 10;
/** Of the event loop's delay at p99. */
const TARGET_MS = 20;

/**
 * Hostile and ordinary documents through the HTTP API of a server in its own process, with the default model. Meanwhile
 * the server is asked for its health and for searches, and its event loop's delay is measured, before and during it.
 */
export async function run({ config, folders }: ParsingBenchOptions): Promise<BenchResult> {
  const data = await mkdtemp(join(tmpdir(), 'footnote-bench-'));
  const server = await startServer({ ...config, data, http: { port: 0 } });
  const { url } = server;
  try {
    const files = (await Promise.all(folders.map(listed))).flat();
    await api(url, 'PUT', '', {});
    await api(url, 'POST', '/search', { query: 'warm up' });
    const watch = watching(url);
    await server.delays();
    await sleep(IDLE_SECONDS * 1000);
    const idle = await server.delays();
    watch.begin();
    const outcomes: Outcome[] = [];
    await forEachConcurrent(files, AT_ONCE, async (file) => {
      outcomes.push(await put(url, file));
    });
    const busy = await server.delays();
    const watched = await watch.end();
    await server.close();
    return result(outcomes, idle, busy, watched, parseConfig(config).parsing.deadlineMs);
  } finally {
    await server.kill();
    await rm(data, { recursive: true, force: true });
  }
}

function result(
  outcomes: readonly Outcome[],
  idle: Delays,
  busy: Delays,
  watched: Watched,
  deadlineMs: number,
): BenchResult {
  const counts = new Map<string, number>();
  for (const { file, outcome, code } of outcomes) {
    const kind = /\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? 'other';
    const name = `${kind} ${outcome}${code === undefined ? '' : ` ${code}`}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    name: 'parsing',
    figures: {
      files: outcomes.length,
      ...Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b))),
      seconds: busy.seconds,
      fileMsP50: quantile(times, 0.5),
      fileMsMax: times.at(-1) ?? 0,
      deadlineMs,
      ...named('delayMs', busy.node),
      ...named('timerDelayMs', busy.timer),
      ...named('ownDelayMs', busy.own),
      ...named('idleDelayMs', idle.node),
      ...named('idleTimerDelayMs', idle.timer),
      ...named('idleOwnDelayMs', idle.own),
      healthChecks: watched.health.length,
      healthMsP50: quantile(watched.health, 0.5),
      healthMsP99: quantile(watched.health, 0.99),
      searches: watched.search.length,
      searchMsP50: quantile(watched.search, 0.5),
      searchMsP99: quantile(watched.search, 0.99),
      unanswered: watched.unanswered,
    },
    ratios: {
      delayP99ToTarget: { value: busy.node.p99 / TARGET_MS, target: 1 },
      ownDelayP99ToTarget: { value: busy.own.p99 / TARGET_MS, target: 1 },
    },
    notes: [
      `targets: delay p99 <= ${TARGET_MS} ms, every file an outcome, unanswered 0; own: less the waits for a core`,
      ...outcomes
        .filter(({ outcome }) => outcome !== 'indexed')
        .map(({ file, outcome, code, ms }) => `${file}: ${outcome} ${code ?? ''} (${Math.round(ms)} ms)`)
        .sort(),
    ],
  };
}

function named(prefix: string, { p50, p99, max }: Delay): Record<string, number> {
  return { [`${prefix}P50`]: p50, [`${prefix}P99`]: p99, [`${prefix}Max`]: max };
}

interface InputFile {
  readonly path: string;
  readonly key: string;
  readonly password?: string;
}

async function listed(folder: string): Promise<InputFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const passwords = await passwordsOf(folder);
  return entries
    .filter((entry) => entry.isFile() && /\.(?:pdf|html)$/.test(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const password = passwords.get(entry.name);
      return {
        path,
        key: `${basename(folder)}/${path.slice(folder.length + 1)}`,
        ...(password === undefined ? {} : { password }),
      };
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Sends a file and waits until the server says what became of it. */
async function put(url: string, { path, key, password }: InputFile): Promise<Outcome> {
  const began = performance.now();
  const ms = () => performance.now() - began;
  const form = new FormData();
  const fields = { name: basename(path), ...(password === undefined ? {} : { parse: { password } }) };
  form.set('document', JSON.stringify(fields));
  form.set('file', new Blob([await readFile(path)]), basename(path));
  const target = `${url}/v1/collections/${COLLECTION}/sources/files/documents/${encodeURIComponent(key)}?wait=true`;
  const response = await fetch(target, { method: 'PUT', body: form });
  const body = (await response.json()) as Partial<Answered>;
  if (response.status === 200) return { file: key, ...applied(body.chunks ?? 0), ms: ms() };
  if (response.status !== 202) return { file: key, outcome: 'failed', code: body.code ?? 'none', ms: ms() };
  for (;;) {
    const document = await api<DocumentState>(url, 'GET', `/documents/${body.documentId!}`);
    if (document.state === 'live') return { file: key, ...applied(document.chunks ?? 0), ms: ms() };
    if (document.state === 'failed')
      return { file: key, outcome: 'failed', code: document.error?.code ?? 'none', ms: ms() };
    await sleep(200);
  }
}

interface Answered {
  readonly documentId: string;
  readonly chunks: number;
  readonly code: string;
}

interface DocumentState {
  readonly state: string;
  readonly chunks?: number;
  readonly error?: { readonly code: string };
}

function applied(chunks: number): Pick<Outcome, 'outcome' | 'code'> {
  return chunks > 0 ? { outcome: 'indexed' } : { outcome: 'skipped', code: 'no_text' };
}

async function api<T>(url: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}/v1/collections/${COLLECTION}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

interface Watched {
  /** Milliseconds, ascending. */
  readonly health: readonly number[];
  readonly search: readonly number[];
  /** Answers other than 200, or none. */
  readonly unanswered: number;
}

/** Asks for health and searches until it ends; what came before `begin` does not count. */
function watching(url: string): { begin(): void; end(): Promise<Watched> } {
  let on = true;
  let health: number[] = [];
  let search: number[] = [];
  let unanswered = 0;
  const every = async (pauseMs: number, times: () => number[], ask: () => Promise<Response>): Promise<void> => {
    while (on) {
      const began = performance.now();
      try {
        const response = await ask();
        await response.arrayBuffer();
        if (!response.ok) unanswered += 1;
      } catch {
        unanswered += 1;
      }
      times().push(performance.now() - began);
      await sleep(pauseMs);
    }
  };
  const query = JSON.stringify({ query: 'the history of copyright law', limit: 5 });
  const loops = Promise.all([
    every(
      50,
      () => health,
      () => fetch(`${url}/healthz`),
    ),
    every(
      250,
      () => search,
      () =>
        fetch(`${url}/v1/collections/${COLLECTION}/search`, {
          method: 'POST',
          body: query,
          headers: { 'content-type': 'application/json' },
        }),
    ),
  ]);
  return {
    begin: () => {
      health = [];
      search = [];
      unanswered = 0;
    },
    end: async () => {
      on = false;
      await loops;
      const ascending = (times: readonly number[]) => times.toSorted((a, b) => a - b);
      return { health: ascending(health), search: ascending(search), unanswered };
    },
  };
}

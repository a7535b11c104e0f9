import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../core/config.js';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { EngineOptions } from '../engine.js';
import type { Caller } from '../core/policy.js';
import type { Host } from './host.js';
import type { ServerAddress } from './http.js';
import { send } from './http.js';
import { size } from './output.js';
import type { Progress } from './progress.js';
import { createProgress } from './progress.js';
import type { CommandSurface } from './remote.js';
import { remoteSurface } from './remote.js';

type PullProgress = Parameters<NonNullable<EngineOptions['onModelProgress']>>[0];

/** Where a command's work is done. */
export interface Target {
  readonly surface: CommandSurface;
  readonly caller: Caller;
  /** The server that does it; undefined: an engine in this process. */
  readonly server: string | undefined;
  close(): Promise<void>;
}

const ServerFileSchema = z.object({ address: z.url(), token: z.string().min(1), pid: z.int() });
/** A server on this machine answers this question at once; a busy one within this. */
const ANSWER_MS = 5000;

/** The running server that owns the data directory, or else an engine of our own. */
export async function openTarget(host: Host, config: Config): Promise<Target> {
  const server = await runningServer(config.data, host.signal);
  if (server) {
    const caller = { tenant: 'default', principals: ['local'] };
    return { surface: remoteSurface(server), caller, server: server.address, close: async () => undefined };
  }
  const engine = await openLocal(host, config);
  return { surface: engine.surface, caller: engine.caller, server: undefined, close: () => engine.close() };
}

/** Opens the engine with progress of a model's download. It is loaded only now: commands to a server stay quick. */
export async function openLocal(host: Host, config: Config, role: NonNullable<EngineOptions['role']> = 'command') {
  const { openEngine } = await import('../engine.js');
  const progress = new ModelProgress(host);
  const onLost = (): void => {
    host.stderr.write('Another process has taken over the servers of this configuration: this one ends.\n');
    process.exit(1);
  };
  const engine = await openEngine(config, { role, onModelProgress: progress.show, onLost, tokenizerPaths: true });
  return { ...engine, close: () => engine.close().finally(() => progress.stop()) };
}

/** Tells of files of models as they are fetched, which happens at a model's first use. */
export class ModelProgress {
  #shown: { readonly file: string; readonly progress: Progress } | undefined;

  constructor(private readonly host: Host) {}

  readonly show = ({ model, file, source, received, total }: PullProgress): void => {
    const name = `${model} ${file} ${source}`;
    if (this.#shown?.file !== name) {
      this.stop();
      this.host.stderr.write(`Fetching ${file} of ${model} (${size(total)}) from ${source}\n`);
      this.#shown = { file: name, progress: createProgress(this.host, file, 'bytes') };
    }
    this.#shown.progress.update(received, total);
    if (received >= total) this.#shown.progress.stop();
  };

  stop(): void {
    this.#shown?.progress.stop();
    this.#shown = undefined;
  }
}

/** What `server.json` names, if that server is there and ours. */
export async function runningServer(data: string, signal: AbortSignal): Promise<ServerAddress | undefined> {
  const path = join(data, 'server.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new FootnoteError('unavailable', `${path} cannot be read: another user's server may own this directory.`, {
      cause: error,
    });
  }
  const found = ServerFileSchema.safeParse(json(text));
  if (!found.success) {
    throw new FootnoteError('data_corrupt', `${path} cannot be understood. If no server runs, remove it.`);
  }
  if (!alive(found.data.pid)) return undefined;
  try {
    const answer = await send(found.data, { method: 'GET', path: '/healthz', timeoutMs: ANSWER_MS }, signal);
    answer.destroy();
    return found.data;
  } catch (thrown) {
    const error = asFootnoteError(thrown);
    // Left by a server that died: nobody is there, or somebody else who does not know its token.
    if (error.code === 'unavailable' || error.code === 'unauthorized') return undefined;
    throw error;
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told by the schema.
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MemberOptions } from '../cluster-member.js';

/** The built program, also when this file runs from its source. */
const PROGRAM = fileURLToPath(
  new URL('../../../dist/test/faults/cluster-member.js', import.meta.url.replace('/dist/test/', '/test/')),
);
/** Longest time that an orderly end may take. */
const END_MS = 60_000;

/** A worker or a connector as a process of its own. */
export class ClusterMember {
  /** How it ended: the signal that killed it, or undefined when it ended well; rejects when it failed by itself. */
  readonly ended: Promise<NodeJS.Signals | undefined>;
  /** It works; or it has ended. */
  readonly ready: Promise<unknown>;
  readonly #child: ChildProcess;
  #killedHere = false;

  constructor(readonly options: MemberOptions) {
    this.#child = fork(PROGRAM, [JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let stderr = '';
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.ended = this.#end(() => stderr);
    this.ended.catch(() => undefined);
    this.ready = Promise.race([once(this.#child, 'message'), this.ended]);
    this.ready.catch(() => undefined);
  }

  async #end(stderr: () => string): Promise<NodeJS.Signals | undefined> {
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code === 0) return undefined;
    if (signal === 'SIGKILL' && (this.options.kill || this.#killedHere)) return signal;
    throw new Error(`A ${this.options.role} ended with ${signal ?? code}: ${stderr()}`);
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.#killedHere = true;
    this.#child.kill(signal);
  }

  /** Asks it to end, and waits for that. */
  async stop(): Promise<void> {
    // Before that nothing in it listens.
    await this.ready.catch(() => undefined);
    this.signal('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGABRT'), END_MS);
    await this.ended;
    clearTimeout(late);
  }
}

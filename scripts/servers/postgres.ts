import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort, type RunningServer, type ServerKind, startProcess, untilReady } from './server.js';

const run = promisify(execFile);

/** Where Debian's packages put each version's programs. */
const PROGRAMS = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root: then as the user that the package made. */
const USER = 'postgres';
const NAME = 'footnote';

/** Small, and durable as in earnest. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // The data's folder may be nested deeper than a socket's path may be long.
  unix_socket_directories: '',
  shared_buffers: '64MB',
  max_connections: '100',
  max_wal_size: '256MB',
  fsync: 'on',
  synchronous_commit: 'on',
  log_min_messages: 'warning',
  // What tests provoke on purpose would fill it.
  log_min_error_statement: 'panic',
};

interface Kept {
  /** Of the superuser `postgres`, and of the user `footnote` that owns the database. */
  readonly passwords: { readonly superuser: string; readonly owner: string };
  readonly port: number;
}

export const postgres: ServerKind = {
  name: 'postgres',
  variable: 'POSTGRES_URL',
  async missing() {
    if ((await programs()) === undefined)
      return `there is no PostgreSQL under ${PROGRAMS} (apt-get install postgresql)`;
    if (isRoot() && (await account()) === undefined) return `there is no user "${USER}" to run PostgreSQL as`;
    return undefined;
  },
  start,
};

/** What is in the folder already is kept; so is the port, so that a stopped server comes back at its address. */
async function start(directory: string): Promise<RunningServer> {
  const bin = await programs();
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const as = isRoot() ? await account() : undefined;
  const data = join(directory, 'data');
  const kept = await settings(directory);
  if (!(await exists(join(data, 'PG_VERSION')))) await initialize(bin, data, kept, as);
  const { port, passwords } = kept;
  const server = startProcess({
    command: join(bin, 'postgres'),
    arguments: [
      ...['-D', data, '-p', String(port)],
      ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: data,
    logFile: join(directory, 'postgres.log'),
    // Ends at once and in order, whoever is connected.
    stopSignal: 'SIGINT',
    ...(as ?? {}),
  });
  try {
    await untilReady(server, () => makeDatabase(port, passwords));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    environment: { POSTGRES_URL: `postgres://${NAME}:${passwords.owner}@127.0.0.1:${port}/${NAME}` },
    pid: server.pid,
    stop: () => server.stop(),
  };
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The newest version's folder of programs. */
async function programs(): Promise<string | undefined> {
  const versions = await readdir(PROGRAMS).catch(() => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const bin = join(PROGRAMS, version, 'bin');
    if (await exists(join(bin, 'initdb'))) return bin;
  }
  return undefined;
}

async function account(): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const id = async (flag: string) => Number((await run('id', [flag, USER])).stdout);
    return { uid: await id('-u'), gid: await id('-g') };
  } catch {
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function settings(directory: string): Promise<Kept> {
  const file = join(directory, 'server.json');
  if (await exists(file)) return JSON.parse(await readFile(file, 'utf8')) as Kept;
  const password = () => randomBytes(18).toString('base64url');
  const made: Kept = { passwords: { superuser: password(), owner: password() }, port: await freePort() };
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

async function initialize(
  bin: string,
  data: string,
  kept: Kept,
  as: { uid: number; gid: number } | undefined,
): Promise<void> {
  await mkdir(data, { recursive: true, mode: 0o700 });
  await chmod(data, 0o700);
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, kept.passwords.superuser, { mode: 0o600 });
  if (as) for (const path of [data, passwordFile]) await chown(path, as.uid, as.gid);
  try {
    const options = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
    await run(join(bin, 'initdb'), ['-D', data, ...options, '--locale=C.UTF-8'], { cwd: data, ...(as ?? {}) });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Also the probe: it works once the server answers. */
async function makeDatabase(port: number, passwords: Kept['passwords']): Promise<void> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: passwords.superuser,
    database: 'postgres',
  });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [NAME]);
    if (rowCount) return;
    const role = await client.query('select 1 from pg_roles where rolname = $1', [NAME]);
    if (!role.rowCount) {
      await client.query(`create role ${NAME} login password ${client.escapeLiteral(passwords.owner)}`);
    }
    await client.query(`create database ${NAME} owner ${NAME} ${await locale(client)}`);
  } finally {
    await client.end();
  }
}

/** A language's order of text rather than that of code points where there is one, so that nobody comes to rely on it. */
async function locale(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ version: string; icu: string }>(
    `select current_setting('server_version_num') as version,
            (select count(*) from pg_collation where collname = 'en-US-x-icu') as icu`,
  );
  const { version, icu } = rows[0]!;
  return Number(version) >= 150_000 && Number(icu) > 0
    ? `locale_provider icu icu_locale 'en-US' template template0`
    : '';
}

import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/cli/config.js';
import { createProgram } from '../../src/cli/program.js';
import { isShared } from '../../src/engine.js';
import {
  type ComposeFile,
  type Service,
  interpolate,
  loadOfficially,
  loaderMissing,
  mountsOf,
  readCompose,
  readComposeText,
} from '../support/compose.js';

/** As `.env`, filled in. */
const SECRETS = {
  POSTGRES_PASSWORD: 'made-up-1',
  QDRANT_API_KEY: 'made-up-2',
  S3_ACCESS_KEY_ID: 'made-up-3',
  S3_SECRET_ACCESS_KEY: 'made-up-4',
};
/** One-off jobs: they end, so nothing asks after their health. */
const JOBS = ['s3-volume', 'models', 'migrate'];
const ENGINE = ['models', 'migrate', 'api', 'worker', 'connect'];
/** What the engine reads, besides what the configuration names: docs/reference/configuration.md, and pip's and git's own. */
const KNOWN = new Set(['FOOTNOTE_DATA', 'FOOTNOTE_CACHE', 'FOOTNOTE_OFFLINE', 'HF_ENDPOINT']);

let file: ComposeFile;
let services: [string, Service][];

beforeAll(async () => {
  file = await readCompose(SECRETS);
  services = Object.entries(file.services);
});

const missing = await loaderMissing();
if (missing !== undefined && process.env['CI']) throw new Error(`docker-compose.yml is not validated: ${missing}`);

describe.skipIf(missing !== undefined)(`docker compose's own loader${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const text = async (name?: string) => interpolate(await readComposeText(name), SECRETS);

  it('takes the file, alone and with a GPU', async () => {
    expect(Object.keys((await loadOfficially(await text())).services).sort()).toEqual(
      Object.keys(file.services).sort(),
    );
    const both = await loadOfficially(await text(), await text('docker-compose.cuda.yml'));
    expect(both.services['worker']).toHaveProperty('deploy.resources.reservations.devices.0.driver', 'nvidia');
  }, 600_000);

  it('would refuse a field that is none', async () => {
    await expect(loadOfficially('services: { one: { image: one, mem_limits: 1g } }')).rejects.toThrow('mem_limits');
  }, 600_000);

  it('reads it as these tests do', async () => {
    const theirs = await loadOfficially(await text());
    for (const [name, service] of services) {
      const { command, environment, healthcheck, mem_limit: memory } = theirs.services[name]!;
      expect({ name, command: command ?? undefined, environment, test: healthcheck?.test, memory }).toEqual({
        name,
        command: service.command,
        environment: service.environment,
        test: service.healthcheck?.test,
        memory: service.mem_limit,
      });
    }
  }, 600_000);
});

describe('docker-compose.yml', () => {
  it('has a health check for each service that stays, and only jobs that end', () => {
    for (const [name, { healthcheck, restart }] of services) {
      expect([name, healthcheck !== undefined]).toEqual([name, !JOBS.includes(name)]);
      expect([name, restart]).toEqual([name, JOBS.includes(name) ? 'no' : 'unless-stopped']);
    }
  });

  it('bounds the memory of each, takes rights away and pins images', () => {
    for (const [name, service] of services) {
      expect([name, service.mem_limit]).toEqual([name, expect.stringMatching(/^\d+[mg]$/)]);
      expect([name, service.cap_drop, service.security_opt]).toEqual([name, ['ALL'], ['no-new-privileges:true']]);
      expect([name, service.image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+(\.\d+)?(-|$)/)]);
      // Kafka's image writes its configuration into itself.
      expect([name, service.read_only ?? false]).toEqual([name, name !== 'kafka']);
      if (!JOBS.includes(name)) expect([name, service.stop_grace_period]).toEqual([name, expect.any(String)]);
    }
  });

  it('publishes on loopback only, and no store at all', () => {
    const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published).toEqual([['api', '127.0.0.1:7470:7470']]);
    expect(file.networks['stores']).toEqual({ internal: true });
    for (const name of ['kafka', 'postgres', 'qdrant', 's3']) {
      expect(file.services[name]!.networks).toEqual(['stores']);
    }
  });

  it('names nothing that is not there', () => {
    for (const [name, service] of services) {
      for (const network of service.networks ?? [])
        expect([name, Object.keys(file.networks)]).toContainEqual(expect.arrayContaining([network]));
      for (const { source } of mountsOf(service)) {
        if (!/^[./]/.test(source)) expect(Object.keys(file.volumes)).toContain(source);
      }
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(file.services)).toContain(other);
        expect([other, condition]).toEqual([
          other,
          JOBS.includes(other) ? 'service_completed_successfully' : 'service_healthy',
        ]);
      }
    }
  });

  it('holds no secret, and does not start without them', async () => {
    const text = await readComposeText();
    // Whatever is called one is asked for.
    for (const [, name, value] of text.matchAll(/^ +(\w*(?:PASSWORD|SECRET|KEY)\w*): (.+)$/gm)) {
      expect([name, value]).toEqual([name, expect.stringMatching(/^\$\{[A-Z0-9_]+:\?set [A-Z0-9_]+ in \.env\}$/)]);
    }
    for (const name of Object.keys(SECRETS)) {
      expect(() => interpolate(text, { ...SECRETS, [name]: '' })).toThrow(`set ${name} in .env`);
    }
  });

  it('asks for nothing that .env.example does not explain, which gives no value', async () => {
    const text = `${await readComposeText()}${await readComposeText('docker-compose.cuda.yml')}`;
    const asked = new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name]) => name));
    const lines = (await readFile('.env.example', 'utf8')).split('\n').filter((line) => /^[^#]/.test(line));
    expect(lines.map((line) => line.replace(/=$/, '')).sort()).toEqual([...asked].sort());
  });

  it('keeps secrets out of images and commits', async () => {
    const ignored = (await readFile('.dockerignore', 'utf8')).split('\n');
    expect(ignored.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*');
    expect(ignored).toEqual(expect.arrayContaining(['**/.env', '**/.env.*']));
    const kept = (await readFile('.gitignore', 'utf8')).split('\n');
    expect(kept).toEqual(expect.arrayContaining(['.env', 'deploy/connectors.env']));
  });

  it('starts the engine with commands, variables and a configuration that it takes', async () => {
    const config = await readFile('deploy/footnote.yaml', 'utf8');
    const named = new Set([...config.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name]) => name));
    for (const name of ENGINE) {
      const service = file.services[name]!;
      const environment = service.environment!;
      for (const variable of Object.keys(environment)) {
        expect([name, variable, KNOWN.has(variable) || named.has(variable)]).toEqual([name, variable, true]);
      }
      const mounts = mountsOf(service);
      const source = (target: string) => mounts.find((mount) => mount.target === target)?.source;
      const where = '/etc/footnote/footnote.yaml';
      expect(service.command).toEqual(expect.arrayContaining(['--config', where]));
      expect(source('/etc/footnote/connectors')).toBe('./deploy/connectors');
      const host = { env: environment, cwd: '/' };
      const { config: loaded, sourceFiles } = await loadConfig(host, { config: resolve(source(where)!) });
      expect(isShared(loaded)).toBe(true);
      expect(loaded.stores.catalog).toMatchObject({ url: 'postgres://footnote:made-up-1@postgres:5432/footnote' });
      expect(loaded.stores.blobs).toMatchObject({ accessKeyId: 'made-up-3', secretAccessKey: 'made-up-4' });
      expect(loaded.embedding.offline).toBe(name !== 'models');
      expect(loaded.data).toBe('/var/lib/footnote');
      expect(sourceFiles.length).toBe((await readdir('deploy/connectors')).length);
      takes(service.command!);
    }
  });

  it('listens where its health is asked for', () => {
    for (const [name, port] of [
      ['api', 7470],
      ['worker', 7471],
      ['connect', 7472],
    ] as const) {
      const { healthcheck, command } = file.services[name]!;
      expect(healthcheck!.test.at(-1)).toContain(`http://127.0.0.1:${port}/readyz`);
      if (name !== 'api') expect(command).toEqual(expect.arrayContaining(['--port', String(port)]));
    }
  });

  it('has mounts that are there', async () => {
    for (const { source } of services.flatMap(([, service]) => mountsOf(service))) {
      if (source.startsWith('./')) expect(await readdir(join(source, '..'))).toContain(source.split('/').at(-1));
    }
  });
});

/** Every word of a command is one that the command line knows. */
function takes(command: readonly string[]): void {
  const sink = { write: () => true } as unknown as NodeJS.WriteStream;
  let at = createProgram({ env: {}, cwd: '/', stdout: sink, stderr: sink, signal: new AbortController().signal });
  const words = [...command];
  while (words.length > 0 && !words[0]!.startsWith('-')) {
    const next = at.commands.find((each) => each.name() === words[0]);
    expect([command, next?.name()]).toEqual([command, words[0]]);
    at = next!;
    words.shift();
  }
  for (const word of words.filter((each) => each.startsWith('--'))) {
    expect([command, word, at.options.some(({ long }) => long === word)]).toEqual([command, word, true]);
  }
}

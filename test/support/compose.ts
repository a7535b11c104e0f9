import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { goMissing, goProgram } from '../../scripts/servers/go.js';
import { temporaryFolder } from './fixtures.js';

const run = promisify(execFile);

/** The loader and the schema that docker compose itself is made of. */
const COMPOSE_GO = '2.16.2';

export interface Mount {
  readonly source: string;
  readonly target: string;
}

/** What tests look at of a service, short forms kept as they are written. */
export interface Service {
  readonly image: string;
  readonly build?: { readonly target: string };
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly restart?: string;
  readonly mem_limit?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly env_file?: readonly { readonly path: string; readonly required: boolean }[];
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const VARIABLE = /\$\$|\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}/g;

/** As docker compose fills a file in: `${NAME}`, `${NAME:-otherwise}`, `${NAME:?why it must be there}`, `$$`. */
export function interpolate(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (all, name?: string, kind?: string, rest?: string) => {
    if (all === '$$') return '$';
    const value = environment[name!];
    if (value !== undefined && value !== '') return value;
    if (kind === '?') throw new Error(`${name}: ${rest}`);
    return kind === '-' ? rest! : '';
  });
}

export function readComposeText(name = 'docker-compose.yml'): Promise<string> {
  return readFile(name, 'utf8');
}

export async function readCompose(environment: Readonly<Record<string, string>>): Promise<ComposeFile> {
  return parse(interpolate(await readComposeText(), environment), { merge: true }) as ComposeFile;
}

/** `host or volume:container[:ro]`. */
export function mountsOf({ volumes = [] }: Service): Mount[] {
  return volumes.map((volume) => {
    const [source = '', target = ''] = volume.split(':');
    return { source, target };
  });
}

/** Why the official loader can't be had here, or undefined. */
export const loaderMissing = goMissing;

/**
 * Validates files, merged in this order, by the loader of docker compose. It fills in no variables.
 * @throws what it says
 */
export async function loadOfficially(...texts: readonly string[]): Promise<ComposeFile> {
  const loader = await goProgram({
    name: `compose-go-${COMPOSE_GO}`,
    package: `github.com/compose-spec/compose-go/v2/cmd@v${COMPOSE_GO}`,
  });
  const folder = await temporaryFolder();
  try {
    const names = texts.map((_, n) => `${n}.yml`);
    for (const [n, name] of names.entries()) await writeFile(join(folder.path, name), texts[n]!);
    const options = ['--format', 'json', '--no-path-resolution', '--no-interpolation', ...names];
    return JSON.parse((await run(loader, options, { cwd: folder.path })).stdout) as ComposeFile;
  } finally {
    await folder.remove();
  }
}

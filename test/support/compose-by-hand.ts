import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { ConfigInput } from '../../src/core/config.js';
import { endOf, startCli } from './cli.js';
import { type ComposeFile, type Service, mountsOf, readCompose } from './compose.js';

/** Where what a service of the file is called really is. */
export interface Addresses {
  readonly kafka: string;
  readonly postgres: URL;
  readonly s3: string;
  /** Undefined: vectors are embedded. */
  readonly qdrant: string | undefined;
  readonly ports: Readonly<Record<'api' | 'worker' | 'connect', number>>;
}

/** Names on servers that others use, too. */
export interface OwnNames {
  readonly schema: string;
  readonly bucket: string;
  readonly region: string;
  readonly topics: string;
  readonly collections: string;
}

export interface ByHandOptions {
  readonly addresses: Addresses;
  /** As `.env`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly own: OwnNames;
}

/** What another replica has of its own. */
export interface Replica {
  readonly port?: number;
}

/** Written ports, as the file's commands, configuration and health checks have them. */
const PORTS = { api: '7470', worker: '7471', connect: '7472' } as const;
const KEPT_ENVIRONMENT = ['PATH', 'HOME', 'PIP_INDEX_URL', 'PIP_CONFIG_FILE'];

/** The services of docker-compose.yml as processes of this machine. */
export class ComposeByHand {
  readonly #started: { child: ChildProcess; ended: Promise<unknown> }[] = [];

  private constructor(
    private readonly root: string,
    private readonly file: ComposeFile,
    private readonly options: ByHandOptions,
  ) {}

  /** @param root stands for the root of every container */
  static async open(root: string, options: ByHandOptions): Promise<ComposeByHand> {
    const compose = new ComposeByHand(root, await readCompose(options.environment), options);
    await compose.#mount();
    return compose;
  }

  /** @param command instead of the service's own, as `docker compose run SERVICE …` takes one */
  start(service: string, command?: readonly string[], replica: Replica = {}): ChildProcess {
    const { command: own = [], environment = {} } = this.#service(service);
    const here = (text: string): string => this.#here(text, service, replica);
    const kept = KEPT_ENVIRONMENT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
    const child = startCli((command ?? own).map(here), {
      // The image's working directory.
      cwd: join(this.root, 'etc/footnote'),
      env: {
        ...(Object.fromEntries(kept) as Record<string, string>),
        ...Object.fromEntries(
          Object.entries(environment).map(([name, value]) => [name, value.startsWith('/') ? here(value) : value]),
        ),
      },
    });
    this.#started.push({ child, ended: endOf(child) });
    return child;
  }

  /** Runs the service's health check. @returns its exit code */
  async health(service: string, replica: Replica = {}): Promise<number> {
    const [kind, program, ...args] = this.#service(service).healthcheck!.test;
    if (kind !== 'CMD') throw new Error(`${service}: ${kind} is not run by hand`);
    const here = args.map((each) => this.#here(each, service, replica));
    return new Promise((resolve) => {
      execFile(program === 'node' ? process.execPath : program!, here, { timeout: 10_000 }, (error) =>
        resolve(error === null ? 0 : typeof error.code === 'number' ? error.code : 1),
      );
    });
  }

  /** Ends what still runs. */
  async stop(): Promise<void> {
    for (const { child } of this.#started) if (child.exitCode === null) child.kill('SIGKILL');
    await Promise.all(this.#started.map(({ ended }) => ended));
  }

  #service(name: string): Service {
    const service = this.file.services[name];
    if (!service) throw new Error(`docker-compose.yml has no service ${name}`);
    return service;
  }

  /** The files that the engine's services mount, with the addresses of here. */
  async #mount(): Promise<void> {
    for (const { source, target } of mountsOf(this.#service('connect'))) {
      if (!source.startsWith('./deploy/')) continue;
      const names = source.endsWith('.yaml') ? [''] : await readdir(source);
      for (const name of names) {
        const to = join(this.root, target, name);
        await mkdir(dirname(to), { recursive: true });
        await copyFile(join(source, name), to);
        const text = this.#here(await readFile(to, 'utf8'), 'connect', {});
        await writeFile(to, target.endsWith('footnote.yaml') ? this.#withOwnNames(text) : text);
      }
    }
  }

  #withOwnNames(text: string): string {
    const { own, addresses } = this.options;
    const config = parse(text) as ConfigInput;
    const { log, catalog, vectors, blobs } = config.stores!;
    return stringify({
      ...config,
      stores: {
        log: { ...log, prefix: own.topics },
        catalog: { ...catalog, schema: own.schema },
        ...(addresses.qdrant === undefined ? {} : { vectors: { ...vectors, prefix: own.collections } }),
        blobs: { ...blobs, bucket: own.bucket, region: own.region },
      },
    });
  }

  /** What a container would resolve: host names, its own port, its folders. */
  #here(text: string, service: string, { port }: Replica): string {
    const { addresses } = this.options;
    const { kafka, postgres, s3, qdrant = 'http://127.0.0.1:1', ports } = addresses;
    const data = mountsOf(this.file.services['connect']!).find(({ target }) => target === '/srv/documents')!.source;
    const cache = process.env['FOOTNOTE_CACHE'] ?? join(homedir(), '.cache', 'footnote');
    const pairs: [string, string][] = [
      ['kafka:9092', kafka],
      ['footnote:${POSTGRES_PASSWORD}', `${postgres.username}:\${POSTGRES_PASSWORD}`],
      ['postgres:5432/footnote', `${postgres.host}${postgres.pathname}`],
      ['http://s3:7070', s3],
      ['http://qdrant:6333', qdrant],
      ['/dev/tcp/127.0.0.1/6333', `/dev/tcp/${new URL(qdrant).hostname}/${new URL(qdrant).port}`],
      ['/srv/documents', data],
      ['/etc/footnote', join(this.root, 'etc/footnote')],
      // Replicas share a volume, services do not.
      ['/var/lib/footnote', join(this.root, 'volumes', service)],
      ['/var/cache/footnote', cache],
    ];
    for (const [name, written] of Object.entries(PORTS)) {
      pairs.push([written, String(name === service && port ? port : ports[name as keyof typeof PORTS])]);
    }
    return pairs.reduce((result, [from, to]) => result.replaceAll(from, to), text);
  }
}

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cwd, env } from 'node:process';
import type { Config } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import { sha256 } from '../core/ids.js';
import type { SourceName } from '../core/ports/catalog.js';
import type { SourceView } from '../core/schemas/connectors.js';
import type { SourceAt } from '../core/surface.js';
import { Connect } from '../services/connect.js';
import type { ConnectSharing, KeptSource } from '../services/connect.js';
import type { CollectionsService } from '../services/collections.js';
import type { ListingPorts } from '../services/listing.js';
import { streamOf } from '../core/generation.js';
import type { Consumers } from './consumers.js';
import type { Logger } from './logger.js';
import type { ConfiguredSource } from './sources.js';
import type { Storage } from './storage.js';

export interface ConnectParts {
  readonly config: Config;
  readonly sources: readonly ConfiguredSource[];
  readonly storage: Storage;
  readonly listing: Omit<ListingPorts, 'catalog'>;
  readonly collections: CollectionsService;
  readonly logger: Logger;
  readonly sharing?: ConnectSharing;
}

/** What connectors see of the environment. */
const VARIABLES = /^(PATH|SystemRoot|TMPDIR|TEMP|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR))$/i;

export function createConnect(parts: ConnectParts): Connect {
  const { config, storage, collections, logger } = parts;
  const { catalog, log } = storage;
  return new Connect(
    {
      ...parts.listing,
      catalog,
      maxBytes: config.parsing.maxBytes,
      random: Math.random,
      ...(parts.sharing ? { sharing: parts.sharing } : {}),
      collection: async (tenant, name) =>
        (await catalog.collections.get(tenant, name)) ?? (await collections.put(tenant, name)).collection,
      async backlog(tenant, name) {
        const release = await catalog.releases.current(tenant, name);
        return release ? log.lag(streamOf(tenant, name), release.generation) : 0;
      },
      onFailure({ collection, source }, error) {
        const { code, message } = asFootnoteError(error);
        logger.warn({ collection, source, code, reason: message }, 'source not read');
      },
    },
    parts.sources.map((source) => keptSource(parts, source)),
  );
}

function keptSource({ storage, listing }: ConnectParts, source: ConfiguredSource): KeptSource {
  const { name, connector, options, config } = source;
  const base = config.base ?? cwd();
  const visible = Object.fromEntries(Object.entries(env).filter(([variable]) => VARIABLES.test(variable)));
  const folder = join(storage.directory, FOLDERS, folderOf(name));
  const { everyMs, deletes, paused, brake, policy } = config;
  return {
    name,
    connector: connector.name,
    read: (start) => connector.read(options, { ...start, folder, base, env: visible, clock: listing.clock }),
    ...(config.watch && connector.watch ? { watch: (signal) => connector.watch!(options, { signal, base }) } : {}),
    everyMs,
    deletes,
    paused,
    brake,
    ...(policy === undefined ? {} : { policy }),
  };
}

const FOLDERS = 'connectors';

function folderOf({ tenant, collection, source }: SourceName): string {
  return sha256(JSON.stringify([tenant, collection, source])).slice(0, 32);
}

/** Removes what connectors kept for sources that are no longer configured. */
export async function removeOldFolders(directory: string, sources: readonly ConfiguredSource[]): Promise<void> {
  const kept = new Set(sources.map(({ name }) => folderOf(name)));
  const found = await readdir(join(directory, FOLDERS)).catch(() => []);
  for (const name of found) {
    if (!kept.has(name)) await rm(join(directory, FOLDERS, name), { recursive: true, force: true });
  }
}

/** Runs each source once and waits until the live generations have applied what it brought. */
export async function connectOnce(
  { connect, storage, consumers }: { connect: Connect; storage: Storage; consumers: Consumers },
  only: Partial<SourceAt>,
  signal: AbortSignal,
): Promise<SourceView[]> {
  const views = await connect.once(only, signal);
  const { releases, generations } = storage.catalog;
  for (const { tenant, collection } of views) {
    const release = await releases.current(tenant, collection);
    const generation = release && (await generations.get(release.generation));
    if (generation) await consumers.caughtUp(generation, signal);
  }
  return views.map(({ view }) => view);
}

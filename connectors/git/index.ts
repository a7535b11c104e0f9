import { posix } from 'node:path';
import { throwIfAborted } from '../../src/core/errors.js';
import { sha256 } from '../../src/core/ids.js';
import type { Json } from '../../src/core/json.js';
import { canonicalJson } from '../../src/core/json.js';
import type { Connector, SourceChange } from '../../src/core/ports/connector.js';
import { selection } from '../globs.js';
import { GitConfig, addressOf } from './config.js';
import { permalinks } from './links.js';
import { Mirror } from './mirror.js';
import { Objects } from './objects.js';
import type { GitSettings } from './process.js';
import { compareTrees, listTree } from './trees.js';

const SCOPE = 'tree';
const MAX_KEY = 2048;

/** Where a read got to, and which options it depends on. */
interface GitCursor {
  readonly commit: string;
  readonly rules: string;
}

/**
 * A repository's files at one commit, by path. The newest commit is fetched into a mirror of its own; from the cursor's
 * commit on, only what differs is reported, whatever happened to the history in between.
 */
export const git: Connector<GitConfig> = {
  name: 'git',
  summary: 'A git repository over https or on this machine: its files by path, with permanent links.',
  config: GitConfig,
  example: { url: 'https://github.com/example/handbook.git', include: ['docs/**/*.md'] },
  async *read(config, context) {
    const { signal } = context;
    const address = addressOf(config.url, context.base);
    const mirror = new Mirror(settingsOf(config, address, context));
    const rules = rulesOf(config, address);
    const cursor = cursorOf(context.from);
    const before = cursor?.rules === rules ? cursor.commit : undefined;
    const commit = await mirror.fetch(address.href, config.ref, before);
    if (commit === before) return;
    const from = before !== undefined && (await mirror.has(before)) ? before : undefined;
    const observedAt = await mirror.timeOf(commit);
    const link = permalinks(config, address);
    const select = selection(config.include, config.exclude);
    const objects = new Objects(mirror.git);
    try {
      if (from === undefined) yield { kind: 'scopes', scopes: [SCOPE] };
      const entries = from === undefined ? listTree(mirror.git, commit) : compareTrees(mirror.git, from, commit);
      for await (const { path: raw, oid, bytes } of entries) {
        throwIfAborted(signal);
        const path = utf8(raw);
        if (path === undefined || path.length > MAX_KEY) {
          if (oid !== undefined) yield unnamed(raw);
          continue;
        }
        if (!select.wants(path)) continue;
        if (oid === undefined) {
          yield { kind: 'gone', key: path, scope: SCOPE };
          continue;
        }
        // A file that did not change keeps its link: another commit in it would make another document.
        const known = from === undefined ? await context.known(path) : undefined;
        const since = known?.['oid'] === oid && typeof known['commit'] === 'string' ? known['commit'] : commit;
        yield {
          kind: 'item',
          key: path,
          scope: SCOPE,
          quick: { oid, commit: since },
          ...(bytes === undefined ? {} : { bytes }),
          open: () => objects.open(oid),
          name: posix.basename(path),
          uri: link(path, since),
          observedAt,
        };
      }
      if (from === undefined) yield { kind: 'complete', scope: SCOPE };
      yield { kind: 'checkpoint', cursor: { commit, rules } satisfies GitCursor };
    } finally {
      objects.close();
    }
  },
};

function settingsOf(
  { token, username }: GitConfig,
  address: URL,
  { folder, env, signal }: Pick<GitSettings, 'folder' | 'env' | 'signal'>,
): GitSettings {
  const protocol = address.protocol === 'https:' ? 'https' : 'file';
  if (token === undefined) return { folder, env, protocol, secrets: [], signal };
  const basic = Buffer.from(`${username}:${token}`).toString('base64');
  return { folder, env, protocol, authorization: `Authorization: Basic ${basic}`, secrets: [token, basic], signal };
}

/** Another repository, branch or choice of files is another listing; a token is not. */
function rulesOf({ ref, include, exclude, links, web }: GitConfig, address: URL): string {
  return sha256(canonicalJson([address.href, ref, include, exclude, links, web])).slice(0, 32);
}

function cursorOf(from: Json | undefined): GitCursor | undefined {
  if (typeof from !== 'object' || from === null || Array.isArray(from)) return undefined;
  const { commit, rules } = from as { commit?: unknown; rules?: unknown };
  if (typeof commit !== 'string' || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit)) return undefined;
  return typeof rules === 'string' ? { commit, rules } : undefined;
}

function utf8(raw: Buffer): string | undefined {
  const text = raw.toString('utf8');
  return Buffer.from(text, 'utf8').equals(raw) ? text : undefined;
}

function unnamed(raw: Buffer): SourceChange {
  const message = 'The name is not valid UTF-8 or too long.';
  return {
    kind: 'problem',
    key: raw.toString('utf8').slice(0, MAX_KEY),
    scope: SCOPE,
    code: 'invalid_encoding',
    message,
  };
}

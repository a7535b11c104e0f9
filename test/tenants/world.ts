import type { Engine } from '../../src/engine.js';
import { openEngine } from '../../src/engine.js';
import { engineConfig } from '../support/served-engine.js';

export const COLLECTION = 'shared';
export const SOURCE = 'wiki';
/** Documents that everybody of a tenant may read: the same texts under the same keys for every tenant. */
export const COMMON = ['a.md', 'b.md', 'c.md', 'd.md'];
/** One that only the board may read. */
export const SECRET = 'board.md';
/** One whose text names its tenant. */
export const OWN = 'own.md';

const TEXTS: Readonly<Record<string, string>> = {
  'a.md': '# Harbour\n\nThe lighthouse keeper counts the boats each evening.\n',
  'b.md': '# Tide\n\nThe tide table hangs beside the door of the harbour office.\n',
  'c.md': '# Rope\n\nA bowline holds well and comes loose easily.\n',
  'd.md': '# Fog\n\nIn fog the horn sounds twice a minute.\n',
};

export interface Key {
  readonly secret: string;
  readonly principals: readonly string[];
}

/** One tenant with what belongs to it. */
export interface Tenant {
  readonly name: string;
  readonly staff: Key;
  readonly board: Key;
  readonly chat: Key;
  readonly narrow: Key;
  readonly admin: Key;
  /** Document ids by key. */
  readonly documents: ReadonlyMap<string, string>;
  /** Chunk and citation ids, by document id. */
  readonly ids: ReadonlyMap<string, readonly string[]>;
  readonly revisions: ReadonlyMap<string, string>;
  readonly jobs: readonly string[];
  readonly generation: string;
  readonly letters: readonly string[];
}

/** A word that stands in one tenant's documents only. */
export const canaryOf = (tenant: string): string => `zx${tenant}canary`;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

export interface TenantWorld {
  readonly engine: Engine;
  readonly url: string;
  readonly tenants: readonly Tenant[];
  ask(secret: string, method: string, path: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** An engine with so many tenants who have the same texts, sources and keys. */
export async function openWorld(data: string, count: number): Promise<TenantWorld> {
  const engine = await openEngine(engineConfig(data, { http: { rateLimit: { requests: 1_000_000, seconds: 60 } } }));
  const { url } = await engine.serve();
  const ask: TenantWorld['ask'] = async (secret, method, path, body) => {
    const began = performance.now();
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body === undefined
          ? {}
          : { 'content-type': typeof body === 'string' ? 'text/markdown' : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, text, ms: performance.now() - began };
  };
  const tenants: Tenant[] = [];
  for (let n = 0; n < count; n += 1) tenants.push(await makeTenant(engine, ask, `t${n}`));
  return { engine, url, tenants, ask, close: () => engine.close() };
}

async function makeTenant(engine: Engine, ask: TenantWorld['ask'], name: string): Promise<Tenant> {
  const { signal } = new AbortController();
  const key = async (scopes: ('read' | 'write' | 'admin')[], principals: string[], more: object = {}): Promise<Key> => {
    const request = { tenant: name, scopes, principals, requireAs: false, ...more };
    const { secret } = await engine.surface.keys.create(engine.caller, request, true, signal);
    return { secret, principals };
  };
  const admin = await key(['read', 'write', 'admin'], ['staff', 'board']);
  const want = async (method: string, path: string, body?: unknown): Promise<never> => {
    const answer = await ask(admin.secret, method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return (answer.text === '' ? undefined : JSON.parse(answer.text)) as never;
  };
  const base = `/v1/collections/${COLLECTION}`;
  await want('PUT', base, { defaultPolicy: { principals: ['staff'] } });
  const put = (key: string, text: string, principals: string[]) =>
    want('POST', `${base}/documents:batch?wait=true`, {
      documents: [{ source: SOURCE, key, text, mime: 'text/markdown', policy: { principals } }],
    });
  for (const key of COMMON) await put(key, TEXTS[key]!, ['staff']);
  await put(SECRET, `# Board\n\nThe board of the harbour meets in fog. ${canaryOf(name)}board\n`, ['board']);
  await put(OWN, `# Own\n\nThe harbour of ${canaryOf(name)} is ours.\n`, ['staff']);
  const documents = new Map<string, string>();
  const ids = new Map<string, string[]>();
  const revisions = new Map<string, string>();
  const listed: { documents: { documentId: string; key: string; revision?: string }[] } = await want(
    'GET',
    `${base}/documents?limit=100`,
  );
  for (const { documentId, key, revision } of listed.documents) {
    documents.set(key, documentId);
    if (revision !== undefined) revisions.set(documentId, revision);
  }
  const found: { hits: { documentId: string; chunkId: string; citation: { id: string } }[] } = await want(
    'POST',
    `${base}/search`,
    { query: 'harbour lighthouse bowline fog board', limit: 50 },
  );
  for (const { documentId, chunkId, citation } of found.hits) ids.set(documentId, [chunkId, citation.id]);
  const { jobs }: { jobs: { id: string }[] } = await want('GET', '/v1/jobs?limit=100');
  const { generation }: { generation: string } = await want('GET', `${base}/release`);
  return {
    name,
    admin,
    staff: await key(['read', 'write'], ['staff']),
    board: await key(['read'], ['board', 'staff']),
    chat: await key(['read'], ['staff', 'board'], { requireAs: true }),
    narrow: await key(['read', 'write', 'admin'], ['staff'], { collections: ['another'] }),
    documents,
    ids,
    revisions,
    jobs: jobs.map(({ id }) => id),
    generation,
    letters: [],
  };
}

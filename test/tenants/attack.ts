import { Random } from '../../src/runtime/random.js';
import type { Key, Tenant, TenantWorld } from './world.js';
import { COLLECTION, COMMON, OWN, SECRET, SOURCE, canaryOf } from './world.js';

/** What somebody got who should not have. */
export interface Leak {
  readonly tenant: string;
  readonly asked: string;
  readonly what: string;
}

const BASE = `/v1/collections/${COLLECTION}`;
const QUERIES = ['harbour', 'lighthouse keeper boats', 'bowline', 'fog horn', 'board meets in fog', 'tide table'];

/** One request, and what may come back. */
interface Attempt {
  readonly key: Key;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** It asks for what is not there for this key: only these statuses will do. */
  readonly refused?: readonly number[];
  /** Keys of the documents that may be told of; default: what the key's principals may read. */
  readonly may?: readonly string[];
  /** What may not stand in the answer. */
  readonly never?: string;
  /** How many entries a list must have. */
  readonly count?: number;
}

/** So many requests of one tenant among the others: everything that has an id, a cursor, a filter or a principal in it. */
export async function attack(world: TenantWorld, tenant: Tenant, queries: number, seed: number): Promise<Leak[]> {
  const random = new Random(seed);
  const leaks: Leak[] = [];
  const foreign = foreignMarks(world, tenant);
  for (let n = 0; n < queries; n += 1) {
    const attempt = choose(world, tenant, random);
    const { key, method, path, body, refused, count } = attempt;
    const { status, text } = await world.ask(key.secret, method, path, body);
    const asked = `${method} ${path} ${body === undefined ? '' : JSON.stringify(body)}`.slice(0, 300);
    const leak = (what: string): void => void leaks.push({ tenant: tenant.name, asked, what });
    if (status >= 500) leak(`status ${status}: ${text.slice(0, 200)}`);
    if (refused && !refused.includes(status)) leak(`status ${status} instead of ${refused.join(' or ')}`);
    if (count !== undefined && status === 200) {
      const [list] = Object.values(JSON.parse(text) as Record<string, unknown[]>);
      if (list?.length !== count) leak(`${list?.length ?? 0} entries instead of ${count}`);
    }
    if (attempt.never !== undefined && text.includes(attempt.never)) leak(`says ${attempt.never}`);
    // What was sent may come back; nothing else of others.
    const sent = `${path} ${JSON.stringify(body ?? '')}`;
    for (const mark of foreign) if (text.includes(mark) && !sent.includes(mark)) leak(`names ${mark}`);
    const may = attempt.may ?? readable(key.principals);
    for (const [name, id] of tenant.documents) {
      if (may.includes(name)) continue;
      const marks = [id, ...(tenant.ids.get(id) ?? [])];
      for (const mark of marks)
        if (text.includes(mark) && !sent.includes(mark)) leak(`names ${name}, which is not its to read`);
    }
    const closed = `${canaryOf(tenant.name)}board`;
    if (!may.includes(SECRET) && text.includes(closed) && !sent.includes(closed)) leak('quotes the board');
  }
  return leaks;
}

function readable(principals: readonly string[]): string[] {
  return [...(principals.includes('staff') ? [...COMMON, OWN] : []), ...(principals.includes('board') ? [SECRET] : [])];
}

/** Strings that only another tenant's data holds. */
function foreignMarks(world: TenantWorld, tenant: Tenant): string[] {
  return world.tenants.flatMap((other) =>
    other === tenant
      ? []
      : [
          ...other.documents.values(),
          ...[...other.ids.values()].flat(),
          ...other.jobs,
          other.generation,
          // t1's word begins t10's: the end tells them apart.
          `${canaryOf(other.name)} `,
          `${canaryOf(other.name)}board`,
        ],
  );
}

function choose(world: TenantWorld, tenant: Tenant, random: Random): Attempt {
  const others = world.tenants.filter((each) => each !== tenant);
  const other = random.pick(others.length > 0 ? others : [tenant]);
  const foreignId = random.pick([...other.documents.values()]);
  const foreignCitation = random.pick([...other.ids.values()].flat());
  const query = random.chance(0.3) ? canaryOf(other.name) : random.pick(QUERIES);
  const mode = random.pick(['hybrid', 'lexical', 'dense']);
  const key = random.pick([tenant.staff, tenant.board]);
  const secretId = tenant.documents.get(SECRET)!;
  const filter = random.pick([
    {},
    { filter: { eq: ['source', SOURCE] } },
    { filter: { in: ['documentId', [foreignId, secretId, tenant.documents.get('a.md')!]] } },
    { filter: { not: { eq: ['key', 'a.md'] } } },
    { filter: { or: [{ eq: ['key', SECRET] }, { eq: ['key', 'b.md'] }] } },
  ]);
  const as = random.pick([
    {},
    {},
    { as: { principals: ['board', 'staff', 'root', '*'] } },
    { as: { principals: ['board'] } },
  ]);
  const narrowed = as.as ? key.principals.filter((each) => as.as.principals.includes(each)) : key.principals;
  const staff = tenant.staff;
  const may = readable(narrowed);
  const pick = random.below(26);
  switch (pick) {
    case 0:
    case 1:
    case 2:
      return { key, method: 'POST', path: `${BASE}/search`, body: { query, mode, limit: 20, ...filter, ...as }, may };
    case 3:
    case 4:
      return {
        key,
        method: 'POST',
        path: `${BASE}/context`,
        body: { query, budget: { tokens: 400 }, ...filter, ...as },
        may,
      };
    case 24:
    case 25: {
      const queries = [query, random.pick(QUERIES)];
      const body = { collections: [COLLECTION], queries, ...filter, ...as };
      if (pick === 24) return { key, method: 'POST', path: '/v1/search', body: { ...body, mode, limit: 20 }, may };
      return { key, method: 'POST', path: '/v1/context', body: { ...body, budget: { tokens: 400 } }, may };
    }
    case 5: {
      const closed = random.pick([foreignCitation, random.pick([...tenant.ids.get(secretId)!])]);
      return {
        key: staff,
        method: 'POST',
        path: `${BASE}/citations/verify`,
        body: { citations: [closed], ...as },
        never: '"valid":true',
      };
    }
    case 6:
      return { key, method: 'GET', path: `${BASE}/documents/${foreignId}`, refused: [404] };
    case 7:
      return { key, method: 'GET', path: `${BASE}/documents/${foreignId}/text`, refused: [404] };
    case 8:
      return { key, method: 'GET', path: `${BASE}/documents/${foreignId}/chunks`, refused: [404] };
    case 9:
      return { key, method: 'GET', path: `${BASE}/documents/${foreignId}/original`, refused: [404] };
    case 10:
      return {
        key: staff,
        method: 'GET',
        path: `${BASE}/documents/${secretId}${random.pick(['', '/text', '/chunks', '/original'])}`,
        refused: [404],
      };
    case 11:
      return { key, method: 'GET', path: `${BASE}/documents?limit=100`, count: readable(key.principals).length };
    case 12:
      return {
        key,
        method: 'GET',
        path: `${BASE}/documents?limit=100&cursor=${encodeURIComponent(random.pick([foreignId, '0'.repeat(36), 'x']))}`,
      };
    case 13:
      return { key: staff, method: 'GET', path: `${BASE}/documents?key=${SECRET}`, count: 0 };
    case 14:
      return {
        key: staff,
        method: 'PATCH',
        path: `${BASE}/documents/${random.pick([foreignId, secretId])}`,
        body: { title: 'x' },
        refused: [404],
      };
    case 15:
      return {
        key: staff,
        method: 'DELETE',
        path: `${BASE}/documents/${random.pick([foreignId, secretId])}`,
        refused: [404],
      };
    case 16:
      return { key, method: 'GET', path: `/v1/jobs/${random.pick(other.jobs)}`, refused: [404] };
    case 17:
      return { key, method: 'GET', path: random.pick(['/v1/jobs', '/v1/status', '/v1/collections', BASE]) };
    case 18:
      return {
        key: staff,
        method: 'POST',
        path: `${BASE}/why`,
        body: { query, documentId: random.pick([foreignId, secretId]) },
        refused: [404],
      };
    case 19:
      return {
        key: tenant.chat,
        method: 'POST',
        path: `${BASE}/${random.pick(['search', 'context'])}`,
        body: { query, budget: undefined },
        refused: [400, 403],
      };
    case 20:
      return {
        key: tenant.chat,
        method: 'POST',
        path: `${BASE}/search`,
        body: { query, mode, as: { principals: ['staff', 'root'] } },
        may: readable(['staff']),
      };
    case 21:
      return {
        key: staff,
        method: 'PUT',
        path: `${BASE}/sources/${SOURCE}/documents/${SECRET}`,
        body: '# x\n',
        refused: [403],
      };
    case 22:
      return { key: staff, method: 'DELETE', path: `${BASE}/sources/${SOURCE}/documents/${SECRET}`, refused: [404] };
    default:
      return admin(tenant, other, random);
  }
}

/** What an administrator of one tenant may not do to another, and a key of other collections not at all. */
function admin(tenant: Tenant, other: Tenant, random: Random): Attempt {
  const key = tenant.admin;
  const may = [...COMMON, OWN, SECRET];
  const { narrow } = tenant;
  return random.pick<Attempt>([
    { key, method: 'PUT', path: `${BASE}/release`, body: { generation: other.generation }, refused: [404], may },
    { key, method: 'DELETE', path: `${BASE}/generations/${other.generation}`, refused: [404], may },
    { key, method: 'GET', path: `${BASE}/generations`, may },
    { key, method: 'GET', path: `${BASE}/export`, may },
    { key, method: 'GET', path: '/v1/keys', may, never: `"tenant":"${other.name}"` },
    { key, method: 'GET', path: '/v1/collections', may, count: 1 },
    {
      key,
      method: 'POST',
      path: '/v1/keys',
      body: { tenant: other.name, scopes: ['read'], principals: ['staff'] },
      refused: [403],
      may,
    },
    { key, method: 'POST', path: `/v1/jobs/${random.pick(other.jobs)}/cancel`, refused: [404], may },
    { key: narrow, method: 'POST', path: `${BASE}/search`, body: { query: 'harbour' }, refused: [404], may: [] },
    {
      key: narrow,
      method: 'GET',
      path: random.pick(['/v1/collections', '/v1/status', '/v1/jobs', '/v1/keys']),
      may: [],
    },
    { key: narrow, method: 'DELETE', path: BASE, refused: [404], may: [] },
  ]);
}

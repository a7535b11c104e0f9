import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FootnoteError, collectionNotFound } from '../core/errors.js';
import type { Caller } from '../core/policy.js';
import { mayUse } from '../core/policy.js';
import type { ApiKey } from '../core/ports/catalog.js';

/** Who asks, without keys: everyone on this machine. */
const LOCAL_CALLER: Caller = { tenant: 'default', principals: ['local'] };

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

export interface AccessRules {
  /** Names besides the loopback ones that a Host header may carry (`name` or `name:port`). */
  readonly hosts: readonly string[];
  /** Browser origins that may call besides our own. */
  readonly origins: readonly string[];
  /** The token in server.json. */
  readonly adminToken?: string;
  /** Absent: there are none, and everyone on this machine is the local user. */
  readonly keys?: KeyChecks;
}

/**
 * A page of the web must not reach a server on loopback: by DNS rebinding it would come with a Host of its own, by a
 * cross-site request with its Origin. @throws FootnoteError forbidden, invalid_request
 */
export async function checkHostAndOrigin(incoming: IncomingMessage, rules: AccessRules): Promise<void> {
  const host = incoming.headers.host?.toLowerCase();
  if (!host) throw new FootnoteError('invalid_request', 'The request has no Host header.');
  const port = incoming.socket.localPort;
  const own = new Set<string>();
  for (const name of LOOPBACK_NAMES) {
    own.add(`${name}:${port}`);
    if (port === 80) own.add(name);
  }
  const configured = rules.hosts.map((name) => name.toLowerCase());
  const known = own.has(host) || configured.includes(host) || configured.includes(host.replace(/:\d+$/, ''));
  // With keys a name gives nobody any rights.
  if (!known && !(await rules.keys?.required())) {
    throw new FootnoteError(
      'forbidden',
      `This server does not answer for the host ${JSON.stringify(host.slice(0, 200))}. Use localhost, or add the name to http.hosts.`,
    );
  }
  const origin = incoming.headers.origin?.toLowerCase();
  if (origin === undefined || origin === `http://${host}`) return;
  if (rules.origins.some((allowed) => allowed.toLowerCase() === origin)) return;
  throw new FootnoteError(
    'forbidden',
    `Pages of ${JSON.stringify(origin.slice(0, 200))} may not call this server. Add the origin to http.origins if they should.`,
  );
}

/** The keys as the API needs them. */
export interface KeyChecks {
  /** Whether requests need one. */
  required(): Promise<boolean>;
  /** The valid key with this secret. */
  find(secret: string): Promise<ApiKey | undefined>;
}

export interface Session {
  readonly caller: Caller;
  readonly scopes: ReadonlySet<string>;
  /** Came with the token in server.json: the operator of this machine. */
  readonly machine: boolean;
  /** Reads have to say for whom. */
  readonly requireAs: boolean;
  /** Whose rate limit and audit lines these are; absent: nobody's on this machine. */
  readonly key?: string;
}

const ALL = new Set(['read', 'write', 'admin']);
const LOCAL: Session = { caller: LOCAL_CALLER, scopes: ALL, machine: false, requireAs: false };

/** Asks for what everybody may have. */
export const NOBODY: Session = {
  caller: { tenant: '', principals: [] },
  scopes: new Set(),
  machine: false,
  requireAs: false,
};

/** @throws FootnoteError unauthorized for a token that is not ours: a wrong one is never ignored */
export async function authenticate(incoming: IncomingMessage, rules: AccessRules): Promise<Session> {
  const header = incoming.headers.authorization;
  if (header === undefined) {
    if (!(await rules.keys?.required())) return LOCAL;
    throw new FootnoteError('unauthorized', 'This needs a key: send it as `Authorization: Bearer fn_…`.');
  }
  const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header)?.[1];
  if (token !== undefined && rules.adminToken !== undefined && same(token, rules.adminToken)) {
    return { ...LOCAL, machine: true };
  }
  const key = token === undefined ? undefined : await rules.keys?.find(token);
  if (key) {
    const { tenant, principals, collections } = key;
    return {
      caller: { tenant, principals, ...(collections ? { collections } : {}) },
      scopes: new Set(key.scopes),
      machine: false,
      requireAs: key.requireAs,
      key: key.id,
    };
  }
  const advice = (await rules.keys?.required())
    ? 'It may be mistyped, expired or revoked.'
    : 'Leave it away: there are no keys.';
  throw new FootnoteError('unauthorized', `The token is not valid here. ${advice}`);
}

/** What a route asks of a session; see RouteSpec. */
export type Scope = 'public' | 'any' | 'read' | 'write' | 'admin' | 'machine';

/** @throws FootnoteError unauthorized, forbidden, collection_not_found, principals_required */
export function authorize(
  session: Session,
  scope: Scope,
  request: { collection?: string; as: boolean | undefined },
): void {
  if (scope === 'public') return;
  if (scope === 'machine' && !session.machine) {
    throw new FootnoteError('unauthorized', 'This needs the token that the server left in server.json.');
  }
  if (scope !== 'any' && scope !== 'machine' && !session.scopes.has(scope)) {
    throw new FootnoteError('forbidden', `This needs a key with the scope ${scope}.`);
  }
  const { collection } = request;
  if (collection !== undefined && !mayUse(session.caller, collection)) {
    throw collectionNotFound(collection);
  }
  if (session.requireAs && scope === 'read' && !request.as) {
    const how = request.as === undefined ? 'It reads more than one person may see.' : 'Say for whom you read: `as`.';
    throw new FootnoteError('principals_required', `This key needs principals with each read. ${how}`);
  }
}

/** Compares in constant time, whatever the lengths. */
function same(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

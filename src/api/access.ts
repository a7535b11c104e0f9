import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FootnoteError } from '../core/errors.js';
import type { Caller } from '../core/policy.js';

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
}

/**
 * A page of the web must not reach a server on loopback: by DNS rebinding it would come with a Host of its own, by a
 * cross-site request with its Origin. @throws FootnoteError forbidden, invalid_request
 */
export function checkHostAndOrigin(incoming: IncomingMessage, rules: AccessRules): void {
  const host = incoming.headers.host?.toLowerCase();
  if (!host) throw new FootnoteError('invalid_request', 'The request has no Host header.');
  const port = incoming.socket.localPort;
  const own = new Set<string>();
  for (const name of LOOPBACK_NAMES) {
    own.add(`${name}:${port}`);
    if (port === 80) own.add(name);
  }
  const configured = rules.hosts.map((name) => name.toLowerCase());
  if (!own.has(host) && !configured.includes(host) && !configured.includes(host.replace(/:\d+$/, ''))) {
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

export interface Session {
  readonly caller: Caller;
  /** Came with the token in server.json. */
  readonly admin: boolean;
}

/** @throws FootnoteError unauthorized for a token that is not ours: a wrong one is never ignored */
export function authenticate(incoming: IncomingMessage, rules: AccessRules): Session {
  const header = incoming.headers.authorization;
  if (header === undefined) return { caller: LOCAL_CALLER, admin: false };
  const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header)?.[1];
  if (token !== undefined && rules.adminToken !== undefined && same(token, rules.adminToken)) {
    return { caller: LOCAL_CALLER, admin: true };
  }
  throw new FootnoteError('unauthorized', 'The token is not valid here. Without keys, leave Authorization away.');
}

/** Compares in constant time, whatever the lengths. */
function same(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

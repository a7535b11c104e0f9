import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { v7 as uuid7 } from 'uuid';
import { FootnoteError } from '../core/errors.js';
import type { Caller } from '../core/policy.js';
import { mayUse } from '../core/policy.js';
import type { ApiKey, Keys } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';
import type { KeyCreate, KeyCreated, KeyList, KeyView } from '../core/schemas/keys.js';

/** Scanners for leaked secrets look for it. */
const PREFIX = 'fn_';
const SECRET = /^fn_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/**
 * A new secret: the prefix, 256 random bits, and a checksum, by which a typo or another service's token is told from a
 * key that was revoked without asking anybody.
 */
function newSecret(): string {
  const random = randomBytes(32).toString('base64url');
  return `${PREFIX}${random}${checksum(random)}`;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/** Nobody guesses 256 random bits: a plain hash keeps them as safe as a slow one, and each request pays for it. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Creating, listing, revoking and finding API keys. */
export class KeysService {
  #required = false;

  constructor(
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** Whether requests need a key: from the first one that was made, even when all are revoked. */
  async required(): Promise<boolean> {
    // Keys are never removed: once there was one, there always was.
    this.#required ||= await this.keys.any();
    return this.#required;
  }

  /** The key with this secret, while it is valid: looked up each time, so that a revocation holds at once. */
  async find(secret: string): Promise<ApiKey | undefined> {
    const parts = SECRET.exec(secret);
    if (!parts || checksum(parts[1]!) !== parts[2]) return undefined;
    const key = await this.keys.byHash(hashOf(secret));
    if (!key || key.revokedAt !== undefined) return undefined;
    if (key.expiresAt !== undefined && Date.parse(key.expiresAt) <= this.clock.now()) return undefined;
    return key;
  }

  /**
   * @param anyTenant the operator of the machine makes keys for all tenants, a key only for its own
   * @throws FootnoteError forbidden (another tenant, or more collections than the caller has), invalid_request
   */
  async create(caller: Caller, request: KeyCreate, anyTenant: boolean): Promise<KeyCreated> {
    const tenant = request.tenant ?? caller.tenant;
    if (tenant !== caller.tenant && !anyTenant) {
      throw new FootnoteError('forbidden', 'A key makes keys of its own tenant only.');
    }
    const beyond = (request.collections ?? []).some((name) => !mayUse(caller, name));
    if (caller.collections && (!request.collections || beyond)) {
      throw new FootnoteError('forbidden', 'A key that is limited to collections makes keys of these only.');
    }
    const { expiresAt } = request;
    if (expiresAt !== undefined && Date.parse(expiresAt) <= this.clock.now()) {
      throw new FootnoteError('invalid_request', 'expiresAt: it lies in the past.');
    }
    const secret = newSecret();
    const key: ApiKey = {
      id: uuid7(),
      hash: hashOf(secret),
      tenant,
      principals: [...new Set(request.principals)],
      scopes: [...new Set(request.scopes)],
      ...(request.collections ? { collections: [...new Set(request.collections)] } : {}),
      requireAs: request.requireAs,
      ...(request.label === undefined ? {} : { label: request.label }),
      createdAt: this.#now(),
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
    };
    await this.keys.create(key);
    return { key: view(key), secret };
  }

  async list(caller: Caller, anyTenant: boolean): Promise<KeyList> {
    const keys = await this.keys.list(anyTenant ? undefined : caller.tenant);
    return { keys: keys.filter((key) => within(caller, key)).map(view) };
  }

  /** Holds from the next request on. @throws FootnoteError not_found (also for those of others) */
  async revoke(caller: Caller, id: string, anyTenant: boolean): Promise<void> {
    const key = (await this.keys.list(anyTenant ? undefined : caller.tenant)).find((each) => each.id === id);
    if (!key || !within(caller, key)) throw new FootnoteError('not_found', `There is no key ${id}.`);
    await this.keys.revoke(id, this.#now());
  }

  #now(): string {
    return new Date(this.clock.now()).toISOString();
  }
}

/** Whoever is limited to collections has to do with keys of these only. */
function within(caller: Caller, key: ApiKey): boolean {
  if (!caller.collections) return true;
  return key.collections !== undefined && key.collections.every((name) => mayUse(caller, name));
}

function view({ hash: _, scopes, principals, collections, ...key }: ApiKey): KeyView {
  return {
    ...key,
    scopes: scopes as KeyView['scopes'],
    principals: [...principals],
    ...(collections ? { collections: [...collections] } : {}),
  };
}

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { FootnoteError } from '../core/errors.js';

/** What a connection URL says. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** false: no TLS. */
  readonly ssl: false | ConnectionOptions;
  /** Host, port and database, for messages. */
  readonly server: string;
}

const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

export interface UrlReading {
  /** Whose URL it is, as messages begin. */
  readonly subject: string;
  /** What relative names of PEM files are relative to. Default: the working directory. */
  readonly base?: string;
  /** Default: reads the file. */
  readonly readPem?: (path: string) => string;
}

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. `sslmode` is one of
 * - `disable`, the default: no TLS;
 * - `require`, `verify-ca`, `verify-full`: TLS whose certificate and host name are checked, all three (an encrypted
 *   connection to whoever answers protects nothing);
 * - `no-verify`: TLS without a check.
 *
 * `sslrootcert`, `sslcert` and `sslkey` name PEM files. @throws invalid_config, never with the password
 */
export function parsePostgresUrl(text: string, reading: UrlReading): PostgresAddress {
  const wrong = wrongOf(reading);
  // A failed parse throws the whole text, password and all: it must not become a cause.
  if (!URL.canParse(text)) throw wrong('is none: write postgres://USER:PASSWORD@HOST:PORT/DATABASE');
  const url = new URL(text);
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') throw wrong('must begin with postgres://');
  const decode = (part: string, what: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw wrong(`has a ${what} that is not percent-encoded properly`);
    }
  };
  const database = decode(url.pathname.slice(1), 'database');
  if (url.hostname === '' || url.username === '' || database === '') throw wrong('must name a host, user and database');
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) throw wrong(`has an unknown parameter "${name}"; known: ${PARAMETERS.join(', ')}`);
  }
  const port = url.port === '' ? 5432 : Number(url.port);
  // The brackets of an IPv6 address are the URL's.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port,
    user: decode(url.username, 'user'),
    password: url.password === '' ? undefined : decode(url.password, 'password'),
    database,
    ssl: tls(url.searchParams, reading),
    server: `${url.hostname}:${port}/${database}`,
  };
}

function wrongOf({ subject }: UrlReading): (what: string) => FootnoteError {
  return (what) => new FootnoteError('invalid_config', `${subject} ${what}.`);
}

function tls(parameters: URLSearchParams, reading: UrlReading): false | ConnectionOptions {
  const wrong = wrongOf(reading);
  const mode = parameters.get('sslmode') ?? 'disable';
  if (mode === 'disable') {
    if (PARAMETERS.some((name) => name !== 'sslmode' && parameters.has(name))) {
      throw wrong('names certificates, yet asks for no TLS: add sslmode=require');
    }
    return false;
  }
  if (!['require', 'verify-ca', 'verify-full', 'no-verify'].includes(mode)) {
    throw wrong(`has an unknown sslmode "${mode}": take disable, require or no-verify`);
  }
  const file = (name: string, option: string) =>
    parameters.has(name) ? { [option]: pemOf(parameters.get(name)!, name, reading) } : {};
  return {
    rejectUnauthorized: mode !== 'no-verify',
    ...file('sslrootcert', 'ca'),
    ...file('sslcert', 'cert'),
    ...file('sslkey', 'key'),
  };
}

function pemOf(path: string, name: string, { base = '', readPem = readText }: UrlReading): string {
  try {
    return readPem(resolve(base, path));
  } catch (error) {
    throw new FootnoteError('invalid_config', `The file ${path}, which ${name} names, cannot be read.`, {
      cause: error,
    });
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

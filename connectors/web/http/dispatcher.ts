import type { Socket } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { FootnoteError } from '../../../src/core/errors.js';
import type { Allowed, Resolve } from './addresses.js';
import { permittedAddresses } from './addresses.js';

export interface GuardOptions {
  readonly allowed: Allowed;
  readonly resolve: Resolve;
  /** How long a connection may take to open, ms. */
  readonly connectTimeoutMs: number;
  /** Opens the socket; tests look at what it is asked. */
  readonly connect?: buildConnector.connector;
}

type ConnectOptions = Parameters<buildConnector.connector>[0];

/**
 * HTTP connections that reach only permitted addresses: the name is resolved here, each address is checked, and the socket is
 * opened to the checked address. Every socket passes through this, those of redirects too.
 */
export function guardedAgent({ allowed, resolve, connectTimeoutMs, connect: opener }: GuardOptions): Agent {
  const open = opener ?? buildConnector({ timeout: connectTimeoutMs, allowH2: false });
  const connectGuarded = async (options: ConnectOptions): Promise<Socket> => {
    const addresses = await permittedAddresses(options.hostname, allowed, resolve);
    let failure: unknown;
    for (const address of addresses) {
      try {
        return await openPinned(open, options, address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  return new Agent({
    connect(options, callback) {
      connectGuarded(options).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
    connections: 4,
    pipelining: 1,
    maxHeaderSize: 32 * 1024,
    keepAliveTimeout: 10_000,
    keepAliveMaxTimeout: 30_000,
  });
}

function openPinned(open: buildConnector.connector, options: ConnectOptions, address: string): Promise<Socket> {
  // The certificate is checked against the name, not against the address.
  const servername = options.servername ?? options.hostname.replace(/^\[(.*)\]$/, '$1');
  const pinned = {
    ...options,
    hostname: address,
    ...(options.protocol === 'https:' && servername !== address ? { servername } : {}),
  };
  return new Promise((resolve, reject) => {
    open(pinned, (error, socket) => {
      if (error) {
        reject(error);
      } else if (socket.remoteAddress !== undefined && socket.remoteAddress !== address) {
        socket.destroy();
        reject(new FootnoteError('forbidden', 'The connection went to another address than the one that was checked.'));
      } else {
        resolve(socket);
      }
    });
  });
}

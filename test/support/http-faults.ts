import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
}

/** What becomes of one request. */
export type HttpFault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** The request never arrives, and its connection is reset. */
  | { readonly kind: 'drop' }
  /** The server carries it out; its answer is lost. */
  | { readonly kind: 'reset_after_apply' }
  /** Half of the answer's body, then the end of the connection. */
  | { readonly kind: 'truncate' }
  /** Half of the answer's body, and then nothing. */
  | { readonly kind: 'stall' }
  /** The answer's body with one byte changed. */
  | { readonly kind: 'damage' }
  /** The request's body with one byte changed. */
  | { readonly kind: 'damage_request' }
  /** No answer at all, until the client gives up. */
  | { readonly kind: 'silence' };

export interface HttpFaults {
  readonly endpoint: string;
  readonly asked: readonly Asked[];
  /** Decides over every request from now on; undefined lets it pass. */
  decide(rule: (asked: Asked) => HttpFault | undefined): void;
  close(): Promise<void>;
}

/** A reverse proxy on loopback that breaks what it is told to break. Host headers stay, so signatures hold. */
export async function httpFaults(target: string): Promise<HttpFaults> {
  const asked: Asked[] = [];
  let rule: (asked: Asked) => HttpFault | undefined = () => undefined;
  const server = createServer((incoming, outgoing) => {
    const one = { method: incoming.method ?? '', url: incoming.url ?? '' };
    asked.push(one);
    handle(new URL(target), incoming, outgoing, rule(one)).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    decide: (next) => {
      rule = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(
  target: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: HttpFault | undefined,
): Promise<void> {
  if (fault?.kind === 'drop') return void incoming.socket.destroy();
  if (fault?.kind === 'silence') return;
  const sent = await buffer(incoming);
  if (fault?.kind === 'answer') {
    outgoing.writeHead(fault.status, fault.headers).end(fault.body);
    return;
  }
  if (fault?.kind === 'damage_request') sent[0] = (sent[0] ?? 0) ^ 1;
  const answer = await forward(target, incoming, sent);
  const body = await buffer(answer);
  if (fault?.kind === 'reset_after_apply') return void incoming.socket.destroy();
  if (fault?.kind === 'damage') body[body.byteLength - 1]! ^= 1;
  const { connection: _, 'transfer-encoding': __, ...headers } = answer.headers;
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  if (fault?.kind !== 'truncate' && fault?.kind !== 'stall') return void outgoing.end(body);
  outgoing.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => {
    if (fault.kind === 'truncate') incoming.socket.destroy();
  });
}

function forward(target: URL, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { expect: _, ...headers } = incoming.headers;
    const outgoing = request(
      { host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers, agent: false },
      resolve,
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

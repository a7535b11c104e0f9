import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** What becomes of one request. */
export type HttpFault =
  | ({ readonly kind: 'answer' } & HttpAnswer)
  /** The server carries it out; its answer is replaced. */
  | ({ readonly kind: 'answer_after_apply' } & HttpAnswer)
  /** Answered at once, and carried out some time later. */
  | ({ readonly kind: 'answer_before_apply'; readonly ms: number } & HttpAnswer)
  /** The server gets another body instead and carries that out; its answer is replaced. */
  | ({ readonly kind: 'answer_after_part'; readonly part: (body: Buffer) => Buffer } & HttpAnswer)
  /** Somebody else does what is done, and answers. */
  | { readonly kind: 'instead'; readonly act: (body: Buffer) => Promise<HttpAnswer> }
  /** It arrives late. */
  | { readonly kind: 'delay'; readonly ms: number }
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
  /** Decides over every request from now on; undefined lets it pass. */
  decide(rule: (asked: Asked) => HttpFault | undefined): void;
  /** Resolves when everything that was to be carried out later has been. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** A reverse proxy on loopback that breaks what it is told to break. Host headers stay, so signatures hold. */
export async function httpFaults(target: string): Promise<HttpFaults> {
  const later = new Set<Promise<unknown>>();
  let rule: (asked: Asked) => HttpFault | undefined = () => undefined;
  const server = createServer((incoming, outgoing) => {
    const one = { method: incoming.method ?? '', url: incoming.url ?? '' };
    handle(new URL(target), incoming, outgoing, rule(one), (work) => {
      // A server that is gone by then has lost what nobody was promised.
      const done = work().catch(() => undefined);
      later.add(done);
      void done.then(() => later.delete(done));
    }).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decide: (next) => {
      rule = next;
    },
    async idle() {
      await Promise.all(later);
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
  later: (work: () => Promise<unknown>) => void,
): Promise<void> {
  if (fault?.kind === 'drop') return void incoming.socket.resetAndDestroy();
  if (fault?.kind === 'silence') return;
  const sent = await buffer(incoming);
  if (fault?.kind === 'delay') await sleep(fault.ms);
  if (fault?.kind === 'answer') return answer(outgoing, fault);
  if (fault?.kind === 'instead') return answer(outgoing, await fault.act(sent));
  if (fault?.kind === 'answer_before_apply') {
    answer(outgoing, fault);
    return later(async () => {
      await sleep(fault.ms);
      await buffer(await forward(target, incoming, sent));
    });
  }
  if (fault?.kind === 'damage_request') sent[0] = (sent[0] ?? 0) ^ 1;
  const answered = await forward(target, incoming, fault?.kind === 'answer_after_part' ? fault.part(sent) : sent);
  const body = await buffer(answered);
  if (fault?.kind === 'answer_after_apply' || fault?.kind === 'answer_after_part') return answer(outgoing, fault);
  if (fault?.kind === 'reset_after_apply') return void incoming.socket.resetAndDestroy();
  if (fault?.kind === 'damage') body[body.byteLength - 1]! ^= 1;
  // Of an answer without a body its head is all there is to break off.
  if (fault?.kind === 'truncate' && body.byteLength === 0) {
    return void incoming.socket.end(`HTTP/1.1 ${answered.statusCode}`);
  }
  const { connection: _, 'transfer-encoding': __, ...headers } = answered.headers;
  outgoing.writeHead(answered.statusCode ?? 502, headers);
  if (fault?.kind !== 'truncate' && fault?.kind !== 'stall') return void outgoing.end(body);
  outgoing.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => {
    if (fault.kind === 'truncate') incoming.socket.destroy();
  });
}

function answer(outgoing: ServerResponse, { status, headers, body }: HttpAnswer): void {
  outgoing.writeHead(status, headers).end(body);
}

function forward(target: URL, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { expect: _, 'transfer-encoding': __, ...headers } = incoming.headers;
    const outgoing = request(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers: 'content-length' in headers ? { ...headers, 'content-length': String(body.byteLength) } : headers,
        agent: false,
      },
      resolve,
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

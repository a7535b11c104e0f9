import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Framing, Unit } from './framing.js';

/** What becomes of one request. */
export type TcpFault =
  /** It arrives late, and so does what follows it on its connection. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** It never arrives: its connection is reset. */
  | { readonly kind: 'drop' }
  /** The server carries it out; its answer is lost with the connection. */
  | { readonly kind: 'reset_after_apply' }
  /** Half of its answer, then the end of the connection. */
  | { readonly kind: 'truncate' }
  /** The server carries it out; the client is left waiting. */
  | { readonly kind: 'silence' };

export interface TcpFaults {
  readonly port: number;
  /** Decides over every request from now on; undefined lets it pass. */
  decide(rule: (request: Unit) => TcpFault | undefined): void;
  close(): Promise<void>;
}

/** Stands between clients and a server on loopback, whose protocol has requests and answers in order. */
export async function tcpFaults(target: number | (() => number), framing: Framing): Promise<TcpFaults> {
  const open = new Set<Relay>();
  let rule: (request: Unit) => TcpFault | undefined = () => undefined;
  const server = createServer({ noDelay: true }, (client) => {
    const port = typeof target === 'number' ? target : target();
    const relay: Relay = new Relay(client, connect({ port, host: '127.0.0.1', noDelay: true }), framing, {
      decide: (request) => rule(request),
      over: () => open.delete(relay),
    });
    open.add(relay);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    decide(next) {
      rule = next;
    },
    async close() {
      for (const relay of open) relay.end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One connection of a client, and its own one to the server. */
class Relay {
  /** Faults of the requests whose answers are still to come, in order. */
  readonly #awaited: (TcpFault | undefined)[] = [];
  #sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    framing: Framing,
    private readonly on: { decide: (request: Unit) => TcpFault | undefined; over: () => void },
  ) {
    const requests = framing.requests();
    const answers = framing.answers();
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => this.end());
    client.on('data', (data) => {
      for (const request of requests.push(data)) this.#request(request);
    });
    upstream.on('data', (data) => {
      for (const answer of answers.push(data)) this.#answer(answer.bytes);
    });
    // What the server says last, without being asked.
    upstream.on('close', () => client.end(answers.rest(), () => this.end()));
  }

  end(): void {
    this.client.destroy();
    this.upstream.destroy();
    this.on.over();
  }

  #request(request: Unit): void {
    const fault = this.on.decide(request);
    this.#sending = this.#sending.then(async () => {
      if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
      if (this.client.destroyed) return;
      if (fault?.kind === 'drop') return this.#reset();
      if (request.answered) this.#awaited.push(fault);
      this.upstream.write(request.bytes);
    });
  }

  #answer(bytes: Buffer): void {
    const fault = this.#awaited.shift();
    switch (fault?.kind) {
      case 'silence':
        return;
      case 'reset_after_apply':
        return this.#reset();
      case 'truncate':
        this.client.end(bytes.subarray(0, Math.floor(bytes.byteLength / 2)), () => this.end());
        return;
      default:
        this.client.write(bytes);
    }
  }

  #reset(): void {
    // One that is ending already cannot be reset: Node would wait for it at its exit for ever.
    if (this.client.writableEnded) this.client.destroy();
    else this.client.resetAndDestroy();
    this.upstream.destroy();
  }
}

import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server on loopback, and cuts the connection when told. */
export interface CutProxy {
  readonly port: number;
  /**
   * From now on, what the client sends is looked at for this text: it is passed on, the server's answer to it is not, and
   * both sides are cut. Once.
   */
  cutAfter(text: string): void;
  /** Likewise, but the client is left waiting. */
  hangAfter(text: string): void;
  /** How many connections were cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

export async function cutProxy(target: number): Promise<CutProxy> {
  const sockets = new Set<Socket>();
  let wanted: { text: string; then: 'cut' | 'hang' } | undefined;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    let then: 'cut' | 'hang' | undefined;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (wanted && data.includes(wanted.text)) {
        ({ then } = wanted);
        wanted = undefined;
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (then === undefined) client.write(data);
      if (then !== 'cut') return;
      cuts += 1;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cutAfter(text) {
      wanted = { text, then: 'cut' };
    },
    hangAfter(text) {
      wanted = { text, then: 'hang' };
    },
    get cuts() {
      return cuts;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

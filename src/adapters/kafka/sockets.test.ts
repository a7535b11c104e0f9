import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Kafka } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import { createCluster, silent } from './vendor.js';
import { WholeAnswers, wholeAnswers } from './sockets.js';

function answer(...body: number[]): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeInt32BE(body.length);
  bytes.set(body, 4);
  return bytes;
}

describe('WholeAnswers', () => {
  it('cuts the same answers out of any pieces', () => {
    const answers = [answer(1, 2, 3), answer(), answer(...Array.from({ length: 300 }, (_, i) => i & 255)), answer(7)];
    const all = Buffer.concat(answers);
    for (let size = 1; size <= all.byteLength; size += 1) {
      const whole = new WholeAnswers();
      const found: Buffer[] = [];
      for (let at = 0; at < all.byteLength; at += size) found.push(...whole.push(all.subarray(at, at + size)));
      expect(found).toEqual(answers);
    }
  });

  it('holds back an answer that has not come whole', () => {
    const whole = new WholeAnswers();
    expect(whole.push(Buffer.concat([answer(1), answer(2, 3).subarray(0, 5)]))).toEqual([answer(1)]);
  });

  it.each([-1, -2_000_000_000, 2_000_000_000])('refuses what has a length of %i', (length) => {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(length);
    expect(() => new WholeAnswers().push(bytes)).toThrow(expect.objectContaining({ code: 'unavailable' }) as Error);
  });
});

describe('a connection of kafkajs', () => {
  const cleanups: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  /** A broker that knows nothing but its versions; of its first answer a part comes, then the connection ends. */
  async function breaking(part: number): Promise<string> {
    let answered = 0;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (request) => {
        const correlation = request.readInt32BE(8);
        // ApiVersions (key 18) and Metadata (key 3) of version 0 to 5: no error, and these keys.
        const body =
          request.readInt16BE(4) === 18
            ? Buffer.from('0000' + '00000002' + '001200000000' + '000300000000', 'hex')
            : Buffer.from('00000001' + '00000000' + '0001' + '61' + '00000001' + '00000000', 'hex');
        const bytes = Buffer.alloc(8 + body.byteLength);
        bytes.writeInt32BE(4 + body.byteLength, 0);
        bytes.writeInt32BE(correlation, 4);
        body.copy(bytes, 8);
        answered += 1;
        if (answered === 1) socket.end(bytes.subarray(0, part));
        else socket.write(bytes);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each([1, 3, 4, 5, 9])('goes on after %i bytes of an answer that broke off', async (part) => {
    const brokers = [await breaking(part)];
    const kafka = new Kafka({
      brokers,
      logCreator: silent,
      socketFactory: wholeAnswers,
      requestTimeout: 2000,
      retry: { initialRetryTime: 10, retries: 3 },
    });
    const cluster = createCluster(kafka);
    cleanups.push(() => cluster.disconnect());
    await cluster.connect();
  });
});

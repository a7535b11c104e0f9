import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import { FootnoteError } from '../../core/errors.js';

const KEEP_ALIVE_MS = 60_000;
const LENGTH_BYTES = 4;
/** Of one answer; well above what any request of ours allows. What claims to be longer is not Kafka's. */
const MAX_BYTES = 256 << 20;

/** Cuts what a connection brings into whole answers, each behind its length (Kafka protocol guide, "Common Request and Response Structure"). */
export class WholeAnswers {
  #chunks: Buffer[] = [];
  #held = 0;
  #needed = LENGTH_BYTES;

  /** @throws unavailable when this is not the protocol */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#held += chunk.byteLength;
    const whole: Buffer[] = [];
    while (this.#held >= this.#needed) {
      let bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      const length = LENGTH_BYTES + bytes.readInt32BE();
      if (length < LENGTH_BYTES || length > MAX_BYTES) {
        throw new FootnoteError('unavailable', 'What answers there does not speak the protocol of Kafka.');
      }
      if (bytes.byteLength >= length) {
        whole.push(bytes.subarray(0, length));
        bytes = bytes.subarray(length);
      }
      this.#chunks = [bytes];
      this.#held = bytes.byteLength;
      this.#needed = this.#held >= LENGTH_BYTES ? LENGTH_BYTES + bytes.readInt32BE() : LENGTH_BYTES;
    }
    return whole;
  }
}

/**
 * Sockets that hand on whole answers only. A connection of kafkajs 2.2.4 keeps the beginning of an answer that broke off
 * and takes it for the beginning of what the next socket brings: it reads lengths where there are none, and ends the
 * process or waits for ever.
 */
export const wholeAnswers: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const servername = isIP(host) ? {} : { servername: host };
  // kafkajs gives no settings where TLS is off.
  const settings = ssl as typeof ssl | undefined;
  const socket: Socket = settings
    ? connectTls({ host, port, ...servername, ...settings }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const answers = new WholeAnswers();
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean;
  socket.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'data') return emit(event, ...values);
    try {
      for (const answer of answers.push(values[0] as Buffer)) emit('data', answer);
    } catch (error) {
      socket.destroy(error as Error);
    }
    return true;
  };
  return socket;
};

/** Sockets that one client made, so that none outlives it. */
export class OwnSockets {
  readonly #open = new Set<Socket>();

  readonly factory: ISocketFactory = (settings) => {
    const socket = wholeAnswers(settings);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

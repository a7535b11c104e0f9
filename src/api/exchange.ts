import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { FootnoteError } from '../core/errors.js';
import type { HttpTelemetry } from '../runtime/telemetry.js';

/** One request with its answer: its id, its clock, what stops it, and the line it leaves in the log. */
export class Exchange {
  readonly requestId: string;
  readonly #controller = new AbortController();
  readonly #started = performance.now();
  readonly #sentBefore: number;
  #timer: NodeJS.Timeout | undefined;
  #expired: ((error: FootnoteError) => void) | undefined;
  /** The route's pattern, once it is known. */
  route = 'unmatched';
  code: string | undefined;
  /** What the answer says besides. */
  headers: Readonly<Record<string, string>> = {};

  constructor(
    readonly incoming: IncomingMessage,
    readonly outgoing: ServerResponse,
    private readonly logger: Logger,
    private readonly telemetry: HttpTelemetry,
  ) {
    const given = incoming.headers['x-request-id'];
    this.requestId = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    this.#sentBefore = incoming.socket.bytesWritten;
    outgoing.once('close', () => this.#close());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(error: FootnoteError): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(error);
  }

  /** The work, or the deadline's error if that comes first; work that does not heed the signal is left behind. */
  async within<T>(ms: number | undefined, work: () => Promise<T>): Promise<T> {
    if (ms === undefined) return work();
    const expired = new Promise<never>((_, reject) => {
      this.#expired = reject;
    });
    expired.catch(() => undefined);
    this.#timer = setTimeout(() => {
      const error = this.#late(ms / 1000);
      this.abort(error);
      this.#expired?.(error);
    }, ms);
    const running = work();
    // Late failures of work that was left behind are expected: it was aborted.
    running.catch((error: unknown) => {
      if (this.#controller.signal.aborted) this.logger.debug({ requestId: this.requestId, err: error }, 'aborted work');
    });
    try {
      return await Promise.race([running, expired]);
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Whose fault it is: a body that is not here yet, or us. */
  #late(seconds: number): FootnoteError {
    return this.incoming.complete
      ? new FootnoteError('overloaded', `The request took longer than the ${seconds} s it may take.`, { retryAfter: 5 })
      : new FootnoteError('request_timeout', `The body was not complete after ${seconds} s: send it faster, or less.`);
  }

  #close(): void {
    clearTimeout(this.#timer);
    const finished = this.outgoing.writableFinished;
    if (!finished) this.abort(new FootnoteError('cancelled', 'The client went away.'));
    // 499: the client closed first (nginx's convention); never sent, only counted.
    const status = finished || this.code !== undefined ? this.outgoing.statusCode : 499;
    const seconds = (performance.now() - this.#started) / 1000;
    const method = this.incoming.method ?? '';
    this.telemetry.http(this.route, method, status, seconds);
    this.logger.info(
      {
        requestId: this.requestId,
        method,
        route: this.route,
        status,
        ms: Math.round(seconds * 1e5) / 100,
        bytes: this.incoming.socket.bytesWritten - this.#sentBefore,
        ...(this.code === undefined ? {} : { code: this.code }),
        ...(finished ? {} : { cut: true }),
      },
      'request',
    );
  }
}

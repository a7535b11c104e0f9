import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { FootnoteError } from '../core/errors.js';
import type { Api } from './app.js';
import { problemOf, problemResponse } from './problems.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export interface ServerOptions {
  /** A loopback address or `localhost`; others only with keys. */
  readonly host: string;
  /** Whether requests need a key. Default: no. */
  readonly keyed?: boolean;
  /** 0: any free port. */
  readonly port: number;
  /** More are closed as they come. */
  readonly maxConnections: number;
  /** Longest time for a request's headers, ms. Default 10,000. */
  readonly headersTimeoutMs?: number;
  /** Longest time for a whole request, body included, ms. Default 300,000. */
  readonly receiveTimeoutMs?: number;
  /** An idle connection is closed after this, ms. Default 5,000. */
  readonly keepAliveTimeoutMs?: number;
  /** How often the limits above are looked at, ms. Default 1,000. */
  readonly checkIntervalMs?: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:7470` */
  readonly address: string;
  readonly port: number;
  /** Takes no more, lets what runs finish for `graceMs` (default 10,000), then aborts and closes it. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** @throws FootnoteError invalid_config (not loopback), unavailable (the port is taken or may not be used) */
export async function startServer(api: Api, options: ServerOptions): Promise<RunningServer> {
  if (!LOOPBACK.has(options.host) && !options.keyed) {
    throw new FootnoteError(
      'invalid_config',
      `http.host is ${JSON.stringify(options.host)}: without keys the API is served on loopback only. Make one first (footnote keys create), or use 127.0.0.1.`,
    );
  }
  const listener = getRequestListener((request, env) => api.fetch(request, env as HttpBindings), {
    overrideGlobalObjects: false,
    errorHandler: (error) =>
      problemResponse(
        new FootnoteError('invalid_request', 'The request line or the Host is malformed.', { cause: error }),
      ),
  });
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      requestTimeout: options.receiveTimeoutMs ?? 300_000,
      keepAliveTimeout: options.keepAliveTimeoutMs ?? 5_000,
      connectionsCheckingInterval: options.checkIntervalMs ?? 1_000,
      // Checked by the API, which answers with a problem.
      requireHostHeader: false,
    },
    (incoming: IncomingMessage, outgoing: ServerResponse) => {
      if (!incoming.url?.startsWith('/')) {
        refuse(outgoing, new FootnoteError('invalid_request', 'Only plain paths are served: this is no proxy.'));
        return;
      }
      void listener(incoming, outgoing);
    },
  );
  server.maxConnections = options.maxConnections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerBroken(error, socket as Socket));
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host === '::1' ? '[::1]' : options.host;
  let closing: Promise<void> | undefined;
  return {
    address: `http://${host}:${port}`,
    port,
    close: (graceMs = 10_000) => (closing ??= shutDown(server, api, graceMs)),
  };
}

function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const advice =
        cause.code === 'EADDRINUSE'
          ? `Port ${port} on ${host} is in use. Stop the program that uses it, or choose another (--port, http.port; 0: any).`
          : `Cannot listen on ${host}:${port} (${cause.code ?? cause.message}). Choose another http.host or http.port.`;
      reject(new FootnoteError('unavailable', advice, { cause, permanence: 'permanent' }));
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

async function shutDown(server: Server, api: Api, graceMs: number): Promise<void> {
  api.drain();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timers = [
    setTimeout(() => {
      api.abortAll(new FootnoteError('unavailable', 'The server is stopping.', { retryAfter: 5 }));
    }, graceMs),
    // Whoever heeded the signal has had a moment to answer.
    setTimeout(() => server.closeAllConnections(), graceMs + 1_000),
  ];
  await closed;
  timers.forEach((timer) => clearTimeout(timer));
}

/** Requests that Node gave up on: too slow, too large headers, not HTTP. */
function answerBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { problem, status, reason } = brokenProblem(error.code);
  const body = JSON.stringify(problemOf(problem, { status }));
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/problem+json\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function brokenProblem(code: string | undefined): { problem: FootnoteError; status: number; reason: string } {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        problem: new FootnoteError('request_timeout', 'The request did not arrive in time.'),
        status: 408,
        reason: 'Request Timeout',
      };
    case 'HPE_HEADER_OVERFLOW':
      return {
        problem: new FootnoteError('request_too_large', 'The headers are larger than 16 KiB.'),
        status: 431,
        reason: 'Request Header Fields Too Large',
      };
    default:
      return {
        problem: new FootnoteError('invalid_request', 'This is not well-formed HTTP.'),
        status: 400,
        reason: 'Bad Request',
      };
  }
}

function refuse(outgoing: ServerResponse, error: FootnoteError): void {
  const problem = problemOf(error);
  outgoing.writeHead(problem.status, { 'content-type': 'application/problem+json', connection: 'close' });
  outgoing.end(JSON.stringify(problem));
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface FakeRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly bytes: number;
}

/** Answers one request, or leaves it to the defaults by returning false. */
export type Answer = (request: FakeRequest, response: ServerResponse) => boolean | Promise<boolean>;

export interface FakeQdrant {
  readonly url: string;
  /** What came, in order. */
  readonly requests: readonly FakeRequest[];
  readonly writes: readonly FakeRequest[];
  /** Requests that are being answered. */
  readonly inFlight: () => number;
  close(): Promise<void>;
}

export const send = (response: ServerResponse, result: unknown, status = 200, headers = {}): true => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(status === 200 ? { result, status: 'ok', time: 0 } : { status: { error: result } }));
  return true;
};

/** A server that knows one collection and says yes to everything, but for what `answer` answers. */
export async function fakeQdrant(answer: Answer, metadata: unknown): Promise<FakeQdrant> {
  const requests: FakeRequest[] = [];
  let inFlight = 0;
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(message.url ?? '/', 'http://fake');
    const body = await buffer(message);
    const request: FakeRequest = {
      method: message.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body: body.length === 0 ? undefined : JSON.parse(body.toString()),
      bytes: body.length,
    };
    requests.push(request);
    inFlight += 1;
    response.once('close', () => (inFlight -= 1));
    if (await answer(request, response)) return;
    if (request.path.endsWith('/scroll')) send(response, { points: [], next_page_offset: null });
    else if (isWrite(request)) send(response, { operation_id: 1, status: 'completed' });
    else send(response, { status: 'green', config: { metadata }, payload_schema: {} });
  };
  const server = createServer((message, response) => {
    handle(message, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get writes() {
      return requests.filter(isWrite);
    },
    inFlight: () => inFlight,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export const isWrite = ({ method, path }: FakeRequest): boolean =>
  (method === 'PUT' && path.endsWith('/points')) || path.endsWith('/points/delete');

import { FootnoteApiError, errorOf } from './errors.js';

export interface ClientOptions {
  /** Where the server is: `http://127.0.0.1:7470`. */
  readonly url: string;
  /** A key's secret (`fn_…`); a server without keys wants none. */
  readonly key?: string;
  /** Tries after a 429 or 503, and after a broken connection, of calls that may be repeated. Default 3. */
  readonly retries?: number;
  /** Longest wait between two tries, in seconds, whatever the server asks for. Default 30. */
  readonly maxWaitSeconds?: number;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface Call extends CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly content?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Doing it twice is doing it once. */
  readonly repeatable?: boolean;
}

/** Statuses that ask to come again. */
const AGAIN = new Set([429, 503]);

/** HTTP as the API speaks it. */
export class Transport {
  readonly #base: string;
  readonly #fetch: typeof fetch;

  constructor(private readonly options: ClientOptions) {
    this.#base = options.url.replace(/\/+$/, '');
    this.#fetch = options.fetch ?? fetch;
  }

  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const text = await (await this.send(method, path, call)).text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Lines of JSON as they come. A line of type `error` is thrown. */
  async *lines<T>(method: string, path: string, call: Call = {}): AsyncGenerator<T> {
    const { body } = await this.send(method, path, call);
    if (!body) return;
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield valueOf<T>(line);
    }
    if (rest.trim() !== '') yield valueOf<T>(rest);
  }

  /** @throws FootnoteApiError */
  async send(method: string, path: string, call: Call): Promise<Response> {
    const tries = call.repeatable === true ? (this.options.retries ?? 3) + 1 : 1;
    for (let attempt = 1; ; attempt += 1) {
      let wait = 2 ** (attempt - 1) / 4;
      try {
        const response = await this.#fetch(this.#url(path, call.query), this.#request(method, call));
        if (response.ok) return response;
        const error = errorOf(response.status, await response.text(), response.headers);
        if (!AGAIN.has(response.status) || attempt >= tries) throw error;
        wait = error.details.retryAfter ?? wait;
      } catch (error) {
        if (error instanceof FootnoteApiError || call.signal?.aborted || attempt >= tries) throw error;
      }
      await pause(Math.min(wait, this.options.maxWaitSeconds ?? 30) * 1000, call.signal);
    }
  }

  #url(path: string, query: Call['query'] = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      for (const each of Array.isArray(value) ? value : [value]) search.append(name, String(each));
    }
    return `${this.#base}${path}${search.size > 0 ? `?${search.toString()}` : ''}`;
  }

  #request(method: string, { headers = {}, json, content, signal }: Call): RequestInit {
    const { key } = this.options;
    const all = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    };
    const body = json === undefined ? content : JSON.stringify(json);
    return {
      method,
      headers: Object.fromEntries(
        Object.entries(all).filter((each): each is [string, string] => each[1] !== undefined),
      ),
      ...(body === undefined ? {} : { body: body as RequestInit['body'] & {} }),
      ...(content instanceof ReadableStream ? ({ duplex: 'half' } as object) : {}),
      ...(signal === undefined ? {} : { signal }),
    };
  }
}

function valueOf<T>(line: string): T {
  const value = JSON.parse(line) as { type?: unknown; error?: { code: string; message: string } };
  if (value.type !== 'error' || !value.error) return value as T;
  throw new FootnoteApiError(value.error.code as 'internal', value.error.message, 200);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

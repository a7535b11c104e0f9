import { afterEach, describe, expect, it } from 'vitest';
import { fakeQdrant, isWrite, send, type Answer, type FakeQdrant } from '../../../../test/support/fake-qdrant.js';
import { point, unitVector, versionAt } from '../../../../test/support/points.js';
import type { VectorStore } from '../../../core/ports/vectors.js';
import { openQdrantVectors, type QdrantOptions } from './index.js';

const NOW = Date.UTC(2026, 0, 1);
const METADATA = { footnote: { format: 1, vectors: { text: 8 } } };
const KEY = 'the-secret-key';

describe('Qdrant answering badly', () => {
  let fake: FakeQdrant;
  let store: VectorStore;
  let slept: number[];
  afterEach(async () => {
    await store.close();
    await fake.close();
  });

  async function open(answer: Answer, options: Partial<QdrantOptions> = {}, metadata: unknown = METADATA) {
    fake = await fakeQdrant(answer, metadata);
    slept = [];
    const clock = {
      now: () => NOW,
      sleep: async (ms: number) => {
        slept.push(ms);
      },
    };
    store = openQdrantVectors({
      url: fake.url,
      apiKey: KEY,
      prefix: 'p-',
      retry: { attempts: 4, random: () => 0, longestWaitMs: 30_000, clock },
      ...options,
    });
  }
  /** Answers the first writes one after the other; later ones are left alone. */
  const first = (...answers: Answer[]): Answer => {
    let n = 0;
    return (request, response) => (isWrite(request) ? (answers[n++]?.(request, response) ?? false) : false);
  };
  const status = (value: string): Answer => {
    return (_, response) => send(response, { operation_id: 1, status: value });
  };
  const refuse = (code: number, headers: Record<string, string> = {}, text = 'no'): Answer => {
    return (_, response) => send(response, text, code, headers);
  };
  const idsOf = (request: FakeQdrant['requests'][number] | undefined) =>
    (request?.body as { points: { id: string }[] }).points.map(({ id }) => id);

  it('is asked to apply writes in order before it answers, and never to stop waiting', async () => {
    await open(() => false);
    await store.write('g-1', [point()]);
    const [write] = fake.writes;
    expect(Object.fromEntries(write!.query)).toEqual({ wait: 'true', ordering: 'medium' });
  });

  it.each(['wait_timeout', 'acknowledged'])('is not believed when a write is %s: it is sent again', async (value) => {
    await open(first(status(value), status(value)));
    await store.write('g-1', [point()]);
    expect(fake.writes).toHaveLength(3);
    expect(new Set(fake.writes.map((write) => idsOf(write).join())).size).toBe(1);
  });

  it('that never applies a write is unavailable, after as many tries as are allowed', async () => {
    await open((request, response) => isWrite(request) && send(response, { operation_id: 1, status: 'wait_timeout' }));
    await expect(store.write('g-1', [point()])).rejects.toMatchObject({ code: 'unavailable', permanence: 'transient' });
    expect(fake.writes).toHaveLength(4);
  });

  it.each([
    ['seconds', '12', 12_000],
    ['a date', new Date(NOW + 7000).toUTCString(), 7000],
    ['a date that is over', new Date(NOW - 7000).toUTCString(), 0],
    ['nonsense', 'soon', 0],
  ])('is given the time it asks for: %s', async (_, retryAfter, ms) => {
    await open(first(refuse(429, { 'retry-after': retryAfter }), refuse(503, { 'retry-after': retryAfter })));
    await store.write('g-1', [point()]);
    expect(slept).toEqual([ms, ms]);
    expect(fake.writes).toHaveLength(3);
  });

  it('that asks for more time than can be waited is overloaded, and the caller is told for how long', async () => {
    await open(first(refuse(429, { 'retry-after': '120' })));
    await expect(store.write('g-1', [point()])).rejects.toMatchObject({ code: 'overloaded', retryAfter: 120 });
    expect(slept).toEqual([]);
  });

  it('that fails for one of several batches gets that one again, and only that one', async () => {
    let failed: string | undefined;
    await open(
      (request, response) => {
        if (!isWrite(request) || failed !== undefined || fake.writes.length !== 2) return false;
        failed = idsOf(request).join();
        return send(response, '1 out of 2 shards failed to apply operation', 500);
      },
      { maxBatchBytes: 1, parallelism: 1 },
    );
    const points = [0, 1, 2].map((ordinal) => point({ ordinal }));
    await store.write('g-1', points);
    const sent = fake.writes.map((write) => idsOf(write).join());
    expect(sent).toEqual([points[0]!.id, points[1]!.id, points[1]!.id, points[2]!.id]);
    expect(failed).toBe(points[1]!.id);
  });

  it('that breaks the connection or the answer off after applying a write gets it again', async () => {
    await open(
      first(
        (_, response) => {
          response.destroy();
          return true;
        },
        (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
          response.write('{"result":{"status":"compl');
          response.destroy();
          return true;
        },
        (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end('{"result":{"status":"compl');
          return true;
        },
      ),
    );
    await store.write('g-1', [point()]);
    expect(new Set(fake.writes.map((write) => idsOf(write).join())).size).toBe(1);
    expect(fake.writes).toHaveLength(4);
  });

  it("that is a proxy's page is unavailable", async () => {
    await open((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>');
      return true;
    });
    await expect(store.count('g-1')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([401, 403])('that answers %i is a matter of configuration, and the key is not told', async (code) => {
    await open(refuse(code, {}, 'Must provide an API key'));
    const failure = await store.count('g-1').catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'invalid_config', permanence: 'transient' });
    expect((failure as Error).message).not.toContain(KEY);
    expect(slept).toEqual([]);
  });

  it('that never answers is unavailable', async () => {
    await open((request) => request.path.endsWith('/count'), { timeoutMs: 50 });
    await expect(store.count('g-1')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is no longer waited for when the caller cancels', async () => {
    const abort = new AbortController();
    await open((request) => {
      if (!request.path.endsWith('/query/batch')) return false;
      abort.abort();
      return true;
    });
    const search = store.search('g-1', [{ kind: 'lexical', terms: ['t'] }], { principals: ['p'] }, 1, abort.signal);
    await expect(search).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('gets batches bounded in bytes, not more at once than allowed', async () => {
    let most = 0;
    await open(
      async (request) => {
        if (!isWrite(request)) return false;
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, fake.inFlight());
        return false;
      },
      { maxBatchBytes: 20_000, parallelism: 3 },
    );
    const points = Array.from({ length: 60 }, (_, ordinal) =>
      point({ ordinal, text: 'word '.repeat(500), vectors: { text: unitVector(ordinal, 8) } }),
    );
    await Promise.all([store.write('g-1', points.slice(0, 30)), store.write('g-1', points.slice(30))]);
    expect(most).toBeLessThanOrEqual(3);
    expect(fake.writes.length).toBeGreaterThan(5);
    for (const write of fake.writes) expect(write.bytes).toBeLessThan(40_000);
    expect(new Set(fake.writes.flatMap(idsOf)).size).toBe(60);
  });

  it('is told to delete ids alone, and no newer version among them', async () => {
    const listed = ['d', 'e'].flatMap((documentId) =>
      [1, 2, 3].map((n) => ({
        id: `${documentId}${n}`,
        payload: { documentId, version: versionAt(n), revision: 'r' },
      })),
    );
    await open((request, response) =>
      request.path.endsWith('/scroll') ? send(response, { points: listed, next_page_offset: null }) : false,
    );
    await store.prune('g-1', 'd', versionAt(3), 'r');
    expect(fake.writes.map(({ body }) => body)).toEqual([{ points: ['d1', 'd2'] }]);
    // Of several at once together, each by its own version.
    await Promise.all([
      store.prune('g-1', 'd', versionAt(2), 'r'),
      store.prune('g-1', 'e', versionAt(3), 'other'),
      store.prune('g-1', 'f', versionAt(9)),
    ]);
    expect(fake.writes.slice(1).map(({ body }) => body)).toEqual([{ points: ['d1', 'e1', 'e2', 'e3'] }]);
  });

  it('with a collection of newer software, or of others, is not touched', async () => {
    await open(() => false, {}, { footnote: { format: 99 } });
    await expect(store.write('g-1', [point()])).rejects.toMatchObject({ code: 'data_newer' });
    await expect(store.create({ generation: 'g-1', vectors: { text: 8 } })).rejects.toMatchObject({
      code: 'data_newer',
    });
    await store.close();
    await fake.close();
    await open(() => false, {}, null);
    await expect(store.count('g-1')).rejects.toMatchObject({ code: 'data_corrupt' });
    expect(fake.requests.every(({ method }) => method === 'GET')).toBe(true);
  });
});

it('needs a plain address', () => {
  for (const url of ['qdrant:6333', 'http://user:password@host', 'http://host/path', 'ftp://host', '']) {
    expect(() => openQdrantVectors({ url, prefix: '' })).toThrow(expect.objectContaining({ code: 'invalid_config' }));
  }
});

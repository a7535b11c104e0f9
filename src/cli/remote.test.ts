import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestApi } from '../../test/support/api.js';
import { TOKEN, startTestApi } from '../../test/support/api.js';
import type { FakeSurface } from '../../test/support/fake-surface.js';
import { DOCUMENT_ID, fakeSurface } from '../../test/support/fake-surface.js';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { FootnoteError } from '../core/errors.js';
import type { IngestEvent } from '../core/schemas/operations.js';
import type { EngineSurface } from '../core/surface.js';
import { remoteSurface } from './remote.js';
import { runningServer } from './target.js';

const caller = { tenant: 'default', principals: ['local'] };
const { signal } = new AbortController();
const open: TestApi[] = [];

async function serve(changes: Partial<EngineSurface> = {}) {
  const surface: FakeSurface = fakeSurface(changes);
  const api = await startTestApi(surface);
  open.push(api);
  return { surface, api, remote: remoteSurface({ address: api.server.address, token: TOKEN }) };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((api) => api.close(0)));
});

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

describe('a running server as a surface', () => {
  it('asks what the surface asks, and answers what it answers', async () => {
    const { surface, remote } = await serve();
    const search = { query: 'key', mode: 'lexical', limit: 3 } as const;
    expect(await remote.search(caller, 'demo', search, signal)).toEqual(
      await surface.search(caller, 'demo', search, signal),
    );
    const context = { query: 'key', mode: 'hybrid', budget: { tokens: 100, tokenizer: 'o200k_base' } } as const;
    expect(await remote.context(caller, 'demo', context, signal)).toEqual(
      await surface.context(caller, 'demo', context, signal),
    );
    const why = { query: 'key', mode: 'hybrid', limit: 3, documentId: DOCUMENT_ID } as const;
    expect(await remote.why(caller, 'demo', why, signal)).toEqual(await surface.why(caller, 'demo', why, signal));
    expect(await remote.status(caller, signal)).toEqual(await surface.status(caller, signal));
    expect(await remote.jobs.list(caller, { limit: 5, state: 'queued' }, signal)).toEqual(
      await surface.jobs.list(caller, { limit: 5, state: 'queued' }, signal),
    );
    expect(await remote.dlq.list(caller, 'demo', { limit: 5 }, signal)).toEqual(
      await surface.dlq.list(caller, 'demo', { limit: 5 }, signal),
    );
    expect(await all(remote.verify(caller, 'demo', { repair: true }, signal))).toEqual(
      await all(surface.verify(caller, 'demo', { repair: true }, signal)),
    );
    expect(await all(remote.export(caller, 'demo', signal))).toEqual(await all(surface.export(caller, 'demo', signal)));
    expect(await all(remote.ingest(caller, 'demo', { paths: ['/srv'] }, signal))).toEqual(
      await all(surface.ingest(caller, 'demo', { paths: ['/srv'] }, signal)),
    );
    const [mine, theirs] = [0, 1].map((turn) => surface.asked.filter((_, index) => index % 2 === turn));
    expect(mine?.map(({ name, args }) => ({ name, args: args.slice(0, 2) }))).toEqual(
      theirs?.map(({ name, args }) => ({ name, args: args.slice(0, 2) })),
    );
  });

  it('names documents by keys that hold slashes, and waits when asked', async () => {
    const { surface, remote } = await serve();
    surface.outcome = 'applied';
    const at = { collection: 'demo', source: 'files', key: 'guide/a b%2F.md' };
    const write = await remote.documents.delete(caller, at, { waitMs: 1 }, signal);
    expect(write.outcome).toBe('applied');
    expect(surface.asked.at(-1)?.args[0]).toEqual(at);
    surface.outcome = 'accepted';
    expect((await remote.documents.delete(caller, at, {}, signal)).outcome).toBe('accepted');
    surface.outcome = 'failed';
    await expect(remote.documents.delete(caller, at, { waitMs: 1 }, signal)).rejects.toMatchObject({
      code: 'password_required',
    });
  });

  it('makes problems errors again', async () => {
    const { remote } = await serve({
      search: () => {
        throw new FootnoteError('space_mismatch', 'Another space.', { details: { space: 'x' } });
      },
    });
    const asked = remote.search(caller, 'demo', { query: 'key', mode: 'hybrid', limit: 3 }, signal);
    await expect(asked).rejects.toBeInstanceOf(FootnoteError);
    await expect(asked).rejects.toMatchObject({
      code: 'space_mismatch',
      message: 'Another space.',
      details: { space: 'x' },
    });
  });

  it('throws the error line of a stream, and a stream that ends too early', async () => {
    const file: IngestEvent = { type: 'file', file: 'a.md', outcome: 'indexed', ms: 1 };
    const { remote } = await serve({
      async *ingest() {
        yield file;
        throw new FootnoteError('source_owned', 'Another connector owns it.');
      },
      async *verify() {
        yield { type: 'progress', done: 1 };
      },

      async *export() {
        throw new FootnoteError('collection_not_found', 'There is no collection demo.');
      },
    });
    const seen: IngestEvent[] = [];
    const reading = (async () => {
      for await (const event of remote.ingest(caller, 'demo', { paths: ['/srv'] }, signal)) seen.push(event);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'source_owned' });
    expect(seen).toEqual([file]);
    await expect(all(remote.verify(caller, 'demo', { repair: false }, signal))).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(all(remote.export(caller, 'demo', signal))).rejects.toMatchObject({ code: 'collection_not_found' });
  });

  it('fails a dump that is cut off', async () => {
    const line = { id: 'c', documentId: DOCUMENT_ID } as never;
    const { remote } = await serve({
      async *export() {
        yield line;
        throw new FootnoteError('internal', 'The disk is gone.');
      },
    });
    await expect(all(remote.export(caller, 'demo', signal))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const { remote } = await serve({
      search: (_caller, _collection, _request, inner) =>
        new Promise((_, reject) => {
          inner.addEventListener('abort', () => reject(new FootnoteError('cancelled', 'Gone.')));
          stop.abort();
        }),
    });
    const asked = remote.search(caller, 'demo', { query: 'key', mode: 'hybrid', limit: 3 }, stop.signal);
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('finding the running server', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());
  const leave = (content: object) =>
    writeFile(join(folder.path, 'server.json'), JSON.stringify({ startedAt: 'now', ...content }));

  it('finds it by its file', async () => {
    expect(await runningServer(folder.path, signal)).toBeUndefined();
    const { api } = await serve();
    await leave({ address: api.server.address, token: TOKEN, pid: process.pid });
    expect(await runningServer(folder.path, signal)).toMatchObject({ address: api.server.address, token: TOKEN });
  });

  it('takes no stranger for it, and nobody', async () => {
    const { api } = await serve();
    await leave({ address: api.server.address, token: 'of-an-earlier-one', pid: process.pid });
    expect(await runningServer(folder.path, signal)).toBeUndefined();
    await leave({ address: api.server.address, token: TOKEN, pid: 2 ** 22 + 1 });
    expect(await runningServer(folder.path, signal)).toBeUndefined();
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => closed.once('listening', done));
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    await leave({ address: `http://127.0.0.1:${port}`, token: TOKEN, pid: process.pid });
    expect(await runningServer(folder.path, signal)).toBeUndefined();
  });

  it('refuses a file that it can not understand', async () => {
    await writeFile(join(folder.path, 'server.json'), '{"address"');
    await expect(runningServer(folder.path, signal)).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});

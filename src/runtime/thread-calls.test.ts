import { getEventListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { ThreadCalls } from './thread-calls.js';

/** Answers with the request; `throw` and `die` do that, `hang` never answers. */
const ECHO = `
import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ request }) => {
  if (request === 'die') process.exit(7);
  if (request === 'throw') parentPort.postMessage({ error: { code: 'corrupt_document', message: 'Thrown.' } });
  else if (request !== 'hang') parentPort.postMessage({ value: request });
});
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let calls: ThreadCalls<string, string>;
beforeEach(async () => {
  folder = await temporaryFolder();
  const entry = join(folder.path, 'echo.mjs');
  await writeFile(entry, ECHO);
  calls = new ThreadCalls({ entry, name: 'echo', threads: 2, workerData: undefined, queue: 100 });
});
afterEach(async () => {
  await calls.close();
  await folder.remove();
});

describe('calls into threads', () => {
  it('leave nothing behind at a signal that goes on living, however they end', async () => {
    const { signal } = new AbortController();
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((text) => calls.call(text, signal)))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
    await expect(calls.call('throw', signal)).rejects.toMatchObject({ code: 'corrupt_document' });
    await expect(calls.call('die', signal)).rejects.toMatchObject({ code: 'internal', permanence: 'transient' });
    expect(await calls.call('after', signal)).toBe('after');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('end when their signal aborts, waiting or not', async () => {
    const stop = new AbortController();
    const hanging = ['hang', 'hang', 'waiting'].map((text) => calls.call(text, stop.signal));
    stop.abort();
    for (const call of hanging) await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    await expect(calls.call('late', stop.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentId } from '../../src/core/ids.js';
import type { WhyResult } from '../../src/core/schemas/query.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const DOCUMENT = 'application/vnd.footnote.document+json';
/** More documents about weather than an arm gives candidates. */
const WEATHER = 14;

let data: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;
let call: ReturnType<ServedEngine['in']>;
/** One document is not applied before this is called. */
let apply: () => void;
const applying = new Promise<void>((resolve) => (apply = resolve));

const at = (key: string) => ({ params: { source: 'api', key }, query: { wait: 'true' } });
const put = (key: string, text: string, more: object = {}) =>
  call('PUT', '/sources/{source}/documents/{key}', {
    ...at(key),
    json: { text, ...more },
    headers: { 'content-type': DOCUMENT },
  });
const broken = (key: string) =>
  call('PUT', '/sources/{source}/documents/{key}', {
    ...at(key),
    body: '%PDF-1.7\nnothing\n%%EOF\n',
    headers: { 'content-type': 'application/pdf' },
  });
const idOf = (key: string) => documentId({ tenant: 'default', collection: 'desk', source: 'api', key });

async function why(key: string, query: string, more: object = {}): Promise<WhyResult> {
  const json = { query, documentId: idOf(key), mode: 'lexical', ...more };
  return (await call('POST', '/why', { json })).body as WhyResult;
}

/** Where it was lost, and what is said of that. */
async function lost(...asked: Parameters<typeof why>): Promise<string> {
  const { found, lostAt, stages } = await why(...asked);
  expect(found).toBe(false);
  return `${lostAt}: ${stages.find(({ stage }) => stage === lostAt)?.detail}`;
}

beforeAll(async () => {
  data = await temporaryFolder();
  const late = idOf('late');
  const faults = {
    reach: async (name: string, about?: string) => {
      if (name === 'apply:begin' && about === late) await applying;
    },
  };
  served = await serveEngine(join(data.path, 'data'), { search: { candidates: 10 } }, { faults });
  call = served.in('desk');
  await call('PUT', '', { json: {} });
  for (let n = 0; n < WEATHER; n += 1) {
    const words = Array.from({ length: 12 }, (_, w) => `word${n}x${w}`).join(' ');
    await put(`weather-${n}`, `Rain today${', and rain again'.repeat(WEATHER - n)}. ${words}.`, { metadata: { n } });
  }
  await put('far', `A note on rain, once. ${'Other things are said here at length. '.repeat(12)}`);
});
afterAll(async () => {
  await served.close();
  await data.remove();
});

describe('why a document is not among what was found', () => {
  it('(1) it is: every stage had it', async () => {
    const { found, stages } = await why('weather-0', 'rain', { limit: 3 });
    expect(found).toBe(true);
    expect(stages.map(({ stage, present }) => `${stage} ${present}`)).toEqual([
      'log true',
      'failed true',
      'policy true',
      'filter true',
      'rank true',
    ]);
  });

  it('(2) log: it was deleted', async () => {
    await put('gone', 'The gone note on rain.');
    await call('DELETE', '/sources/{source}/documents/{key}', at('gone'));
    expect(await lost('gone', 'gone note')).toBe('log: The document was deleted.');
  });

  it('(3) failed: it could not be read', async () => {
    await broken('bad');
    expect(await lost('bad', 'anything')).toMatch(/^failed: It failed\. corrupt_document: /);
  });

  it('(4) failed: it holds no text', async () => {
    await put('empty', '   ');
    expect(await lost('empty', 'anything')).toBe('failed: It holds no text that could be searched.');
  });

  it('(5) nothing, but what is shown is old: its newest state could not be read', async () => {
    await put('stale', 'The stale note about barometers.');
    await broken('stale');
    const { found, stages } = await why('stale', 'barometers');
    expect(found).toBe(true);
    expect(stages.find(({ stage }) => stage === 'failed')?.detail).toMatch(/^Its newest state failed, an older one is/);
  });

  it('(6) policy: not for these principals', async () => {
    await put('mine', 'A note about anemometers.', { policy: { principals: ['local', 'staff'] } });
    const as = { principals: ['guest'] };
    expect(await lost('mine', 'anemometers', { as })).toBe('policy: Needs one of the principals local, staff.');
    // Whose key could not read it anyway is not told that it exists.
    await put('theirs', 'A note about anemometers.', { policy: { principals: ['board'] } });
    const json = { query: 'anemometers', documentId: idOf('theirs') };
    expect((await call('POST', '/why', { json })).status).toBe(404);
  });

  it('(7) filter: by its metadata, (8) and by its source', async () => {
    const no = 'filter: The filter lets none of its 1 chunks through.';
    expect(await lost('weather-1', 'rain', { filter: { eq: ['metadata.n', 7] } })).toBe(no);
    expect(await lost('weather-1', 'rain', { filter: { not: { eq: ['source', 'api'] } } })).toBe(no);
    expect((await why('weather-1', 'rain', { filter: { eq: ['metadata.n', 1] } })).found).toBe(true);
  });

  it('(9) rank: other documents fill the arm', async () => {
    expect(await lost('far', 'rain')).toBe('rank: None of its chunks is among the first 10 of the lexical arm.');
    expect(await lost('weather-0', 'snow')).toBe('rank: None of its chunks is among the first 10 of the lexical arm.');
  });

  it('(10) rank: behind the limit', async () => {
    expect(await lost('weather-5', 'rain', { limit: 2 })).toMatch(/^rank: Its best chunk ranks \d, behind the limit/);
  });

  it('(11) rank: it says what a better one says', async () => {
    const text = 'The hygrometer in the cellar is read each morning before the windows are opened by the keeper.';
    await put('first', text);
    await put('second', text);
    const results = await Promise.all(['first', 'second'].map((key) => why(key, 'hygrometer cellar')));
    expect(results.map(({ found }) => found).sort()).toEqual([false, true]);
    const under = results.find(({ found }) => !found)!;
    expect(under.lostAt).toBe('rank');
    expect(under.stages.at(-1)!.detail).toMatch(/^Folded into a near-duplicate of document /);
  });

  it('(12) packing: the budget was used up, (13) or what it says stood there already', async () => {
    const answer = await why('weather-0', 'rain', { budget: { tokens: 400 } });
    expect(answer.found).toBe(true);
    expect(answer.stages.at(-1)).toMatchObject({ stage: 'packing', present: true });
    expect(await lost('weather-6', 'rain', { budget: { tokens: 80 } })).toBe(
      'packing: Of its chunks, none fitted into what was left of the budget.',
    );
    const twice = await Promise.all(
      ['first', 'second'].map((key) => why(key, 'hygrometer cellar', { budget: { tokens: 300 } })),
    );
    expect(twice.map(({ lostAt }) => lostAt).filter(Boolean)).toEqual(['packing']);
    expect(twice.find(({ found }) => !found)!.stages.at(-1)!.detail).toContain('stands in the context already');
  });

  it('(14) log: it was accepted and is not applied yet', async () => {
    const accepted = await call('PUT', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key: 'late' },
      body: 'A note about seismographs.',
      headers: { 'content-type': 'text/plain' },
    });
    expect(accepted.status).toBe(202);
    expect(await lost('late', 'seismographs')).toBe(
      'log: The live generation has not applied it yet: see lag in status.',
    );
    apply();
    await expect.poll(async () => (await why('late', 'seismographs')).found, { timeout: 20_000 }).toBe(true);
  });
});

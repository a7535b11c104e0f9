import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CitationChecks } from '../../src/core/schemas/citations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import type { DeadLetterList } from '../../src/core/schemas/operations.js';
import { parseConfig } from '../../src/engine.js';
import { complaints, runCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { ServedEngine } from '../support/served-engine.js';
import { engineConfig, serveEngine } from '../support/served-engine.js';

let place: Awaited<ReturnType<typeof temporaryFolder>>;
let replaced: string;
const below = (name: string): string => join(place.path, name);

const put = (call: ReturnType<ServedEngine['in']>, key: string, body: string, mime = 'text/plain') =>
  call('PUT', '/sources/{source}/documents/{key}', {
    params: { source: 'api', key },
    query: { wait: 'true' },
    body,
    headers: { 'content-type': mime, 'idempotency-key': `once-${key}-${body.length}` },
  });
const citation = async (call: ReturnType<ServedEngine['in']>, query: string): Promise<string> => {
  const { hits } = (await call('POST', '/search', { json: { query, mode: 'lexical' } })).body as SearchResult;
  return hits[0]!.citation.id;
};
const check = async (call: ReturnType<ServedEngine['in']>, id: string) =>
  ((await call('POST', '/citations/verify', { json: { citations: [id] } })).body as CitationChecks).results[0];
const letters = async (call: ReturnType<ServedEngine['in']>) =>
  ((await call('GET', '/dlq')).body as DeadLetterList).deadLetters;

/** One round of maintenance with these times, by the command. */
async function maintain(retention: object): Promise<Record<string, number>> {
  await writeFile(below('footnote.yaml'), JSON.stringify({ ...engineConfig(below('data')), retention }));
  const ran = await runCli(['maintain', '--json', '--config', below('footnote.yaml')], { cwd: place.path });
  expect(complaints(ran)).toEqual([]);
  expect(ran.code).toBe(0);
  return (JSON.parse(ran.stdout) as { removed: Record<string, number> }).removed;
}

async function served<T>(look: (call: ReturnType<ServedEngine['in']>) => Promise<T>): Promise<T> {
  const engine = await serveEngine(below('data'));
  try {
    return await look(engine.in('lights'));
  } finally {
    await engine.close();
  }
}

beforeAll(async () => {
  place = await temporaryFolder();
  replaced = await served(async (call) => {
    await call('PUT', '', { json: {} });
    await put(call, 'kept', 'The lamp is oiled at dusk.');
    const id = await citation(call, 'dusk');
    await put(call, 'kept', 'The lamp is oiled at dawn, and once more.');
    await put(call, 'gone', 'The fog lifts.');
    await call('DELETE', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key: 'gone' },
      query: { wait: 'true' },
    });
    await put(call, 'broken', '%PDF-1.7\nnothing\n%%EOF\n', 'application/pdf');
    return id;
  });
});
afterAll(() => place.remove());

describe('retention', () => {
  it('keeps everything for its time', async () => {
    expect(await maintain({})).toEqual({
      ...{ revisions: 0, jobs: 0, idempotency: 0, log: 0, letters: 0, tombstones: 0, repaired: 0 },
    });
    await served(async (call) => {
      expect(await check(call, replaced)).toMatchObject({ valid: true, current: false, reason: 'superseded' });
      expect(await letters(call)).toHaveLength(1);
    });
  });

  it('ends for texts, log and letters one by one, and says what went', async () => {
    const none = { revisionDays: 0, logDays: 0, deadLetterDays: 0 };
    expect(await maintain(none)).toMatchObject({ revisions: 1, log: 5, letters: 1, tombstones: 0 });
    await served(async (call) => {
      expect(await check(call, replaced)).toMatchObject({ valid: false, reason: 'expired' });
      expect(await letters(call)).toEqual([]);
      // What can't be read stays told, with its original.
      const { body } = await call('GET', '/documents', { query: { state: 'failed' } });
      expect(body).toMatchObject({ documents: [{ key: 'broken', state: 'failed' }] });
    });
  });

  it('ends for tombstones, whose names are then as unknown as any', async () => {
    const none = { revisionDays: 0, logDays: 0, deadLetterDays: 0, tombstoneDays: 0, jobDays: 0 };
    expect(await maintain(none)).toMatchObject({ tombstones: 1 });
    await served(async (call) => {
      const at = { params: { source: 'api', key: 'gone' } };
      expect((await call('GET', '/sources/{source}/documents/{key}', at)).status).toBe(404);
      // Its versions go on above the forgotten ones.
      const again = await put(call, 'gone', 'The fog is back.');
      expect(again.body).toMatchObject({ state: 'live' });
      expect(await citation(call, 'fog')).toBeDefined();
    });
  });

  it('of tombstones is not shorter than that of what they guard against', () => {
    expect(() => parseConfig({ retention: { logDays: 100 } })).toThrow(
      /retention\.tombstoneDays: must be at least 100, as long as the log \(logDays\) and dead letters/,
    );
  });
});

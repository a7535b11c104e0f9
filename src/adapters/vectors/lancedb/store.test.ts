import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect } from '@lancedb/lancedb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VectorStore } from '../../../core/ports/vectors.js';
import { point, unitVector, versionAt } from '../../../../test/support/points.js';
import { builtEntry } from '../../../runtime/entry.js';
import { openLanceVectors } from './index.js';

const SPEC = { generation: 'g-1', vectors: { text: 8 } };

describe('LanceDB vectors on disk', () => {
  let directory: string;
  let store: VectorStore;
  const open = (retentionMs?: number) =>
    openLanceVectors({ directory, ...(retentionMs === undefined ? {} : { retentionMs }) });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'footnote-lance-'));
    store = await open();
    await store.create(SPEC);
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function filesWith(text: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of await readdir(directory, { recursive: true })) {
      const path = join(directory, name);
      if ((await stat(path)).isFile() && (await readFile(path)).includes(text)) found.push(name);
    }
    return found;
  }

  it('leaves no bytes of a deleted document after optimizing, however small its share', async () => {
    const secret = randomBytes(24).toString('hex');
    const others = Array.from({ length: 400 }, (_, i) => point({ doc: `d${i}`, vectors: { text: unitVector(i, 8) } }));
    await store.write('g-1', [...others, point({ doc: 'secret', text: secret, terms: ['t', secret] })]);
    await store.optimize('g-1');
    expect(await filesWith(secret)).not.toEqual([]);
    await store.prune('g-1', point({ doc: 'secret' }).documentId, versionAt(2));
    await store.close();
    store = await open(0);
    await store.optimize('g-1');
    await store.optimize('g-1');
    expect(await filesWith(secret)).toEqual([]);
    expect(await store.count('g-1')).toBe(400);
  });

  it('scores by BM25 with k1 1.2 and b 0.75, indexed and fresh points almost alike', async () => {
    const bags = Array.from({ length: 200 }, (_, i) => [
      ...(i % 10 === 0 ? ['some', 'some'] : []),
      ...(i === 30 ? ['rare'] : []),
      ...Array.from({ length: 3 + (i % 7) }, (_, j) => `w${j}`),
    ]);
    const points = bags.map((terms, i) => point({ doc: `d${i}`, terms }));
    const average = bags.reduce((sum, terms) => sum + terms.length, 0) / bags.length;
    const expected = (terms: readonly string[], query: readonly string[]) =>
      query.reduce((sum, term) => {
        const n = bags.filter((bag) => bag.includes(term)).length;
        const tf = terms.filter((one) => one === term).length;
        const norm = 1.2 * (0.25 + (0.75 * terms.length) / average);
        return sum + (Math.log(1 + (200 - n + 0.5) / (n + 0.5)) * 2.2 * tf) / (tf + norm);
      }, 0);
    const deviation = async () => {
      const query = ['some', 'rare'];
      const [hits] = await store.search('g-1', [{ kind: 'lexical', terms: query }], { principals: ['local'] }, 50);
      expect(hits).toHaveLength(20);
      expect(hits![0]!.point.key).toBe('d30');
      return Math.max(...hits!.map((hit) => Math.abs(hit.score / expected(hit.point.terms, query) - 1)));
    };
    await store.write('g-1', points.slice(0, 180));
    await store.optimize('g-1');
    await store.write('g-1', points.slice(180));
    expect(await deviation()).toBeLessThan(0.05);
    await store.optimize('g-1');
    expect(await deviation()).toBeLessThan(1e-4);
  });

  it('leaves nothing of a dropped generation', async () => {
    await store.write('g-1', [point()]);
    await store.drop('g-1');
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes back a commit that was never reported as durable', async () => {
    await store.write('g-1', [point({ doc: 'kept' }), point({ doc: 'kept', ordinal: 1 })]);
    await store.close();
    // As after a power cut: a newer manifest is there and its data is not.
    const foreign = await connect(directory);
    const table = await foreign.openTable('g-1');
    await table.delete('ordinal = 0');
    expect(await table.countRows()).toBe(1);
    const deletions = join(directory, 'g-1.lance', '_deletions');
    for (const name of await readdir(deletions)) await writeFile(join(deletions, name), '');
    foreign.close();
    store = await open();
    expect(await store.count('g-1')).toBe(2);
    await store.write('g-1', [point({ doc: 'more' })]);
    await store.optimize('g-1');
    expect(await store.count('g-1')).toBe(3);
  });

  it('refuses a table of newer software', async () => {
    await store.close();
    const foreign = await connect(directory);
    const { makeArrowTable } = await import('@lancedb/lancedb');
    const data = makeArrowTable([{ id: 'x' }]);
    data.schema.metadata.set('footnote', JSON.stringify({ format: 99, vectors: { text: 8 } }));
    await foreign.createTable('g-1', data, { mode: 'overwrite' });
    foreign.close();
    await writeFile(join(directory, 'g-1.durable'), '99\n');
    store = await open();
    await expect(store.create(SPEC)).rejects.toMatchObject({ code: 'data_newer' });
    await expect(store.count('g-1')).rejects.toMatchObject({ code: 'data_newer' });
  });

  it('tells damaged files apart from missing generations', async () => {
    await store.write('g-1', [point({ vectors: { text: unitVector(1, 8) } })]);
    await store.close();
    const data = join(directory, 'g-1.lance', 'data');
    for (const name of await readdir(data)) await writeFile(join(data, name), 'x');
    store = await open();
    const search = store.search(
      'g-1',
      [{ kind: 'dense', vector: 'text', query: unitVector(1, 8) }],
      { principals: ['local'] },
      1,
    );
    await expect(search).rejects.toMatchObject({ code: 'data_corrupt' });
    await expect(store.count('g-2')).rejects.toMatchObject({ code: 'not_found' });
    await writeFile(join(directory, 'g-1.durable'), 'nonsense');
    await store.close();
    store = await open();
    await expect(store.count('g-1')).rejects.toMatchObject({ code: 'data_corrupt' });
  });

  it('starts over when its creation was interrupted', async () => {
    await store.close();
    await rm(join(directory, 'g-1.durable'));
    store = await open();
    await expect(store.count('g-1')).rejects.toMatchObject({ code: 'not_found' });
    await store.create(SPEC);
    await store.write('g-1', [point()]);
    expect(await store.count('g-1')).toBe(1);
  });

  it('has everything that was reported written when its process is killed', async () => {
    await store.close();
    const entry = builtEntry(import.meta.url, '../../../../test/support/vector-writer.ts');
    for (const survive of [3, 17, 31]) {
      const child = spawn(process.execPath, [entry, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
      let errors = '';
      child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      const written: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        written.push(line);
        if (written.length === survive) child.kill('SIGKILL');
      }
      expect(written.length, errors).toBeGreaterThanOrEqual(survive);
      store = await open();
      const ids = new Set<string>();
      for await (const one of store.scroll('g-1')) ids.add(one.id);
      expect(written.filter((id) => !ids.has(id))).toEqual([]);
      await store.close();
    }
    store = await open();
  });
});

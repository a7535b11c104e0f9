import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  TINY_VOCABULARY,
  tinyVector,
  writeTinyModel,
  type TinyModelOptions,
} from '../../../../test/support/tiny-model.js';
import { builtEntry } from '../../../runtime/entry.js';
import { ModelStore } from '../store.js';
import type { OnnxEmbedder } from './embedder.js';
import { openOnnxEmbedder } from './embedder.js';

const ids = (...words: string[]): number[] => words.map((word) => TINY_VOCABULARY.indexOf(word));
const MiB = 1024 * 1024;

describe('OnnxEmbedder on a model made here, by its manifest alone', () => {
  let root: string;
  let made = 0;
  const open: OnnxEmbedder[] = [];
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'footnote-tiny-'));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((embedder) => embedder.close()));
  });
  afterAll(() => rm(root, { recursive: true }));

  async function start(
    model: TinyModelOptions,
    options: { entry?: string; sessions?: number; device?: 'cpu' | 'cuda' } = {},
  ): Promise<OnnxEmbedder> {
    const folder = await writeTinyModel(join(root, String((made += 1))), model);
    const store = new ModelStore({ cache: join(root, 'cache'), offline: true });
    const embedder = await openOnnxEmbedder({
      model: await store.resolve(folder),
      entry: options.entry ?? builtEntry(import.meta.url, '../../../workers/embed.js'),
      device: options.device ?? 'cpu',
      sessions: options.sessions ?? 1,
      threads: 1,
      queueBytes: MiB,
    });
    open.push(embedder);
    return embedder;
  }

  function expectNear(vector: Float32Array | undefined, expected: readonly number[]): void {
    expect(vector).toHaveLength(expected.length);
    expected.forEach((value, at) => expect(vector?.[at]).toBeCloseTo(value, 5));
  }

  for (const pooling of ['mean', 'cls'] as const) {
    for (const tokenTypes of [true, false]) {
      it(`pools by ${pooling}, ${tokenTypes ? 'with' : 'without'} token types in the graph`, async () => {
        const embedder = await start({ pooling, tokenTypes });
        const [vector, empty] = await embedder.embed(['The cats sat!', ''], 'document');
        expectNear(vector, tinyVector(ids('[CLS]', 'the', 'cat', '##s', 'sat', '!', '[SEP]'), pooling, tokenTypes));
        expectNear(empty, tinyVector(ids('[CLS]', '[SEP]'), pooling, tokenTypes));
      });
    }
  }

  it('puts each role’s prefix before the text', async () => {
    const embedder = await start({ pooling: 'mean', prefixes: { query: 'query: ', document: 'passage: ' } });
    const [query] = await embedder.embed(['cat'], 'query');
    const [document] = await embedder.embed(['cat'], 'document');
    expectNear(query, tinyVector(ids('[CLS]', 'query', ':', 'cat', '[SEP]'), 'mean'));
    expectNear(document, tinyVector(ids('[CLS]', 'passage', ':', 'cat', '[SEP]'), 'mean'));
    expect(await embedder.countTokens(['cat'])).toEqual([1]);
  });

  it('cuts a long query so that it still ends with [SEP]', async () => {
    const embedder = await start({ pooling: 'mean', maxTokens: 5 });
    const [vector] = await embedder.embed(['a b c a b c'], 'query');
    expectNear(vector, tinyVector(ids('[CLS]', 'a', 'b', 'c', '[SEP]'), 'mean'));
  });

  it('gives another space to another pooling, prefix or limit, and the same to the same files elsewhere', async () => {
    const spaces = new Set<string>();
    const variants: TinyModelOptions[] = [
      { pooling: 'mean' },
      { pooling: 'cls' },
      { pooling: 'mean', prefixes: { query: 'query: ' } },
      { pooling: 'mean', maxTokens: 8 },
      { pooling: 'mean', tokenTypes: false },
    ];
    for (const variant of variants) spaces.add((await start(variant)).space);
    expect(spaces.size).toBe(variants.length);
    expect(spaces).toContain((await start({ pooling: 'mean', manifest: { name: 'renamed' } })).space);
  });

  it('answers a query before the documents that waited longer', async () => {
    const embedder = await start({ pooling: 'mean' });
    const order: string[] = [];
    const bulk = embedder
      .embed(new Array<string>(3000).fill('the cat sat'), 'document')
      .then(() => order.push('documents'));
    const query = embedder.embed(['cat'], 'query').then(() => order.push('query'));
    await Promise.all([bulk, query]);
    expect(order).toEqual(['query', 'documents']);
  });

  it('rejects what a dead thread had, as retryable, and goes on with a new one', async () => {
    const crashing = builtEntry(import.meta.url, '../../../../test/support/crashing-embed-worker.js');
    const embedder = await start({ pooling: 'mean' }, { entry: crashing });
    const [before] = await embedder.embed(['cat'], 'document');
    for (let time = 0; time < 6; time += 1) {
      await expect(embedder.embed(['cat', 'CRASH'], 'document')).rejects.toMatchObject({
        code: 'unavailable',
        permanence: 'transient',
      });
    }
    expect(await embedder.embed(['cat'], 'document')).toEqual([before]);
  });

  it('keeps a thread for queries while it is asked to, with the same vectors as any', async () => {
    const embedder = await start({ pooling: 'mean' });
    const [alone] = await embedder.embed(['cat'], 'query');
    const first = await embedder.keepForQueries();
    const second = await embedder.keepForQueries();
    const bulk = { done: false };
    const all = embedder.embed(new Array<string>(4000).fill('the cat sat'), 'document').then(() => (bulk.done = true));
    expect(await embedder.embed(['cat'], 'query')).toEqual([alone]);
    expect(bulk.done).toBe(false);
    first();
    first();
    expect(await embedder.embed(['cat'], 'query')).toEqual([alone]);
    second();
    await all;
    expect(await embedder.embed(['cat'], 'query')).toEqual([alone]);
    (await embedder.keepForQueries())();
    expect(await embedder.embed(['cat'], 'query')).toEqual([alone]);
  });

  it('refuses graphs that are no such model, with what is wrong', async () => {
    const wrong = async (manifest: TinyModelOptions['manifest']) => start({ pooling: 'mean', manifest });
    await expect(wrong({ output: 'pooled' })).rejects.toMatchObject({ code: 'model_unsupported' });
    await expect(wrong({ output: 'pooled' })).rejects.toThrow('its outputs are last_hidden_state');
    await expect(wrong({ inputs: ['input_ids'] })).rejects.toThrow('the manifest says input_ids');
    await expect(wrong({ dims: 9 })).rejects.toMatchObject({ code: 'model_unsupported' });
    await expect(wrong({ dims: 9 })).rejects.toThrow('its vectors have 8 dimensions, the manifest says 9');
  });

  // Where the CUDA libraries are installed there is nothing to refuse; the speed suite covers that machine.
  it('says what to install when CUDA is asked for and not there', async () => {
    const cuda = start({ pooling: 'mean' }, { device: 'cuda' });
    const outcome = await cuda.then(
      () => 'available',
      (error: unknown) => error,
    );
    if (outcome === 'available') return;
    expect(outcome).toMatchObject({ code: 'device_unavailable' });
    expect(String(outcome)).toContain('libonnxruntime_providers_cuda.so');
  });
});

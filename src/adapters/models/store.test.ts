import { createServer, type Server } from 'node:http';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../core/ids.js';
import { DEFAULT_MODEL } from './builtin.js';
import { MANIFEST_FILE, parseManifest, type ModelManifestInput } from './manifest.js';
import { ModelStore, type PullProgress } from './store.js';

/** 300 kB and 10 bytes, standing in for weights and tokenizer: the store does not look inside. */
const WEIGHTS = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251));
const TOKENIZER = Buffer.from('{"v":true}');

type Behaviour = 'whole' | 'cut' | 'other' | 'absent';

describe('ModelStore', () => {
  let root: string;
  let server: Server;
  let behaviour: Behaviour = 'whole';
  let requests: { url: string; range: string | undefined }[] = [];
  let endpoint: string;
  let breakOff = (): void => undefined;
  let made = 0;
  let cache: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'footnote-store-'));
    server = createServer((request, response) => {
      const url = request.url ?? '';
      // The hub redirects to its storage.
      if (url.startsWith('/owner/')) {
        response.writeHead(302, { location: `/storage${url}` }).end();
        return;
      }
      const range = request.headers.range;
      requests.push({ url, range });
      const whole = url.endsWith('model.onnx') ? WEIGHTS : TOKENIZER;
      if (behaviour === 'absent') response.writeHead(404).end();
      else if (behaviour === 'other') response.end(Buffer.alloc(whole.length, 7));
      else if (behaviour === 'cut' && whole === WEIGHTS) {
        response.writeHead(200, { 'content-length': whole.length });
        response.write(whole.subarray(0, 100_000));
        breakOff = () => response.destroy();
      } else if (range) {
        const start = Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
        response.writeHead(206, { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` });
        response.end(whole.subarray(start));
      } else response.end(whole);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  beforeEach(() => {
    cache = join(root, `cache-${(made += 1)}`);
    behaviour = 'whole';
    requests = [];
  });
  afterEach(() => {
    expect(requests.every(({ url }) => url.startsWith('/storage/owner/model/resolve/'))).toBe(true);
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(root, { recursive: true });
  });

  const manifest = (change: Partial<ModelManifestInput> = {}): ModelManifestInput => ({
    name: 'made',
    files: [WEIGHTS, TOKENIZER].map((content, index) => ({
      role: index === 0 ? ('model' as const) : ('tokenizer' as const),
      name: index === 0 ? 'model.onnx' : 'tokenizer.json',
      sha256: sha256(content),
      bytes: content.length,
      sources: [{ kind: 'hub', repo: 'owner/model', path: index === 0 ? 'onnx/model.onnx' : 'tokenizer.json' }],
    })),
    pooling: 'mean',
    maxTokens: 16,
    dims: 8,
    licence: 'MIT',
    ...change,
  });

  async function manifestFile(change: Partial<ModelManifestInput> = {}, name = 'model.yaml'): Promise<string> {
    const folder = join(root, `manifest-${(made += 1)}`);
    await mkdir(folder);
    // JSON is YAML.
    await writeFile(join(folder, name), JSON.stringify(manifest(change)));
    return join(folder, name);
  }

  const store = (options: { offline?: boolean; folders?: string[]; endpoint?: string } = {}): ModelStore =>
    new ModelStore({ cache, hubEndpoint: options.endpoint ?? endpoint, ...options });

  it('fetches from the hub through its redirects, checks, and needs no network afterwards', async () => {
    const path = await manifestFile();
    const progress: PullProgress[] = [];
    const first = await store().resolve(path, { onProgress: (at) => progress.push(at) });
    expect(await readFile(first.paths.model)).toEqual(WEIGHTS);
    expect(first.hashes).toEqual({ 'model.onnx': sha256(WEIGHTS), 'tokenizer.json': sha256(TOKENIZER) });
    expect(progress.filter(({ file }) => file === 'model.onnx').at(-1)).toMatchObject({
      received: 300_000,
      total: 300_000,
    });
    const asked = requests.length;
    expect(await store({ offline: true }).resolve(path)).toEqual(first);
    expect(requests).toHaveLength(asked);
    expect((await readdir(join(first.paths.model, '..'))).sort()).toEqual(['model.onnx', 'tokenizer.json']);
  });

  it('goes on where a broken download ended, and never shows half a file', async () => {
    const path = await manifestFile();
    behaviour = 'cut';
    const failed = store().resolve(path, {
      onProgress: ({ received }) => {
        if (received === 100_000) breakOff();
      },
    });
    await expect(failed).rejects.toMatchObject({ code: 'model_download_failed', permanence: 'transient' });
    await expect(failed).rejects.toThrow('hub owner/model@main/onnx/model.onnx');
    await expect(store({ offline: true }).resolve(path)).rejects.toMatchObject({ code: 'model_missing' });
    behaviour = 'whole';
    const model = await store().resolve(path);
    expect(await readFile(model.paths.model)).toEqual(WEIGHTS);
    expect(requests.map(({ range }) => range)).toContain('bytes=100000-');
  });

  it('keeps nothing of a download with another hash', async () => {
    const path = await manifestFile();
    behaviour = 'other';
    await expect(store().resolve(path)).rejects.toThrow(/SHA-256 is [0-9a-f]{64}, expected/);
    behaviour = 'whole';
    await expect(store().resolve(path)).resolves.toBeDefined();
    expect(requests.every(({ range }) => range === undefined)).toBe(true);
  });

  it('says what each source answered when none had the file', async () => {
    behaviour = 'absent';
    const path = await manifestFile();
    await expect(store().resolve(path)).rejects.toThrow('answered 404');
    await expect(store({ endpoint: 'http://127.0.0.1:9' }).resolve(path)).rejects.toMatchObject({
      code: 'model_download_failed',
    });
  });

  it('refuses a damaged file of the cache, and `pullModel` mends it', async () => {
    const path = await manifestFile();
    const { paths } = await store().resolve(path);
    const damaged = Buffer.from(WEIGHTS);
    damaged[1000] = 1 + damaged[1000]!;
    await writeFile(paths.model, damaged);
    await expect(store().resolve(path)).rejects.toMatchObject({ code: 'model_hash_mismatch' });
    await expect(store().resolve(path)).rejects.toThrow('models pull made');
    expect((await store().verifyModel(path)).map(({ ok }) => ok)).toEqual([false, true]);
    await store().pullModel(path);
    expect((await store().verifyModel(path)).map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('takes local folders first, and refuses a wrong file there instead of looking further', async () => {
    const path = await manifestFile();
    const local = join(root, `local-${made}`);
    await mkdir(join(local, 'made'), { recursive: true });
    await writeFile(join(local, 'made', 'model.onnx'), WEIGHTS);
    await writeFile(join(local, 'made', 'tokenizer.json'), TOKENIZER);
    const model = await store({ folders: [local] }).resolve(path);
    expect(model.paths.model).toBe(join(local, 'made', 'model.onnx'));
    expect(requests).toEqual([]);
    await writeFile(join(local, 'made', 'tokenizer.json'), '{}');
    await expect(store({ folders: [local] }).resolve(path)).rejects.toMatchObject({ code: 'model_hash_mismatch' });
  });

  it('opens a folder with a manifest and files without hashes: their hashes name them', async () => {
    const file = await manifestFile(
      {
        files: [
          { role: 'model', name: 'model.onnx' },
          { role: 'tokenizer', name: 'tokenizer.json' },
        ],
      },
      MANIFEST_FILE,
    );
    const folder = join(file, '..');
    await expect(store().resolve(folder)).rejects.toMatchObject({ code: 'model_missing' });
    await writeFile(join(folder, 'model.onnx'), WEIGHTS);
    await writeFile(join(folder, 'tokenizer.json'), TOKENIZER);
    expect((await store().resolve(folder)).hashes['model.onnx']).toBe(sha256(WEIGHTS));
  });

  it('fetches once when several ask at the same time', async () => {
    const path = await manifestFile();
    const all = await Promise.all(Array.from({ length: 4 }, () => store().resolve(path)));
    expect(new Set(all.map(({ paths }) => paths.model)).size).toBe(1);
    expect(requests).toHaveLength(2);
  });

  it('stops when cancelled', async () => {
    const path = await manifestFile();
    await expect(store().resolve(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('lists the built-in models and names them when another is asked for', async () => {
    expect(await store().listModels()).toMatchObject([{ name: DEFAULT_MODEL, state: 'absent', dims: 384 }]);
    await expect(store().resolve('no-such-model')).rejects.toMatchObject({ code: 'model_missing' });
    await expect(store().resolve('no-such-model')).rejects.toThrow(DEFAULT_MODEL);
    await expect(store().resolve('./no/such')).rejects.toMatchObject({ code: 'model_missing' });
    await expect(store({ offline: true }).resolve(DEFAULT_MODEL)).rejects.toMatchObject({ code: 'model_missing' });
  });
});

describe('model manifests', () => {
  const good = {
    name: 'm',
    files: [
      { role: 'model', name: 'model.onnx' },
      { role: 'tokenizer', name: 'tokenizer.json' },
    ],
    pooling: 'cls',
    maxTokens: 512,
    dims: 1024,
    licence: 'MIT',
  };

  it('have defaults for what is usual', () => {
    expect(parseManifest(good, 'x')).toMatchObject({
      kind: 'embedder',
      normalise: true,
      prefixes: { query: '', document: '' },
      output: 'last_hidden_state',
    });
  });

  it('are refused with the field that is wrong', () => {
    const refused = (change: object, words: string) =>
      expect(() => parseManifest({ ...good, ...change }, 'x.yaml')).toThrow(words);
    refused({ pooling: 'max' }, 'pooling');
    refused({ normalise: false }, 'dot product');
    refused({ files: [good.files[0]] }, 'files');
    refused({ files: [...good.files, good.files[0]] }, 'exactly one file of role model');
    refused({ files: [good.files[0], { role: 'tokenizer', name: '../../etc/passwd' }] }, 'without ".."');
    refused(
      { files: [good.files[0], { ...good.files[1], sources: [{ kind: 'hub', repo: 'a/b', path: 'c' }] }] },
      'needs sha256',
    );
    refused({ surprise: 1 }, 'surprise');
  });
});

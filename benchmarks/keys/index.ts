import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyCreateSchema } from '../../src/core/schemas/keys.js';
import type { ConfigInput, Engine } from '../../src/engine.js';
import { openEngine } from '../../src/engine.js';
import { quantile } from '../../src/services/eval/statistics.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';

export interface KeysBenchOptions {
  readonly config: ConfigInput;
  readonly files: readonly CorpusFile[];
  /** Searches with and without a key, each. */
  readonly searches?: number;
}

const COLLECTION = 'bench';
const WARM_UP = 300;
const TARGET_MS = 0.2;
const NEVER = new AbortController().signal;

interface Served {
  readonly engine: Engine;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What a key, its rights and its rate limit add to a search over HTTP: two servers in this process with the same
 * documents, one without keys and one with, asked in turn, one query in flight. Vectors are hashes, so that the search is
 * short and the difference shows.
 */
export async function run({ config, files, searches = 3000 }: KeysBenchOptions): Promise<BenchResult> {
  const data = await mkdtemp(join(tmpdir(), 'footnote-bench-keys-'));
  const opened: Engine[] = [];
  const serve = async (name: string, withKeys: boolean): Promise<Served> => {
    const engine = await openEngine({
      ...config,
      data: join(data, name),
      embedding: { ...config.embedding, model: 'test-hash' },
      http: { port: 0, rateLimit: { requests: 1_000_000 } },
    });
    opened.push(engine);
    await engine.surface.collections.put(engine.caller, COLLECTION, {}, NEVER);
    for (const { path } of files.slice(0, 20)) {
      for await (const _ of engine.surface.ingest(engine.caller, COLLECTION, { paths: [path] }, NEVER));
    }
    const key = KeyCreateSchema.parse({ scopes: ['read'], principals: ['local'] });
    const made = withKeys ? await engine.surface.keys.create(engine.caller, key, false, NEVER) : undefined;
    const { url } = await engine.serve();
    const headers = { 'content-type': 'application/json', ...(made ? { authorization: `Bearer ${made.secret}` } : {}) };
    return { engine, url: `${url}/v1/collections/${COLLECTION}/search`, headers };
  };
  try {
    const servers = [await serve('without', false), await serve('with', true)];
    const queries = files.flatMap(({ text }) => /^#+ (.{8,80})$/m.exec(text)?.[1] ?? []);
    const ms: [number[], number[]] = [[], []];
    for (let n = -WARM_UP; n < searches; n += 1) {
      const body = JSON.stringify({ query: queries[(n + WARM_UP) % queries.length], limit: 5 });
      // Whoever is first in a round is second in the next one.
      for (const which of n % 2 === 0 ? [0, 1] : [1, 0]) {
        const { url, headers } = servers[which]!;
        const began = performance.now();
        const response = await fetch(url, { method: 'POST', body, headers });
        await response.arrayBuffer();
        if (n >= 0) ms[which]!.push(performance.now() - began);
        if (response.status !== 200) throw new Error(`A search was answered with ${response.status}`);
      }
    }
    const differences = ms[1].map((each, n) => each - ms[0][n]!).sort((a, b) => a - b);
    const [without, withKey] = ms.map((times) => times.sort((a, b) => a - b)) as [number[], number[]];
    const added = quantile(differences, 0.5);
    return {
      name: 'keys',
      figures: {
        searches,
        withoutMsP50: quantile(without, 0.5),
        withMsP50: quantile(withKey, 0.5),
        addedMsP50: added,
      },
      ratios: { addedP50ToTarget: { value: added / TARGET_MS, target: 1 } },
      notes: [
        `targets: addedMsP50 <= ${TARGET_MS} ms: looking up the key, checking its rights, its rate limit; the median of the rounds' differences`,
      ],
    };
  } finally {
    for (const engine of opened) await engine.close();
    await rm(data, { recursive: true, force: true });
  }
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../src/engine.js';
import { quantile } from '../../src/services/eval/statistics.js';
import { Random } from '../../src/runtime/random.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { startServer } from '../served.js';
import { CollectionApi } from './api.js';
import { type Asked, type LoadReport, distinctQueries, startLoad } from './load.js';
import { Probes, Recorded } from './oracles.js';

export interface ReindexBenchOptions {
  readonly config: ConfigInput;
  readonly files: readonly CorpusFile[];
}

const COLLECTION = 'bench';
const PER_SECOND = 20;
const IDLE_MS = 45_000;
const SWITCHES = 10;
const SWITCH_EVERY_MS = 1500;
const PROBES = 20;
const RECORDED = 100;
const CHUNKER = { targetTokens: 80 };

/**
 * A generation with other chunks, built beside the live one that is asked 20 queries a second over HTTP and takes a
 * write a second, with the default model. The query cache is off and the vector cache as good as: every query and every
 * chunk is computed. What is searched for is held against what was written and what the same query found before.
 */
export async function run({ config, files }: ReindexBenchOptions): Promise<BenchResult> {
  const data = await mkdtemp(join(tmpdir(), 'footnote-bench-reindex-'));
  const server = await startServer({
    ...config,
    data,
    http: { port: 0 },
    search: { queryCacheEntries: 0 },
    embedding: { ...config.embedding, cacheBytes: 1024 },
  });
  try {
    const { token } = JSON.parse(await readFile(join(data, 'server.json'), 'utf8')) as { token: string };
    const api = new CollectionApi(server.url, token, COLLECTION);
    await api.create();
    const texts = files.map(({ text }) => text);
    const firstSeconds = await seconds(() => api.ingest(folderOf(files)));
    const documents = files.length + PROBES;
    const alone = documents / (await seconds(() => build(api)));
    await api.dropOthers();

    const probes = new Probes(api, PROBES);
    await probes.writeAll();
    const recorded = new Recorded(api);
    const next = distinctQueries(texts, 1);
    const random = new Random(2);
    await recorded.record(Array.from({ length: RECORDED }, () => next()));
    const queries = (): Asked => {
      const any = random.next();
      if (any < 0.25) return probes.ask(random);
      if (any < 0.5) return recorded.ask(random);
      return { body: { query: next(), limit: 10 } };
    };
    const load = () => startLoad(api.url('/search'), PER_SECOND, queries);
    /** Answers while something goes on, with a write a second. */
    const under = async (work: () => Promise<unknown>): Promise<LoadReport & { readonly seconds: number }> => {
      const asking = load();
      const writing = probes.keepWriting();
      const took = await seconds(work);
      await writing.stop();
      return { ...(await asking.stop()), seconds: took };
    };

    await under(() => sleep(5000));
    const before = await under(() => sleep(IDLE_MS));
    const busy = await under(() => build(api));
    const after = await under(() => sleep(IDLE_MS));
    recorded.stop();
    const switched = await under(async () => {
      for (let n = 0; n < SWITCHES; n += 1) {
        await api.rollBack();
        await sleep(SWITCH_EVERY_MS);
      }
    });
    await server.close();

    const idle = [...before.ms, ...after.ms].sort((a, b) => a - b);
    const all = [before, busy, after, switched];
    const sum = (of: (report: LoadReport) => number): number => all.reduce((total, report) => total + of(report), 0);
    const under20 = documents / busy.seconds;
    return {
      name: 'reindex',
      figures: {
        documents,
        firstDocumentsPerSecond: files.length / firstSeconds,
        aloneDocumentsPerSecond: alone,
        busyDocumentsPerSecond: under20,
        idleMsP50: quantile(idle, 0.5),
        idleMsP95: quantile(idle, 0.95),
        idleBeforeMsP95: quantile(before.ms, 0.95),
        idleAfterMsP95: quantile(after.ms, 0.95),
        busyMsP50: quantile(busy.ms, 0.5),
        busyMsP95: quantile(busy.ms, 0.95),
        switchingMsP95: quantile(switched.ms, 0.95),
        queries: sum(({ ms }) => ms.length),
        checked: sum(({ checked }) => checked),
        errors: sum(({ errors }) => errors.length),
        wrong: sum(({ wrong }) => wrong.length),
        switches: SWITCHES,
      },
      ratios: {
        searchP95BusyToIdle: { value: quantile(busy.ms, 0.95) / quantile(idle, 0.95), target: 1.3 },
        documentsBusyToAlone: { value: under20 / alone, target: 0.4 },
        aloneToFirstIngestion: { value: (alone * firstSeconds) / files.length },
      },
      notes: [
        `${PER_SECOND} queries a second over HTTP (half of them never asked before, the others held against an oracle), a write a second; times from when a query was due`,
        'alone: nobody searches; busy: queries have a thread of their own, to which those that embed give way, and the build pauses as it must',
        'targets: searchP95BusyToIdle <= 1.3, documentsBusyToAlone >= 0.4, errors 0, wrong 0',
        ...all.flatMap(({ errors, wrong }) => [...errors, ...wrong]).slice(0, 20),
      ],
    };
  } finally {
    await server.kill();
    await rm(data, { recursive: true, force: true });
  }
}

/** Another generation, built and in step, but not released. */
async function build(api: CollectionApi): Promise<void> {
  const job = await api.reindex({ chunker: CHUNKER });
  for (;;) {
    await sleep(100);
    const { state, error } = await api.job(job.id);
    if (state === 'succeeded') break;
    if (state !== 'running' && state !== 'queued') throw new Error(`Reindexing ended as ${state}: ${error?.message}`);
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

function folderOf(files: readonly CorpusFile[]): string {
  let folder = dirname(files[0]!.path);
  while (!files.every(({ path }) => path.startsWith(`${folder}/`))) folder = dirname(folder);
  return folder;
}

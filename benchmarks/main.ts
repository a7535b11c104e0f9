import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultCache } from '../src/engine/models.js';
import { openModels } from '../src/engine.js';
import { packageVersion } from '../src/engine/version.js';
import { run as budget } from './budget/index.js';
import { run as chunking } from './chunking/index.js';
import { run as citations } from './citations/index.js';
import { run as connect } from './connect/index.js';
import { markdownFiles } from './corpus.js';
import { run as embedding } from './embedding/index.js';
import { run as keys } from './keys/index.js';
import { run as office } from './office/index.js';
import { run as packing } from './packing/index.js';
import { run as parsing } from './parsing/index.js';
import { run as pipeline } from './pipeline/index.js';
import { run as reindex } from './reindex/index.js';
import type { BenchResult } from './result.js';
import { run as search } from './search/index.js';
import { SERVER_BENCHES } from './servers/index.js';
import { serversMissing } from './servers/place.js';

const HELP = `npm run bench -- [--docs DIR] [--only NAME,NAME] [--rounds N] [--out DIR] [--json]

  --docs DIR   Markdown files to measure with (default: ../shared/data/markdown, else docs)
  --only       embedding, chunking, packing, search, pipeline, parsing, citations, budget, connect, keys, office, reindex;
               servers: ${Object.keys(SERVER_BENCHES).join(', ')}
  --out DIR    where results are written (default: benchmarks/results)
`;

const { values } = parseArgs({
  options: {
    docs: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    out: { type: 'string', default: 'benchmarks/results' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const wanted = values.only?.split(',');
const rounds = values.rounds === undefined ? {} : { rounds: Number(values.rounds) };
const cache = process.env['FOOTNOTE_CACHE'] ?? defaultCache();
const config = { cache, log: { level: 'error' as const } };
const store = openModels(config);
const files = await corpus(values.docs);
const results: BenchResult[] = [];

async function measure(name: string, work: () => Promise<BenchResult>, group = name): Promise<void> {
  if (wanted && !wanted.includes(name) && !wanted.includes(group)) return;
  process.stderr.write(`${name} …\n`);
  const result = await work();
  results.push(result);
  if (!values.json) print(result);
  await save(result);
}

await measure('embedding', () => embedding({ store, documents: files.map(({ text }) => text), ...rounds }));
const speed = results[0]?.figures['tokensPerSecondOneSession'];
await measure('chunking', () =>
  chunking({ store, files, ...rounds, ...(speed === undefined ? {} : { embeddedTokensPerSecond: speed }) }),
);
await measure('packing', () => packing({ files }));
await measure('search', () => search({ config, files }));
await measure('pipeline', () => pipeline({ config, files, ...rounds }));
await measure('parsing', () => parsing({ config, folders: ['../shared/data/pdf', '../shared/data/html'] }));
await measure('citations', () =>
  citations({ store, config, folders: ['markdown', 'html', 'pdf'].map((name) => `../shared/data/${name}`) }),
);
await measure('budget', () => budget({ store, files }));
await measure('connect', () => connect({ config, ...rounds }));
await measure('office', () => office({ config, folder: '../shared/data/office' }));
await measure('keys', () => keys({ config, files }));
await measure('reindex', () => reindex({ config, files }));
const missing = serversMissing();
for (const [name, { run, long }] of Object.entries(SERVER_BENCHES)) {
  if (long && !wanted?.includes(name)) continue;
  if (wanted && !wanted.includes(name) && !wanted.includes('servers')) continue;
  if (missing !== undefined) process.stderr.write(`${name} skipped: ${missing}\n`);
  else await measure(name, () => run({ config, files, ...rounds }), 'servers');
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);

async function corpus(directory: string | undefined): Promise<Awaited<ReturnType<typeof markdownFiles>>> {
  if (directory !== undefined) return markdownFiles(directory);
  try {
    return await markdownFiles('../shared/data/markdown');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    process.stderr.write('No ../shared/data/markdown: measuring with docs/; figures are not comparable.\n');
    return markdownFiles('docs');
  }
}

function print({ name, figures, ratios, notes }: BenchResult): void {
  const lines = [
    ...Object.entries(figures).map(([key, value]) => `  ${key.padEnd(34)} ${format(value)}`),
    ...Object.entries(ratios).map(
      ([key, { value, target }]) =>
        `  ${key.padEnd(34)} ${format(value)}${target === undefined ? '' : ` (target ${target})`}`,
    ),
    ...notes.map((note) => `  ${note}`),
  ];
  process.stdout.write(`${name}\n${lines.join('\n')}\n`);
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}

async function save(result: BenchResult): Promise<void> {
  await mkdir(values.out, { recursive: true });
  const cpu = cpus();
  const about = {
    at: new Date().toISOString(),
    version: packageVersion(),
    commit: commit(),
    node: process.version,
    cpu: `${cpu.length} x ${cpu[0]?.model ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
  await writeFile(join(values.out, `${result.name}.json`), `${JSON.stringify({ ...about, ...result }, null, 2)}\n`);
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    // Not a checkout: an installed package.
    return 'unknown';
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runReindexKills } from './kill/reindex-kills.js';

/** The whole proof: `node dist/test/faults/reindex-kills.js --seeds 20 [--seed-from 1] [--documents 60] [--out FILE.json]`. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    'seed-from': { type: 'string', default: '1' },
    documents: { type: 'string', default: '60' },
    out: { type: 'string' },
  },
});
const [seeds, first, documents] = [values.seeds, values['seed-from'], values.documents].map(Number) as [
  number,
  number,
  number,
];
const directory = await mkdtemp(join(tmpdir(), 'footnote-reindex-kills-'));
const began = Date.now();
const seconds = (): number => Math.round((Date.now() - began) / 1000);
const kills: Record<string, number> = {};
const found: string[] = [];
let chunks = 0;
try {
  for (let seed = first; seed < first + seeds; seed += 1) {
    const run = await runReindexKills({ seed, documents, directory: join(directory, String(seed)) });
    for (const [point, count] of Object.entries(run.report.kills)) kills[point] = (kills[point] ?? 0) + count;
    found.push(...run.violations.map((each) => `seed ${seed}: ${each}`));
    chunks += run.report.end.canonical.length;
    console.error(`${seconds()} s  seed ${seed}: ${run.kills} kills, ${run.violations.length} violations`);
  }
  const summary = {
    command: `node dist/test/faults/reindex-kills.js --seeds ${seeds} --seed-from ${first} --documents ${documents}`,
    node: process.version,
    hardware: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    seconds: seconds(),
    seeds,
    documents,
    chunks,
    kills: Object.values(kills).reduce((sum, each) => sum + each, 0),
    violations: found,
    killsByPoint: Object.fromEntries(Object.entries(kills).sort()),
  };
  const text = `${JSON.stringify(summary, null, 2)}\n`;
  process.stdout.write(text);
  if (values.out !== undefined) await writeFile(values.out, text);
  if (found.length > 0) process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

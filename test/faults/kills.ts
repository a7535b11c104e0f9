import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { totalOf, violations } from './kill/compare.js';
import { runKills } from './kill/run.js';

/** The whole proof: `node dist/test/faults/kills.js --seeds 100 --documents 500 --seed-from 1 [--out FILE.json]`. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    documents: { type: 'string', default: '500' },
    'seed-from': { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const kills = Number(values.seeds);
const documents = Number(values.documents);
const script = { seed: Number(values['seed-from']), documents, steps: Math.max(10, Math.round(documents / 5)) };
const directory = await mkdtemp(join(tmpdir(), 'footnote-kills-'));
const began = Date.now();
const say = (text: string): void => console.error(`${((Date.now() - began) / 1000).toFixed(0)} s  ${text}`);
try {
  const report = await runKills({ script, kills, directory, onProgress: say });
  const found = violations(report);
  const done = totalOf(report.kills);
  const never = Object.entries(report.kills).flatMap(([point, count]) => (count === 0 ? [point] : []));
  const summary = {
    command: `node dist/test/faults/kills.js --seeds ${kills} --documents ${documents} --seed-from ${script.seed}`,
    node: process.version,
    hardware: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    seconds: Math.round((Date.now() - began) / 1000),
    documents,
    steps: script.steps,
    kills: done,
    violations: found,
    chunks: { killed: report.killed.canonical.length, clean: report.clean.canonical.length },
    blobs: { killed: report.killed.blobs.length, clean: report.clean.blobs.length },
    deadLetters: { killed: report.killed.letters.length, clean: report.clean.letters.length },
    leftoversNeverShown: { killed: report.killed.leftovers, clean: report.clean.leftovers },
    killsByPoint: report.kills,
  };
  const text = `${JSON.stringify(summary, null, 2)}\n`;
  process.stdout.write(text);
  if (values.out !== undefined) await writeFile(values.out, text);
  if (found.length > 0 || done < kills || (kills >= 100 && never.length > 0)) process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

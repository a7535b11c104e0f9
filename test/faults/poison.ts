import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quantile } from '../../src/services/eval/statistics.js';
import { TestCluster } from '../support/kafka.js';
import { serverStores } from '../support/stores.js';
import { runPoison } from './poison/run.js';

/**
 * Bad messages among sound ones, on the servers that the environment names:
 * `node dist/test/faults/poison.js --rounds 5 --messages 400 [--rate 20] [--seed 1] [--out FILE.json]`.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '400' },
    rate: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const [rounds, messages, rate, seed] = [values.rounds, values.messages, values.rate, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];
const SHARE = 0.05;
const DECIMALS = 1;
const directory = await mkdtemp(join(tmpdir(), 'footnote-poison-'));
const began = Date.now();
const seconds = (): number => Math.round((Date.now() - began) / 1000);
const cluster = await TestCluster.open(process.env['KAFKA_BROKERS'] ?? '');
try {
  const report = await runPoison({
    ...{ cluster, stores: serverStores(), directory, seed, rounds, messages, rate, share: SHARE },
    onProgress: (text) => console.error(`${seconds()} s  ${text}`),
  });
  const at = (q: number) => {
    const [clean, poisoned] = [quantile(report.delays.clean, q), quantile(report.delays.poisoned, q)];
    const short = (value: number): number => Number(value.toFixed(DECIMALS));
    return { cleanMs: short(clean), poisonedMs: short(poisoned), ratio: Number((poisoned / clean).toFixed(3)) };
  };
  const summary = {
    command: `node dist/test/faults/poison.js --rounds ${rounds} --messages ${messages} --rate ${rate} --seed ${seed}`,
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim(),
    node: process.version,
    hardware: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    loadAverage: loadavg()[0]!,
    seconds: seconds(),
    vectors: process.env['QDRANT_URL'] === undefined ? 'lancedb' : 'qdrant',
    badMessages: report.bad,
    soundMessages: report.sound,
    letters: report.letters,
    delayOfSound: { p50: at(0.5), p99: at(0.99) },
    replayed: report.replayed,
    chunks: report.after.canonical.length,
    leftoversNeverShown: report.after.leftovers,
    violations: report.violations,
  };
  const text = `${JSON.stringify(summary, null, 2)}\n`;
  process.stdout.write(text);
  if (values.out !== undefined) await writeFile(values.out, text);
  if (report.violations.length > 0) process.exitCode = 1;
} finally {
  await cluster.close();
  await rm(directory, { recursive: true, force: true });
}

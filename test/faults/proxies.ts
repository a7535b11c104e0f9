import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServers } from '../../scripts/servers/start.js';
import { totalOf } from './kill/compare.js';
import { type ProxyReport, runProxy } from './proxy/run.js';
import { WIRES, type WireName } from './proxy/wires.js';

/** The whole proof: `node dist/test/faults/proxies.js --server kafka|postgres|s3|qdrant --seeds 200 [--seed-from 1] [--out FILE.json]`. */
const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    'seed-from': { type: 'string', default: '1' },
    out: { type: 'string' },
    // A folder for what the histories end as without a proxy, which the runs of all servers are held against.
    keep: { type: 'string' },
  },
});
const name = values.server as WireName;
if (!(name in WIRES)) throw new Error(`--server is one of ${Object.keys(WIRES).join(', ')}`);
const kind = WIRES[name];
const seeds = Number(values.seeds);
const first = Number(values['seed-from']);
const directory = await mkdtemp(join(tmpdir(), 'footnote-proxies-'));
// A server that refuses to run as root gets a user of its own, who must reach its folder.
await chmod(directory, 0o755);
const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
const began = Date.now();
// Kafka's wire has a broker of its own.
const servers = await startServers(directory, { only: name === 'kafka' ? [] : [name] });
for (const { reason } of servers.missing) throw new Error(reason);
Object.assign(process.env, servers.environment);
try {
  const wire = await kind.open(directory);
  const { struck } = wire.plan;
  const summary = (report: ProxyReport) => {
    const of = (what: string) => report.violations.filter((each) => new RegExp(`(^|: )${what}: `).test(each)).length;
    return {
      command: `node dist/test/faults/proxies.js --server ${name} --seeds ${report.seeds} --seed-from ${first}`,
      commit,
      node: process.version,
      hardware: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
      seconds: Math.round((Date.now() - began) / 1000),
      seeds: report.seeds,
      writes: report.writes,
      refusedForNow: report.refused,
      lost: of('lost'),
      staleOverwrites: of('stale'),
      resurrections: of('resurrected'),
      violations: report.violations,
      leftoversNeverShown: report.leftovers,
      faults: Object.fromEntries(kind.faults.map((fault) => [fault, totalOf(struck[fault] ?? {})])),
      faultsByRequest: struck,
    };
  };
  try {
    const onProgress = (text: string): void => console.error(`${((Date.now() - began) / 1000).toFixed(0)} s  ${text}`);
    const report = await runProxy({
      wire,
      first,
      seeds,
      directory,
      ...(values.keep === undefined ? {} : { keep: values.keep }),
      onProgress,
      onReport: async (known) => {
        onProgress(`${known.seeds} of ${seeds} seeds are done, ${known.violations.length} violations`);
        if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(summary(known), null, 2)}\n`);
      },
    });
    process.stdout.write(`${JSON.stringify(summary(report), null, 2)}\n`);
    const never = kind.faults.filter((fault) => totalOf(struck[fault] ?? {}) === 0);
    if (report.violations.length > 0 || (seeds >= 20 && never.length > 0)) process.exitCode = 1;
  } finally {
    await wire.close();
  }
} finally {
  await servers.stop();
  await rm(directory, { recursive: true, force: true });
}

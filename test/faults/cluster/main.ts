import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { ClusterOptions, ClusterReport } from './run.js';
import { runCluster } from './run.js';
import { clusterStores } from './script.js';

export interface Proof extends Pick<ClusterOptions, 'disturb' | 'targetTokens'> {
  readonly seed: number;
  readonly documents: number;
  /** What the report says besides, and what else is wrong. */
  readonly outcome: (report: ClusterReport) => Promise<{ figures: object; problems: readonly string[] }>;
}

/** Runs one proof on the servers that the environment names, prints its report, and fails when anything is wrong. */
export async function prove(
  command: string,
  out: string | undefined,
  make: (say: (text: string) => void, stores: ClusterOptions['stores']) => Proof,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'footnote-cluster-'));
  const began = Date.now();
  const seconds = (): number => Math.round((Date.now() - began) / 1000);
  const say = (text: string): void => console.error(`${seconds()} s  ${text}`);
  const stores = clusterStores();
  const { seed, documents, outcome, ...rest } = make(say, stores);
  const script = { seed, documents, steps: Math.max(10, Math.round(documents / 8)) };
  try {
    const report = await runCluster({ ...rest, script, directory, stores, onProgress: say });
    const { figures, problems } = await outcome(report);
    const violations = [...report.violations, ...problems];
    const summary = {
      command,
      node: process.version,
      hardware: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
      seconds: seconds(),
      documents,
      steps: script.steps,
      violations,
      chunks: { disturbed: report.disturbed.canonical.length, clean: report.clean.canonical.length },
      deadLetters: { disturbed: report.disturbed.letters.length, clean: report.clean.letters.length },
      leftoversNeverShown: report.disturbed.leftovers,
      youngBlobs: report.youngBlobs,
      ...figures,
    };
    const text = `${JSON.stringify(summary, null, 2)}\n`;
    process.stdout.write(text);
    if (out !== undefined) await writeFile(out, text);
    if (violations.length > 0) process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

import { writeFileSync } from 'node:fs';
import { openEngine } from '../../src/engine/open.js';
import { killAt, noFaults } from '../../src/runtime/faults.js';
import { CALLER, COLLECTION } from './kill/work.js';
import { connectConfig } from './connect-kill/config.js';

/** One process that reads its sources once: its one argument is JSON of this. */
export interface ConnectWorkerOptions {
  readonly data: string;
  readonly folders: readonly string[];
  readonly repository: string;
  readonly kill?: { readonly point: string; readonly count: number };
  /** Some source can't be read just now. */
  readonly broken?: boolean;
  /** Where to write what is live at the end: `source key` and the hash of its content. */
  readonly out?: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as ConnectWorkerOptions;
const { kill, broken, out } = options;
const never = new AbortController().signal;
const engine = await openEngine(connectConfig(options), { faults: kill ? killAt(kill.point, kill.count) : noFaults });
try {
  for (const { source, last } of await engine.connect.once({}, never)) {
    if (last?.outcome === 'ok' && last.counts.failed === 0) continue;
    if (!broken) throw new Error(`${source}: ${JSON.stringify(last)}`);
  }
  if (out !== undefined) writeFileSync(out, JSON.stringify(await living()));
} finally {
  await engine.close();
}

async function living(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  let after: string | undefined;
  do {
    const page = { limit: 1000, ...(after === undefined ? {} : { after }) };
    const { documents, next } = await engine.surface.documents.list(CALLER, COLLECTION, page, never);
    for (const { source, key, state, content } of documents) {
      if (state === 'live') found[`${source} ${key}`] = content?.sha256 ?? '';
    }
    after = next;
  } while (after !== undefined);
  return found;
}

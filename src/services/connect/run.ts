import type { FootnoteError } from '../../core/errors.js';
import { asFootnoteError } from '../../core/errors.js';
import type { SourceChange } from '../../core/ports/connector.js';
import type { SourceCounts, SourceRun } from '../../core/schemas/connectors.js';
import { runListing } from '../listing.js';
import type { ListedItem } from '../listing.js';
import type { PassedOver } from '../listing/ports.js';
import type { ConnectPorts, KeptSource } from './ports.js';

/** Items between two looks at what waits to be applied. */
const LOOK_EVERY = 256;
/** Changes of a collection that may wait to be applied; beyond it reading waits. */
const MAX_BACKLOG = 5000;
const BACKLOG_WAIT_MS = 500;
/** Items that are read and sent side by side: most of the time of each is a wait for the disk. */
const CONCURRENCY = 16;
/** Items told by name; further ones are counted. */
const MAX_PROBLEMS = 20;

export const noCounts = (): SourceCounts => ({ sent: 0, deleted: 0, unchanged: 0, skipped: 0, failed: 0 });

export interface OneRun {
  readonly confirmed: number | undefined;
  readonly passedOver: PassedOver;
  readonly signal: AbortSignal;
  /** Follows the run as it goes. */
  readonly counts: SourceCounts;
}

/** One listing of a kept source. Never throws: how it went is the answer, with the error beside it. */
export async function runSource(
  ports: ConnectPorts,
  source: KeptSource,
  { confirmed, passedOver, signal, counts }: OneRun,
): Promise<{ run: SourceRun; error?: FootnoteError }> {
  const now = (): string => new Date(ports.clock.now()).toISOString();
  const startedAt = now();
  const problems: SourceRun['problems'] = [];
  let fence: number | undefined;
  const note = ({ key, outcome, code, message }: ListedItem): void => {
    counts[outcome] += 1;
    if (outcome !== 'failed' || problems.length >= MAX_PROBLEMS) return;
    problems.push({ key, code: code ?? 'internal', message: message ?? 'It failed.' });
  };
  const ended = (outcome: SourceRun['outcome'], error?: FootnoteError) => ({
    run: {
      startedAt,
      endedAt: now(),
      outcome,
      counts: { ...counts },
      problems,
      ...(fence === undefined ? {} : { fence }),
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    },
    ...(error === undefined ? {} : { error }),
  });
  try {
    const { tenant, collection: name } = source.name;
    const collection = await ports.collection(tenant, name);
    const { connector, deletes, policy } = source;
    await runListing(
      ports,
      {
        collection,
        source: source.name.source,
        connector,
        changes: (start) => inStep(ports, source, source.read(start), start.signal),
        maxBytes: ports.maxBytes,
        deletes,
        whole: true,
        brake: { ...source.brake, ...(confirmed === undefined ? {} : { confirmed }) },
        ...(policy === undefined ? {} : { policy }),
        concurrency: CONCURRENCY,
        passedOver,
        signal,
        onFence: (taken) => (fence = taken),
      },
      note,
    );
    return ended('ok');
  } catch (thrown) {
    const error = asFootnoteError(thrown);
    if (signal.aborted) return ended('aborted');
    return ended(error.code === 'deletion_stopped' ? 'stopped' : 'failed', error);
  }
}

/** Reads no faster than what was read is applied. */
async function* inStep(
  ports: ConnectPorts,
  { name }: KeptSource,
  changes: AsyncIterable<SourceChange>,
  signal: AbortSignal,
): AsyncGenerator<SourceChange> {
  let read = 0;
  for await (const change of changes) {
    yield change;
    read += 1;
    if (read % LOOK_EVERY !== 0) continue;
    while ((await ports.backlog(name.tenant, name.collection)) > MAX_BACKLOG) {
      await ports.clock.sleep(BACKLOG_WAIT_MS, signal);
    }
  }
}

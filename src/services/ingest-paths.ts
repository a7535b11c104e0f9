import type { Catalog, Collection, DocumentRow } from '../core/ports/catalog.js';
import type { SourceChange } from '../core/ports/connector.js';
import type { IngestEvent, ReportLine } from '../core/schemas/operations.js';
import { channel } from '../runtime/channel.js';
import type { Applied } from './applied.js';
import type { ListedItem, ListingPorts } from './listing.js';
import { runListing } from './listing.js';

export interface IngestPathsPorts extends Omit<ListingPorts, 'catalog'> {
  readonly catalog: ListingPorts['catalog'] & Pick<Catalog, 'documents'>;
  readonly applied: Applied;
  /** Resolves when the generation has applied everything that stands in the log now. */
  readonly caughtUp: (collection: Collection, generation: string, signal: AbortSignal) => Promise<void>;
  /** Chunks embedded for a version that was just applied, if this process did it. */
  readonly embedded: (documentId: string) => number;
}

export interface IngestPathsOptions {
  readonly collection: Collection;
  /** The live generation: the one that is waited for. */
  readonly generation: string;
  readonly source: string;
  readonly connector: string;
  readonly changes: AsyncIterable<SourceChange>;
  readonly maxBytes: number;
  readonly deletes: boolean;
}

type Outcome = ReportLine['outcome'];

/** How often progress is told, in milliseconds. */
const PROGRESS_MS = 200;

/**
 * Lists a source once and waits until the live generation has applied everything: one `file` event an item as it ends,
 * `progress` in between, a `summary` at the end. When the signal aborts, what was appended is applied all the same.
 */
export function ingestPaths(
  ports: IngestPathsPorts,
  options: IngestPathsOptions,
  signal: AbortSignal,
): AsyncIterable<IngestEvent> {
  return channel<IngestEvent>((emit, inner) => run(ports, options, emit, inner), signal);
}

async function run(
  ports: IngestPathsPorts,
  options: IngestPathsOptions,
  emit: (event: IngestEvent) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = ports;
  const began = clock.now();
  const count: Record<Outcome, number> = { indexed: 0, unchanged: 0, skipped: 0, failed: 0, deleted: 0 };
  let listed = 0;
  let done = 0;
  let chunks = 0;
  let embedded = 0;
  let lastProgress = 0;
  const waiting = new Set<Promise<void>>();
  const failures: unknown[] = [];
  // An earlier run may have died after it sent what is unchanged now: its rows tell nothing until they are applied.
  const earlier = ports.caughtUp(options.collection, options.generation, signal);
  earlier.catch(() => undefined);

  const finish = async (line: Omit<ReportLine, 'ms'>, from: number): Promise<void> => {
    done += 1;
    count[line.outcome] += 1;
    chunks += line.outcome === 'indexed' ? (line.chunks ?? 0) : 0;
    await emit({ type: 'file', ...line, ms: clock.now() - from });
    if (clock.now() - lastProgress >= PROGRESS_MS) {
      lastProgress = clock.now();
      await emit({ type: 'progress', done, total: listed });
    }
  };
  const settle = async (item: ListedItem, from: number): Promise<void> => {
    const file = { file: item.key, documentId: item.documentId };
    if (item.outcome === 'sent' || item.outcome === 'deleted') {
      const row = await ports.applied.wait(options.generation, item.documentId, item.version!, signal);
      embedded += ports.embedded(item.documentId);
      await finish({ ...file, ...(item.outcome === 'deleted' ? { outcome: 'deleted' } : outcomeOf(row)) }, from);
      return;
    }
    if (item.outcome === 'unchanged') {
      await earlier;
      const row = await ports.catalog.documents.get(options.generation, item.documentId);
      const is = row && outcomeOf(row);
      await finish({ ...file, ...is, outcome: is?.outcome === 'failed' ? 'failed' : 'unchanged' }, from);
      return;
    }
    const reason = {
      ...(item.code === undefined ? {} : { code: item.code }),
      ...(item.message === undefined ? {} : { message: item.message }),
    };
    await finish({ ...file, outcome: item.outcome, ...reason }, from);
  };
  const onItem = (item: ListedItem): void => {
    listed += 1;
    const task: Promise<void> = settle(item, clock.now())
      .catch((error: unknown) => {
        failures.push(error);
      })
      .finally(() => waiting.delete(task));
    waiting.add(task);
  };
  try {
    await runListing(ports, { ...options, signal }, onItem);
  } finally {
    await Promise.all(waiting);
  }
  if (failures.length > 0) throw failures[0];
  // What an earlier run appended and did not see applied.
  await ports.caughtUp(options.collection, options.generation, signal);
  await emit({ type: 'progress', done, total: listed });
  await emit({ type: 'summary', files: listed, ...count, chunks, embedded, ms: clock.now() - began });
}

/** What a row says of the version that was waited for. A document without a single chunk is there, but can't be found. */
function outcomeOf(row: DocumentRow): Omit<ReportLine, 'ms' | 'file'> {
  if (row.state === 'failed') {
    return { outcome: 'failed', code: row.error?.code ?? 'internal', message: row.error?.message ?? 'It failed.' };
  }
  const visible = row.visible;
  if (!visible) return { outcome: 'deleted' };
  const measures = {
    mime: visible.mime,
    chars: visible.chars,
    chunks: visible.chunks,
    ...(visible.pages === undefined ? {} : { pages: visible.pages }),
  };
  if (visible.chunks > 0) return { outcome: 'indexed', ...measures };
  const scanned = visible.warnings?.some((warning) => warning.startsWith('no_text_layer:'));
  const code = scanned ? 'no_text_layer' : 'empty_document';
  return { outcome: 'skipped', code, message: 'It holds no text to index.', ...measures };
}

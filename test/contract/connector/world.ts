import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { openFileBlobs } from '../../../src/adapters/blobs/files/index.js';
import { openSqliteCatalog } from '../../../src/adapters/catalog/sqlite/index.js';
import { openSqliteLog } from '../../../src/adapters/log/sqlite/index.js';
import { FootnoteError } from '../../../src/core/errors.js';
import { eventVersion } from '../../../src/core/event.js';
import type { Json } from '../../../src/core/json.js';
import { streamOf } from '../../../src/core/generation.js';
import type { Policy } from '../../../src/core/policy.js';
import type { Collection } from '../../../src/core/ports/catalog.js';
import type { Clock } from '../../../src/core/ports/clock.js';
import type { SourceChange } from '../../../src/core/ports/connector.js';
import { versionKey } from '../../../src/core/version.js';
import type { FaultPoints } from '../../../src/runtime/faults.js';
import { noFaults } from '../../../src/runtime/faults.js';
import type { ListedItem, ListingOptions, ListingPorts, ListingStart } from '../../../src/services/listing.js';
import { runListing } from '../../../src/services/listing.js';
import type { PreviewItem } from '../../../src/services/listing/preview.js';
import { previewListing } from '../../../src/services/listing/preview.js';
import { temporaryFolder } from '../../support/fixtures.js';
import { readContext } from '../../support/connector.js';
import type { TestSource } from './harness.js';

const SOURCE = { tenant: 't', collection: 'c', source: 's' };
const STREAM = streamOf('t', 'c');
const COLLECTION: Collection = {
  tenant: 't',
  name: 'c',
  defaultPolicy: { principals: ['local'] },
  settings: {},
  createdAt: '2026-01-01T00:00:00.000Z',
};

/** What the log says of a document, the newest version of it. */
export interface Told {
  readonly text: string;
  readonly policy: Policy;
  readonly title?: string;
  readonly uri?: string;
}

export interface RunOptions extends Partial<Pick<ListingOptions, 'brake' | 'policy' | 'signal' | 'deletes'>> {
  readonly faults?: FaultPoints;
  /** Stands between the connector and the listing. */
  readonly through?: (changes: AsyncIterable<SourceChange>) => AsyncIterable<SourceChange>;
}

/** A real catalog, log and blob store under one source; listings run on them, and the log tells what came of it. */
export async function openWorld(source: TestSource) {
  const folder = await temporaryFolder();
  const catalog = await openSqliteCatalog(join(folder.path, 'catalog.db'));
  const log = openSqliteLog(join(folder.path, 'log.db'), { partitions: 2 });
  const blobs = await openFileBlobs(join(folder.path, 'blobs'));
  let skew = 0;
  const clock: Clock = {
    now: () => Date.now() + skew,
    sleep: async (ms, signal) => void (await delay(ms, undefined, signal ? { signal } : {})),
  };
  const ports = (faults: FaultPoints): ListingPorts => ({
    catalog,
    log,
    blobs,
    clock,
    faults,
    parsing: { identify: async () => ({ parser: 'text@1', mime: 'text/plain' }) },
  });
  const config = source.connector.config.parse(source.options);
  let opened = 0;

  async function* counted(changes: AsyncIterable<SourceChange>): AsyncGenerator<SourceChange> {
    for await (const change of changes) {
      if (change.kind !== 'item') yield change;
      else {
        const open = () => {
          opened += 1;
          return change.open();
        };
        yield { ...change, open };
      }
    }
  }
  const read = ({ from, known, signal, preview }: ListingStart, through: RunOptions['through']) => {
    const own = { folder: join(folder.path, 'own'), base: folder.path, clock };
    const context = readContext({ from, known, signal, ...own, ...(preview ? { preview } : {}) });
    const changes = counted(source.connector.read(config, context));
    return through ? through(changes) : changes;
  };
  const options = ({ faults: _, through, ...more }: RunOptions): ListingOptions => ({
    collection: COLLECTION,
    source: SOURCE.source,
    connector: source.connector.name,
    changes: (start) => read(start, through),
    maxBytes: 1 << 20,
    deletes: true,
    whole: true,
    signal: new AbortController().signal,
    ...more,
  });

  return {
    clock,
    jump: (ms: number) => void (skew += ms),
    opened: () => opened,
    /** One listing; the items by key. */
    async run(of: RunOptions = {}): Promise<Map<string, ListedItem>> {
      await source.publish?.();
      const items = new Map<string, ListedItem>();
      await runListing(ports(of.faults ?? noFaults), options(of), (item) => items.set(item.key, item));
      return items;
    },
    async preview(of: RunOptions = {}) {
      await source.publish?.();
      const items: PreviewItem[] = [];
      const summary = await previewListing(ports(noFaults), options(of), async (item) => void items.push(item));
      return { summary, items };
    },
    cursor: async (): Promise<Json | undefined> => (await catalog.cursors.load(SOURCE))?.cursor,
    /** As if that had been the newest one. */
    async setCursor(cursor: Json): Promise<void> {
      const fence = await catalog.sources.nextFence(SOURCE);
      if (!(await catalog.cursors.save(SOURCE, fence, cursor))) throw new Error('The cursor was not saved.');
    },
    inventory: async () =>
      (await catalog.cursors.inventory(SOURCE, { limit: 1000 })).map(({ key, state }) => ({ key, state })),
    events: async () => (await log.end(STREAM)).reduce((sum, { offset }) => sum + offset, 0n),
    /** What a reader of the whole log knows: the living documents, and every key that was ever deleted. */
    async told(): Promise<{ documents: Map<string, Told>; deleted: Set<string> }> {
      const newest = new Map<string, { version: string; told: Told | undefined }>();
      const deleted = new Set<string>();
      const stop = new AbortController();
      const group = `g${Math.random()}`;
      let left = await log.lag(STREAM, group);
      if (left === 0) return { documents: new Map(), deleted };
      for await (const delivery of log.consume({
        stream: STREAM,
        group,
        maxInFlightBytes: 1 << 30,
        signal: stop.signal,
      })) {
        const { event, position } = delivery;
        const version = versionKey(eventVersion(event, position));
        if (event.op === 'delete') deleted.add(event.key);
        if ((newest.get(event.key)?.version ?? '') < version) {
          const { policy, title, uri } = event;
          const text = event.content ? Buffer.from(await blobs.read(event.content)).toString() : '';
          const more = { ...(title === undefined ? {} : { title }), ...(uri === undefined ? {} : { uri }) };
          newest.set(event.key, { version, told: event.op === 'delete' ? undefined : { text, policy, ...more } });
        }
        await delivery.ack();
        left -= 1;
        if (left === 0) stop.abort();
      }
      const living = [...newest].flatMap(([key, { told }]) => (told ? [[key, told] as const] : []));
      return { documents: new Map(living), deleted };
    },
    async close(): Promise<void> {
      await log.close();
      await catalog.close();
      await folder.remove();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Passes so many changes on, then fails as a source does that went away. */
export function cutAfter(count: number): NonNullable<RunOptions['through']> {
  return async function* cut(changes) {
    let passed = 0;
    for await (const change of changes) {
      if (passed >= count) throw new FootnoteError('unavailable', 'The source went away.');
      passed += 1;
      yield change;
    }
  };
}

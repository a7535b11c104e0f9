import type { ChangeEvent } from '../../src/core/event.js';
import { EVENT_VERSION } from '../../src/core/event.js';
import { streamOf } from '../../src/core/generation.js';
import { documentId } from '../../src/core/ids.js';
import type { BlobStore } from '../../src/core/ports/blobs.js';
import type { EventLog } from '../../src/core/ports/log.js';
import { openBlobs, openLog } from '../../src/engine/stores.js';
import { openEngine } from '../../src/engine.js';
import type { Engine } from '../../src/engine.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import type { Place } from './place.js';

export const COLLECTION = 'bench';
const NAME = { tenant: 'default', collection: COLLECTION, source: 'feed' };
const PUTS_AT_ONCE = 16;
const never = new AbortController().signal;

export interface Written {
  readonly key: string;
  /** Absent: the document is deleted. */
  readonly text?: string;
}

/**
 * Brings changes to the log as a connector would, an original of its own each, without asking what was there before; and
 * a process that answers, as `footnote serve` does.
 */
export class Feed {
  private constructor(
    readonly engine: Engine,
    readonly generation: string,
    private readonly log: EventLog,
    private readonly blobs: BlobStore,
    private readonly closeBlobs: () => void,
  ) {}

  static async open(place: Place): Promise<Feed> {
    const engine = await openEngine(place.config, { role: 'serve' });
    await engine.surface.collections.put(engine.caller, COLLECTION, {}, never);
    const { generations } = await engine.surface.generations.list(engine.caller, COLLECTION, never);
    const log = await openLog(place.config);
    const { store, close } = await openBlobs(place.config);
    return new Feed(engine, generations[0]!.id, log, store, close);
  }

  documentId(key: string): string {
    return documentId({ ...NAME, key });
  }

  /** Stores the originals; the events are to be appended soon. */
  async prepare(changes: readonly Written[]): Promise<ChangeEvent[]> {
    const events = new Array<ChangeEvent>(changes.length);
    await forEachConcurrent(changes.entries(), PUTS_AT_ONCE, async ([at, { key, text }]) => {
      const common = {
        ...{ v: EVENT_VERSION, ...NAME, key, fence: 1, policy: { principals: ['local'] } },
        observedAt: new Date().toISOString(),
      };
      if (text === undefined) {
        events[at] = { ...common, op: 'delete' };
        return;
      }
      const owner = { ...NAME, documentId: this.documentId(key), kind: 'original' as const };
      const content = await this.blobs.put(owner, Buffer.from(text));
      events[at] = { ...common, op: 'upsert', content, mime: 'text/markdown' };
    });
    return events;
  }

  async append(events: readonly ChangeEvent[]): Promise<void> {
    await this.log.append(streamOf(NAME.tenant, COLLECTION), events);
  }

  lag(): Promise<number> {
    return this.log.lag(streamOf(NAME.tenant, COLLECTION), this.generation);
  }

  async close(): Promise<void> {
    this.closeBlobs();
    await this.log.close();
    await this.engine.close();
  }
}

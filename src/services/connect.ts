import { setMaxListeners } from 'node:events';
import { FootnoteError } from '../core/errors.js';
import type { Caller } from '../core/policy.js';
import { mayUse } from '../core/policy.js';
import type { SourceAt } from '../core/surface.js';
import type { SourceAction, SourceList, SourcePreview, SourceView } from '../core/schemas/connectors.js';
import { channel } from '../runtime/channel.js';
import type { ConnectPorts, KeptSource } from './connect/ports.js';
import { Slots } from './connect/slots.js';
import { SourceTask } from './connect/task.js';
import { previewListing } from './listing/preview.js';

export type { ConnectPorts, ConnectSharing, KeptSource } from './connect/ports.js';

/** Sources that are read at once; the others wait for their turn. */
const AT_ONCE = 4;

/** Keeps the configured sources in step with their collections. */
export class Connect {
  readonly #tasks: readonly SourceTask[];
  readonly #stop = new AbortController();
  #running: Promise<void>[] | undefined;

  constructor(
    private readonly ports: ConnectPorts,
    sources: readonly KeptSource[],
  ) {
    setMaxListeners(0, this.#stop.signal);
    const slots = new Slots(AT_ONCE);
    this.#tasks = sources.map((source) => new SourceTask(ports, source, slots));
  }

  /** Begins to keep them. Idempotent. */
  start(): void {
    this.#running ??= this.#tasks.map((task) =>
      task.keep(this.#stop.signal).catch((error: unknown) => this.ports.onFailure(task.source.name, error)),
    );
  }

  /** Runs each source once and tells how that went. @throws FootnoteError conflict while they are kept */
  async once(
    only: Partial<SourceAt>,
    signal: AbortSignal,
  ): Promise<{ tenant: string; collection: string; view: SourceView }[]> {
    if (this.#running) throw new FootnoteError('conflict', 'The sources are kept in step already.');
    const inner = AbortSignal.any([signal, this.#stop.signal]);
    const views: { tenant: string; collection: string; view: SourceView }[] = [];
    for (const task of this.#tasks.filter(({ source }) => matches(source, only))) {
      const { state } = await task.view();
      if (state !== 'paused' && state !== 'stopped') await task.once(inner);
      if (inner.aborted) throw new FootnoteError('cancelled', 'The operation was cancelled.');
      const { tenant, collection } = task.source.name;
      views.push({ tenant, collection, view: await task.view() });
    }
    return views;
  }

  async list(caller: Caller): Promise<SourceList> {
    const own = this.#tasks.filter(({ source }) => isOf(caller, source));
    return { running: this.#isKept(), sources: await Promise.all(own.map((task) => task.view())) };
  }

  /** @throws FootnoteError not_found; conflict when its state does not allow it */
  async control(caller: Caller, at: SourceAt, action: SourceAction): Promise<SourceView> {
    const task = this.#task(caller, at);
    await task.control(action, this.#isKept());
    return task.view();
  }

  /** What a run would do now. Appends and deletes nothing. */
  async *preview(caller: Caller, at: SourceAt, signal: AbortSignal): AsyncGenerator<SourcePreview> {
    const task = this.#task(caller, at);
    const { source } = task;
    const { name, connector, read, deletes, brake, policy } = source;
    const { catalog, maxBytes } = this.ports;
    const run = channel<SourcePreview>(async (emit, inner) => {
      const summary = await task.exclusively(inner, () =>
        previewListing(
          { catalog },
          {
            // Looked at, not made: nothing is there then.
            collection: { tenant: name.tenant, name: name.collection },
            source: name.source,
            connector,
            changes: read,
            maxBytes,
            deletes,
            whole: true,
            brake,
            ...(policy === undefined ? {} : { policy }),
            signal: inner,
          },
          async ({ action, ...item }) => {
            if (action !== 'unchanged') await emit({ type: 'item', action, ...item });
          },
        ),
      );
      await emit({ type: 'summary', ...summary });
    }, signal);
    yield* run;
  }

  /** Ends what is under way. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running ?? []);
  }

  #isKept(): boolean {
    return this.#running !== undefined || (this.ports.sharing?.kept() ?? false);
  }

  #task(caller: Caller, { collection, source }: SourceAt): SourceTask {
    const task = this.#tasks.find(
      (each) =>
        isOf(caller, each.source) && each.source.name.collection === collection && each.source.name.source === source,
    );
    if (task) return task;
    throw new FootnoteError('not_found', `No source ${source} of ${collection} is configured.`);
  }
}

function isOf(caller: Caller, { name }: KeptSource): boolean {
  return name.tenant === caller.tenant && mayUse(caller, name.collection);
}

function matches({ name }: KeptSource, only: Partial<SourceAt>): boolean {
  return (
    (only.collection === undefined || name.collection === only.collection) &&
    (only.source === undefined || name.source === only.source)
  );
}

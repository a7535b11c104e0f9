import { FootnoteError } from '../../core/errors.js';
import type { SourceAction, SourceCounts, SourceState, SourceView } from '../../core/schemas/connectors.js';
import { backoffMs } from '../../runtime/backoff.js';
import type { PassedOver } from '../listing/ports.js';
import { usableCursor } from '../listing/state.js';
import type { ConnectPorts, KeptSource } from './ports.js';
import type { SourceRecord } from './record.js';
import { loadRecord, saveRecord } from './record.js';
import { noCounts, runSource } from './run.js';
import { Slots } from './slots.js';

/** After a failed run; the first wait is at least a second. */
const BACKOFF = { baseMs: 5000, capMs: 15 * 60_000 };
const LEAST_BACKOFF_MS = 1000;
/** Changes often come in swarms: what is watched is listed this long after the first of them. */
const SETTLE_MS = 300;
/** Before the task goes on when it could not read or write its own record. */
const CATALOG_AGAIN_MS = 15_000;
/** Before watching is tried again after it failed. */
const WATCH_AGAIN_MS = 60_000;

/** Keeps one source in step: decides when it is read, and remembers how that went. */
export class SourceTask {
  #record: SourceRecord | undefined;
  #current: { readonly startedAt: string; readonly counts: SourceCounts; readonly stop: AbortController } | undefined;
  #nextAt: number | undefined;
  #asked = false;
  #wake = new AbortController();
  #watch: SourceView['watch'] = 'off';
  readonly #reading = new Slots(1);
  readonly #passedOver: PassedOver = new Map();

  constructor(
    private readonly ports: ConnectPorts,
    readonly source: KeptSource,
    private readonly slots: Slots,
  ) {}

  /** Reads by schedule, by watching and when asked, until the signal aborts. */
  async keep(signal: AbortSignal): Promise<void> {
    const watching = this.source.watch ? this.#watchUntil(signal, this.source.watch) : Promise.resolve();
    this.#nextAt = this.ports.clock.now();
    while (!signal.aborted) {
      // Taken before looking, so that no call to wake falls between.
      const wake = this.#wake.signal;
      try {
        if (await this.#isDue()) await this.once(signal);
        else await this.#sleep(signal, wake);
      } catch (error) {
        // Not the source but our own catalog: a full disk, say.
        this.ports.onFailure(this.source.name, error);
        await this.ports.clock.sleep(CATALOG_AGAIN_MS, signal).catch(() => undefined);
      }
    }
    this.#nextAt = undefined;
    await watching;
  }

  /** A connector's folder is for one read at a time: a dry run and a run wait for each other. */
  exclusively<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#reading.use(signal, work);
  }

  /** One run now. */
  async once(signal: AbortSignal): Promise<void> {
    this.#asked = false;
    const stop = new AbortController();
    const inner = AbortSignal.any([signal, stop.signal]);
    const inTurn = (work: () => Promise<void>) => this.exclusively(inner, () => this.slots.use(inner, work));
    try {
      await inTurn(async () => {
        const record = await this.#load();
        // Paused while it waited for its turn.
        if (this.source.paused || record.paused) return;
        const counts = noCounts();
        this.#current = { startedAt: this.#iso(this.ports.clock.now()), counts, stop };
        const { run, error } = await runSource(this.ports, this.source, {
          confirmed: record.confirmed,
          passedOver: this.#passedOver,
          signal: inner,
          counts,
        });
        // Looked at again: somebody may have paused it meanwhile.
        const { stopped: _, ...before } = await this.#load();
        const failures = run.outcome === 'failed' ? before.failures + 1 : run.outcome === 'ok' ? 0 : before.failures;
        const { confirmed, ...rest } = before;
        const stopped = error?.code === 'deletion_stopped' ? stopOf(run.endedAt, error) : undefined;
        const keeps = confirmed !== undefined && run.outcome !== 'ok' && !stopped;
        await this.#save({
          ...rest,
          ...(keeps ? { confirmed } : {}),
          ...(stopped ? { stopped } : {}),
          failures,
          last: run,
        });
        await this.ports.faults.reach('connect:recorded');
        if (error && !stopped) this.ports.onFailure(this.source.name, error);
        this.#nextAt = this.ports.clock.now() + this.#waitAfter(failures, error);
      });
    } catch (error) {
      if (!inner.aborted) throw error;
    } finally {
      this.#current = undefined;
    }
  }

  /** @throws FootnoteError conflict when its state does not allow it */
  async control(action: SourceAction, running: boolean): Promise<void> {
    const record = await this.#load();
    if (action === 'pause') {
      await this.#save({ ...record, paused: true });
      this.#current?.stop.abort();
    } else if (action === 'resume') {
      if (this.source.paused) throw this.#refusal('is paused by the configuration: change it there (`paused`)');
      await this.#save({ ...record, paused: false });
    } else if (action === 'confirm') {
      const { stopped, ...rest } = record;
      if (!stopped) throw this.#refusal('is not stopped: there is nothing to confirm');
      await this.#save({ ...rest, confirmed: stopped.gone });
      this.#asked = true;
    } else {
      if (this.source.paused || record.paused) throw this.#refusal('is paused: resume it first');
      if (!running)
        throw this.#refusal('is kept by no process now: run `footnote serve`, or `footnote connect --once`');
      this.#asked = true;
    }
    this.#wakeUp();
  }

  async view(): Promise<SourceView> {
    const { catalog } = this.ports;
    const { name, connector, everyMs } = this.source;
    const { paused: _, ...record } = await this.#load();
    const owned = await catalog.sources.get(name);
    const at = usableCursor((await catalog.cursors.load(name))?.cursor, this.source);
    const state = await this.#state();
    const shown = this.#nextAt !== undefined && (state === 'idle' || state === 'waiting');
    return {
      collection: name.collection,
      source: name.source,
      connector,
      state,
      everyMs,
      watch: this.#watch,
      ...(this.#current
        ? { current: { startedAt: this.#current.startedAt, counts: { ...this.#current.counts } } }
        : {}),
      ...record,
      ...(shown ? { nextAt: this.#iso(this.#nextAt!) } : {}),
      ...(owned ? { fence: owned.fence } : {}),
      ...(at === undefined ? {} : { cursor: at }),
    };
  }

  async #state(): Promise<SourceState> {
    if (this.#current) return 'running';
    const record = await this.#load();
    if (this.source.paused || record.paused) return 'paused';
    if (record.stopped) return 'stopped';
    return record.failures > 0 ? 'waiting' : 'idle';
  }

  async #isDue(): Promise<boolean> {
    const state = await this.#state();
    if (state === 'paused') return false;
    if (this.#asked) return true;
    return state !== 'stopped' && (this.#nextAt ?? 0) <= this.ports.clock.now();
  }

  async #sleep(signal: AbortSignal, wake: AbortSignal): Promise<void> {
    const state = await this.#state();
    const waits = state === 'paused' || state === 'stopped';
    const ms = waits ? 2 ** 30 : Math.max(1, Math.min(2 ** 30, (this.#nextAt ?? 0) - this.ports.clock.now()));
    await this.ports.clock.sleep(ms, AbortSignal.any([signal, wake])).catch((error: unknown) => {
      if (!signal.aborted && !wake.aborted) throw error;
    });
  }

  #wakeUp(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  #waitAfter(failures: number, error: FootnoteError | undefined): number {
    if (!error || failures === 0) return this.source.everyMs;
    const least = Math.max(LEAST_BACKOFF_MS, (error.retryAfter ?? 0) * 1000);
    return backoffMs(failures, BACKOFF, this.ports.random, least);
  }

  async #watchUntil(signal: AbortSignal, watch: NonNullable<KeptSource['watch']>): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const _ of watch(signal)) {
          this.#watch = 'on';
          // Not while it waits after an error: a source that changes all the time would not be left in peace.
          if ((await this.#load()).failures > 0) continue;
          this.#nextAt = Math.min(this.#nextAt ?? Infinity, this.ports.clock.now() + SETTLE_MS);
          this.#wakeUp();
        }
        if (signal.aborted) return;
        throw new FootnoteError('unavailable', 'Watching ended by itself.');
      } catch (error) {
        if (signal.aborted) return;
        this.#watch = 'failed';
        this.ports.onFailure(this.source.name, error);
        await this.ports.clock.sleep(WATCH_AGAIN_MS, signal).catch(() => undefined);
      }
    }
  }

  async #load(): Promise<SourceRecord> {
    return (this.#record ??= await loadRecord(this.ports.catalog.meta, this.source.name));
  }

  async #save(record: SourceRecord): Promise<void> {
    this.#record = record;
    await saveRecord(this.ports.catalog.meta, this.source.name, record);
  }

  #refusal(what: string): FootnoteError {
    const { collection, source } = this.source.name;
    return new FootnoteError('conflict', `Source ${source} of ${collection} ${what}.`);
  }

  #iso(ms: number): string {
    return new Date(ms).toISOString();
  }
}

function stopOf(at: string, { message, details }: FootnoteError): NonNullable<SourceRecord['stopped']> {
  return { at, gone: Number(details?.['gone']), total: Number(details?.['total']), message };
}

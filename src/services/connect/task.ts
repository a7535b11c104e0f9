import { FootnoteError } from '../../core/errors.js';
import type { SourceAction, SourceCounts, SourceState, SourceView } from '../../core/schemas/connectors.js';
import { backoffMs } from '../../runtime/backoff.js';
import type { PassedOver } from '../listing/ports.js';
import { usableCursor } from '../listing/state.js';
import type { ConnectPorts, KeptSource } from './ports.js';
import type { SourceNow, SourceRecord } from './record.js';
import { changeRecord, loadNow, loadRecord, saveNow } from './record.js';
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

/** Where processes share the sources: between two looks at whose a source is, and what others want of it. */
const SHARED_LOOK_MS = 2000;
/** What a process told of itself counts for so long. */
const TOLD_MS = 15_000;

/** Keeps one source in step: decides when it is read, and remembers how that went. */
export class SourceTask {
  #current: { readonly startedAt: string; readonly counts: SourceCounts; readonly stop: AbortController } | undefined;
  #nextAt: number | undefined;
  #wake = new AbortController();
  #watch: SourceView['watch'] = 'off';
  #told = '';
  readonly #reading = new Slots(1);
  readonly #passedOver: PassedOver = new Map();

  constructor(
    private readonly ports: ConnectPorts,
    readonly source: KeptSource,
    private readonly slots: Slots,
  ) {}

  /** Reads by schedule, by watching and when asked, until the signal aborts; while it is this process's. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#isMine()) await this.#keepMine(signal);
        else await this.ports.clock.sleep(SHARED_LOOK_MS, signal).catch(() => undefined);
      } catch (error) {
        await this.#catalogFailed(error, signal);
      }
    }
    this.#nextAt = undefined;
  }

  /** A connector's folder is for one read at a time: a dry run and a run wait for each other. */
  exclusively<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#reading.use(signal, work);
  }

  /** One run now. */
  async once(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const inner = AbortSignal.any([signal, stop.signal]);
    const inTurn = (work: () => Promise<void>) => this.exclusively(inner, () => this.slots.use(inner, work));
    try {
      await inTurn(async () => {
        const record = await this.#load();
        // Paused while it waited for its turn.
        if (this.source.paused || record.paused) return;
        if (record.asked) await this.#change(({ asked: _, ...rest }) => rest);
        const counts = noCounts();
        this.#current = { startedAt: this.#iso(this.ports.clock.now()), counts, stop };
        const over = new AbortController();
        const looking = this.#lookAround(stop, over.signal);
        const { run, error } = await runSource(this.ports, this.source, {
          confirmed: record.confirmed,
          passedOver: this.#passedOver,
          signal: inner,
          counts,
        }).finally(() => over.abort());
        await looking;
        if (this.ports.sharing && error?.code === 'conflict') {
          // Whose it was a moment ago is still at it, or who is next has begun.
          this.#nextAt = this.ports.clock.now() + SHARED_LOOK_MS;
          return;
        }
        const stopped = error?.code === 'deletion_stopped' ? stopOf(run.endedAt, error) : undefined;
        // Of what is remembered now: somebody may have paused it meanwhile.
        const { failures } = await this.#change(({ stopped: _, ...before }) => {
          const { confirmed, ...rest } = before;
          const keeps = confirmed !== undefined && run.outcome !== 'ok' && !stopped;
          return {
            ...rest,
            ...(keeps ? { confirmed } : {}),
            ...(stopped ? { stopped } : {}),
            failures: run.outcome === 'failed' ? before.failures + 1 : run.outcome === 'ok' ? 0 : before.failures,
            last: run,
          };
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
    if (action === 'resume' && this.source.paused)
      throw this.#refusal('is paused by the configuration: change it there (`paused`)');
    await this.#change((record) => {
      if (action === 'pause') return { ...record, paused: true };
      if (action === 'resume') return { ...record, paused: false };
      const { stopped, ...rest } = record;
      if (action === 'confirm') {
        if (!stopped) throw this.#refusal('is not stopped: there is nothing to confirm');
        return { ...rest, confirmed: stopped.gone, asked: true };
      }
      if (this.source.paused || record.paused) throw this.#refusal('is paused: resume it first');
      if (!running)
        throw this.#refusal('is kept by no process now: run `footnote serve`, or `footnote connect --once`');
      return { ...record, asked: true };
    });
    if (action === 'pause') this.#current?.stop.abort();
    this.#wakeUp();
  }

  async view(): Promise<SourceView> {
    const { catalog } = this.ports;
    const { name, connector, everyMs } = this.source;
    const { paused: _, asked: __, ...record } = await this.#load();
    const owned = await catalog.sources.get(name);
    const at = usableCursor((await catalog.cursors.load(name))?.cursor, this.source);
    const { current, nextAt, watch } = await this.#now();
    const state = current ? 'running' : await this.#state();
    const shown = nextAt !== undefined && (state === 'idle' || state === 'waiting');
    return {
      collection: name.collection,
      source: name.source,
      connector,
      state,
      everyMs,
      watch,
      ...(current ? { current } : {}),
      ...record,
      ...(shown ? { nextAt } : {}),
      ...(owned ? { fence: owned.fence } : {}),
      ...(at === undefined ? {} : { cursor: at }),
    };
  }

  #isMine(): boolean {
    return this.ports.sharing?.owns(this.source.name) ?? true;
  }

  async #keepMine(signal: AbortSignal): Promise<void> {
    const left = new AbortController();
    const watching = this.source.watch
      ? this.#watchUntil(AbortSignal.any([signal, left.signal]), this.source.watch)
      : Promise.resolve();
    this.#nextAt = await this.#firstAt();
    while (!signal.aborted && this.#isMine()) {
      // Taken before looking, so that no call to wake falls between.
      const wake = this.#wake.signal;
      try {
        if (await this.#isDue()) await this.once(signal);
        else await this.#sleep(signal, wake);
      } catch (error) {
        await this.#catalogFailed(error, signal);
      }
    }
    left.abort();
    await watching;
    this.#watch = 'off';
    this.#nextAt = undefined;
  }

  /** Read at the start; one that another process has just read, a moment later. */
  async #firstAt(): Promise<number> {
    const now = this.ports.clock.now();
    if (!this.ports.sharing) return now;
    const { last } = await this.#load();
    return last ? Math.max(now, Date.parse(last.endedAt) + Math.min(this.source.everyMs, SHARED_LOOK_MS)) : now;
  }

  /** Not the source failed but our own catalog: a full disk, say, or a server that is away. */
  async #catalogFailed(error: unknown, signal: AbortSignal): Promise<void> {
    this.ports.onFailure(this.source.name, error);
    await this.ports.clock.sleep(CATALOG_AGAIN_MS, signal).catch(() => undefined);
  }

  /** While it is read: tells the others how far it is, and hears from them that it is paused. */
  async #lookAround(stop: AbortController, over: AbortSignal): Promise<void> {
    if (!this.ports.sharing) return;
    while (!over.aborted) {
      try {
        await this.#tell();
        if ((await this.#load()).paused) stop.abort();
      } catch {
        // A catalog that is away fails the run itself.
      }
      await this.ports.clock.sleep(SHARED_LOOK_MS, over).catch(() => undefined);
    }
  }

  async #tell(): Promise<void> {
    const { sharing, catalog, clock } = this.ports;
    if (!sharing) return;
    const now = { at: clock.now(), ...this.#here() };
    const { at: _, ...rest } = now;
    // Told again when something changed, and before the others would take it for gone.
    const told = `${Math.floor(now.at / (TOLD_MS / 3))} ${JSON.stringify(rest)}`;
    if (told === this.#told) return;
    await saveNow(catalog.meta, this.source.name, now);
    this.#told = told;
  }

  #here(): Omit<SourceNow, 'at'> {
    return {
      watch: this.#watch,
      ...(this.#current
        ? { current: { startedAt: this.#current.startedAt, counts: { ...this.#current.counts } } }
        : {}),
      ...(this.#nextAt === undefined ? {} : { nextAt: this.#iso(this.#nextAt) }),
    };
  }

  /** What the process that keeps it does. */
  async #now(): Promise<Omit<SourceNow, 'at'>> {
    const { sharing, catalog, clock } = this.ports;
    if (!sharing || this.#nextAt !== undefined || this.#current) return this.#here();
    const told = await loadNow(catalog.meta, this.source.name);
    return told && told.at > clock.now() - TOLD_MS ? told : { watch: 'off' };
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
    if ((await this.#load()).asked) return true;
    return state !== 'stopped' && (this.#nextAt ?? 0) <= this.ports.clock.now();
  }

  async #sleep(signal: AbortSignal, wake: AbortSignal): Promise<void> {
    const state = await this.#state();
    await this.#tell();
    const waits = state === 'paused' || state === 'stopped';
    const most = this.ports.sharing ? SHARED_LOOK_MS : 2 ** 30;
    const ms = waits ? most : Math.max(1, Math.min(most, (this.#nextAt ?? 0) - this.ports.clock.now()));
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

  #load(): Promise<SourceRecord> {
    return loadRecord(this.ports.catalog.meta, this.source.name);
  }

  #change(change: (record: SourceRecord) => SourceRecord): Promise<SourceRecord> {
    return changeRecord(this.ports.catalog.meta, this.source.name, change);
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

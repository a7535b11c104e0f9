import { FootnoteError, throwIfAborted } from '../../../core/errors.js';
import type { Embedder } from '../../../core/ports/models.js';
import { buildOf, machineKind, spaceOf } from '../fingerprint.js';
import type { TokenizerSpec } from '../tokenizer.js';
import type { ResolvedModel } from '../store.js';
import type { FromWorker, Role, WorkerSetup } from './messages.js';
import { Scheduler, type Item, type Request, type Slot } from './scheduler.js';
import { startThread, type Thread } from './thread.js';

export interface OnnxEmbedderOptions {
  readonly model: ResolvedModel;
  /** Path of the thread's built entry point (`workers/embed.js`). */
  readonly entry: string;
  readonly device: 'cpu' | 'cuda';
  /** Inference sessions; each has its own thread and its own copy of the weights. */
  readonly sessions: number;
  /** Threads inside each session. More than one changes the arithmetic: part of `build`. */
  readonly threads: number;
  /** Most bytes of text waiting or at work (UTF-16); beyond it `embed` throws `overloaded`. */
  readonly queueBytes: number;
  /** A query was cut at the model's limit. */
  readonly onQueryTruncated?: () => void;
  readonly signal?: AbortSignal;
}

/** Deaths of threads in a row, without a text done between, after which no new thread is started unasked. */
const RESTARTS = 3;
/** Texts of one `count` message, in characters. */
const COUNT_CHARS = 256 * 1024;

interface LiveSlot extends Slot {
  readonly thread: Thread;
  readonly counts: Set<number>;
}

/** Waits for one message of a thread. */
interface Group {
  readonly slot: number;
  readonly items: readonly Item[];
}

interface Counting {
  readonly slot: number;
  readonly resolve: (counts: number[]) => void;
  readonly reject: (error: FootnoteError) => void;
}

const bytesOf = (text: string): number => text.length * 2;

/**
 * Starts the threads and loads the model in each.
 * @throws FootnoteError model_unsupported, device_unavailable, unavailable, cancelled
 */
export async function openOnnxEmbedder(options: OnnxEmbedderOptions): Promise<OnnxEmbedder> {
  throwIfAborted(options.signal);
  const embedder = new OnnxEmbedder(options);
  try {
    await embedder.start();
    throwIfAborted(options.signal);
  } catch (error) {
    await embedder.close();
    throw error;
  }
  return embedder;
}

/**
 * Texts to vectors on ONNX Runtime, in threads of its own. One unpadded sequence a call, so a vector depends on nothing
 * but its text and the build (law 3).
 */
export class OnnxEmbedder implements Embedder {
  readonly model: string;
  readonly space: string;
  readonly dims: number;
  readonly maxTokens: number;
  readonly prefixes: { readonly query: string; readonly document: string };
  /** For threads that count tokens themselves. */
  readonly tokenizer: TokenizerSpec;

  private readonly setup: WorkerSetup;
  private readonly scheduler = new Scheduler();
  private readonly slots: (LiveSlot | undefined)[];
  private readonly groups = new Map<number, Group>();
  private readonly countings = new Map<number, Counting>();
  private readonly starting = new Map<number, Promise<void>>();
  private runtime = '';
  private queuedBytes = 0;
  private nextId = 1;
  private deaths = 0;
  private closed = false;
  /** How often the thread for queries alone is wanted. */
  private keptForQueries = 0;

  constructor(private readonly options: OnnxEmbedderOptions) {
    const { manifest, paths, hashes } = options.model;
    this.model = manifest.name;
    this.space = spaceOf(manifest, hashes);
    this.dims = manifest.dims;
    this.maxTokens = manifest.maxTokens;
    this.prefixes = manifest.prefixes;
    this.tokenizer = { kind: 'file', path: paths.tokenizer };
    // The last place is that of the thread for queries alone.
    this.slots = new Array<LiveSlot | undefined>(options.sessions + 1).fill(undefined);
    this.setup = {
      modelPath: paths.model,
      tokenizer: this.tokenizer,
      pooling: manifest.pooling,
      dims: manifest.dims,
      maxTokens: manifest.maxTokens,
      output: manifest.output,
      ...(manifest.inputs ? { inputs: manifest.inputs } : {}),
      device: options.device,
      threads: options.threads,
    };
  }

  get build(): string {
    return buildOf({
      space: this.space,
      provider: this.options.device,
      precision: this.options.model.manifest.precision,
      runtime: this.runtime,
      threads: this.options.threads,
      machine: machineKind(),
    });
  }

  /** Texts waiting for a thread; a gauge. */
  get queued(): number {
    return this.scheduler.length;
  }

  /**
   * Has a thread of its own for queries, with its own copy of the weights, until the returned function is called: for bulk
   * work that must not slow them down. All others give way to it, so that bulk work uses what queries leave.
   */
  async keepForQueries(): Promise<() => void> {
    this.keptForQueries += 1;
    const { sessions } = this.options;
    try {
      if (!this.slots[sessions] && !this.starting.has(sessions)) await this.startSlot(sessions);
    } catch (error) {
      this.keptForQueries -= 1;
      throw error;
    }
    let kept = true;
    return () => {
      if (!kept) return;
      kept = false;
      this.keptForQueries -= 1;
      const slot = this.slots[sessions];
      if (this.keptForQueries > 0 || !slot || slot.queries.size + slot.counts.size > 0) return;
      this.slots[sessions] = undefined;
      void slot.thread.close();
    };
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.options.sessions }, (_, index) => this.startSlot(index)));
  }

  async countTokens(texts: readonly string[]): Promise<number[]> {
    const results: Promise<number[]>[] = [];
    let batch: string[] = [];
    let chars = 0;
    for (const text of texts) {
      batch.push(text);
      chars += text.length;
      if (chars < COUNT_CHARS) continue;
      results.push(this.countBatch(batch));
      batch = [];
      chars = 0;
    }
    if (batch.length > 0) results.push(this.countBatch(batch));
    return (await Promise.all(results)).flat();
  }

  embed(inputs: readonly string[], role: Role, signal?: AbortSignal): Promise<Float32Array[]> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      this.assertOpen();
      if (inputs.length === 0) {
        resolve([]);
        return;
      }
      const texts = inputs.map((input) => this.prefixes[role] + input);
      const bytes = this.reserve(texts);
      const abort = () => {
        request.settle(new FootnoteError('cancelled', 'The operation was cancelled.', { cause: signal?.reason }));
        this.forget(request);
      };
      const request: Request = {
        role,
        vectors: new Array<Float32Array>(inputs.length),
        remaining: inputs.length,
        settled: false,
        settle: (error) => {
          if (request.settled) return;
          request.settled = true;
          this.queuedBytes -= bytes;
          signal?.removeEventListener('abort', abort);
          if (error) reject(error);
          else resolve(request.vectors);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      texts.forEach((text, index) => this.scheduler.add({ id: this.nextId++, request, index, text }));
      this.revive();
      this.pump();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const error = new FootnoteError('unavailable', 'The embedder was closed.');
    for (const item of this.scheduler.drain()) item.request.settle(error);
    for (const { items } of this.groups.values()) for (const item of items) item.request.settle(error);
    for (const counting of this.countings.values()) counting.reject(error);
    this.groups.clear();
    this.countings.clear();
    await Promise.allSettled(this.starting.values());
    await Promise.all(this.slots.flatMap((slot) => (slot ? [slot.thread.close()] : [])));
    this.slots.fill(undefined);
  }

  private reserve(texts: readonly string[]): number {
    const bytes = texts.reduce((sum, text) => sum + bytesOf(text), 0);
    const limit = this.options.queueBytes;
    if (bytes > limit) {
      throw new FootnoteError(
        'request_too_large',
        `One call wants ${bytes} bytes of text embedded; the queue holds ${limit}. Send fewer texts a call or raise embedding.queueBytes.`,
      );
    }
    if (this.queuedBytes + bytes > limit) {
      throw new FootnoteError('overloaded', 'The embedding queue is full; try again in a moment.', { retryAfter: 1 });
    }
    this.queuedBytes += bytes;
    return bytes;
  }

  private assertOpen(): void {
    if (this.closed) throw new FootnoteError('unavailable', 'The embedder was closed.');
  }

  private startSlot(index: number): Promise<void> {
    const started = startThread(
      this.options.entry,
      { ...this.setup, gentle: index < this.options.sessions },
      {
        embedded: (message) => this.onEmbedded(message),
        counted: (message) => this.onCounted(message),
        died: (reason) => this.onDied(index, reason),
      },
    )
      .then(async (thread) => {
        if (this.closed) {
          await thread.close();
          return;
        }
        this.runtime = thread.runtime;
        this.slots[index] = { thread, queries: new Set(), groups: new Set(), counts: new Set() };
        this.pump();
      })
      .finally(() => this.starting.delete(index));
    this.starting.set(index, started);
    return started;
  }

  /** Starts threads for the places whose thread died. */
  private revive(): void {
    if (this.closed) return;
    this.slots.forEach((slot, index) => {
      if (slot || this.starting.has(index) || (index >= this.options.sessions && this.keptForQueries === 0)) return;
      this.startSlot(index).catch((cause: unknown) => this.onStartFailed(cause));
    });
  }

  private onStartFailed(cause: unknown): void {
    if (this.slots.some((slot) => slot !== undefined) || this.starting.size > 0) return;
    const error = new FootnoteError('unavailable', 'No embedding thread can be started.', { cause });
    for (const item of this.scheduler.drain()) item.request.settle(error);
  }

  private onDied(index: number, reason: FootnoteError): void {
    this.slots[index] = undefined;
    for (const [id, group] of this.groups) {
      if (group.slot !== index) continue;
      this.groups.delete(id);
      for (const item of group.items) {
        item.request.settle(reason);
        this.forget(item.request);
      }
    }
    for (const [id, counting] of this.countings) {
      if (counting.slot !== index) continue;
      this.countings.delete(id);
      counting.reject(reason);
    }
    this.deaths += 1;
    if (this.deaths <= RESTARTS) this.revive();
    else this.onStartFailed(reason);
  }

  private pump(): void {
    const { sessions } = this.options;
    for (;;) {
      const next = this.scheduler.next(this.slots, sessions);
      if (!next) return;
      const { slot: index, role, items } = next;
      const slot = this.slots[index];
      if (!slot) throw new Error('The scheduler chose a place without a thread.');
      const group = this.nextId++;
      this.groups.set(group, { slot: index, items });
      (role === 'query' ? slot.queries : slot.groups).add(group);
      const ids = items.map((item) => item.id);
      slot.thread.send({ type: 'embed', group, role, ids, texts: items.map((item) => item.text) });
    }
  }

  private onEmbedded(message: Extract<FromWorker, { type: 'embedded' }>): void {
    const group = this.groups.get(message.group);
    this.groups.delete(message.group);
    if (!group) return;
    const slot = this.slots[group.slot];
    slot?.queries.delete(message.group);
    slot?.groups.delete(message.group);
    group.items.forEach((item, index) => {
      const outcome = message.outcomes[index];
      if (outcome?.state === 'done') {
        this.deaths = 0;
        if (outcome.truncated) this.options.onQueryTruncated?.();
        const start = index * this.dims;
        // A copy: a view would keep the whole group's vectors alive in whatever cache holds one of them.
        item.request.vectors[item.index] = message.vectors.slice(start, start + this.dims);
        item.request.remaining -= 1;
        if (item.request.remaining === 0) item.request.settle();
      } else if (outcome?.state === 'failed') {
        item.request.settle(new FootnoteError(outcome.error.code, outcome.error.message));
        this.forget(item.request);
      }
    });
    this.pump();
  }

  /** Tells the threads that nobody waits for the rest of a request. */
  private forget(request: Request): void {
    for (const group of this.groups.values()) {
      const ids = group.items.filter((item) => item.request === request).map((item) => item.id);
      if (ids.length > 0) this.slots[group.slot]?.thread.send({ type: 'cancel', ids });
    }
  }

  private countBatch(texts: string[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.assertOpen();
      const slots = this.slots.flatMap((slot, index) => (slot ? [{ slot, index }] : []));
      slots.sort((a, b) => a.slot.counts.size - b.slot.counts.size);
      const chosen = slots[0];
      if (!chosen) {
        this.revive();
        throw new FootnoteError('unavailable', 'The embedding threads are starting; try again.', { retryAfter: 1 });
      }
      const group = this.nextId++;
      chosen.slot.counts.add(group);
      this.countings.set(group, { slot: chosen.index, resolve, reject });
      chosen.slot.thread.send({ type: 'count', group, texts });
    });
  }

  private onCounted(message: Extract<FromWorker, { type: 'counted' }>): void {
    const counting = this.countings.get(message.group);
    this.countings.delete(message.group);
    if (!counting) return;
    this.slots[counting.slot]?.counts.delete(message.group);
    if (Array.isArray(message.counts)) counting.resolve(message.counts);
    else counting.reject(new FootnoteError(message.counts.code, message.counts.message));
  }
}

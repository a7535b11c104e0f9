import { FootnoteError, throwIfAborted } from '../core/errors.js';
import type { DocumentRow, Documents } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';
import type { VersionKey } from '../core/version.js';

interface Waiting {
  readonly generation: string;
  readonly version: VersionKey;
  readonly resolve: (row: DocumentRow) => void;
  readonly reject: (error: unknown) => void;
}

/** Between two looks at rows that other processes write, in milliseconds: short for who has just begun to wait. */
const LOOK_MS = { first: 25, most: 250, growth: 1.2 };

/**
 * Lets a caller wait until a generation has applied a version of a document. The row decides; notices only wake it. Where
 * other processes apply, nobody gives notice, and all rows that are waited for are looked at together every so often.
 */
export class Applied {
  readonly #waiting = new Map<string, Set<Waiting>>();
  #looking = false;
  #pauseMs = LOOK_MS.first;

  /** @param elsewhere with which other processes' rows are looked for; absent: this process alone applies */
  constructor(
    private readonly documents: Pick<Documents, 'get' | 'many'>,
    private readonly elsewhere?: Pick<Clock, 'sleep'>,
  ) {}

  /**
   * Resolves with the row once it has seen this version or a newer one.
   * @throws FootnoteError cancelled
   */
  async wait(generation: string, documentId: string, version: VersionKey, signal: AbortSignal): Promise<DocumentRow> {
    throwIfAborted(signal);
    let waiting!: Waiting;
    const noticed = new Promise<DocumentRow>((resolve, reject) => {
      waiting = { generation, version, resolve, reject };
    });
    const all = this.#waiting.get(documentId) ?? new Set();
    this.#waiting.set(documentId, all.add(waiting));
    this.#pauseMs = LOOK_MS.first;
    if (this.elsewhere && !this.#looking) void this.#lookAround(this.elsewhere);
    const abort = (): void => waiting.reject(new FootnoteError('cancelled', 'Waiting was cancelled.'));
    signal.addEventListener('abort', abort, { once: true });
    // Looked up after registering, so that no notice falls between.
    this.#look(documentId, waiting).catch(waiting.reject);
    try {
      return await noticed;
    } finally {
      signal.removeEventListener('abort', abort);
      all.delete(waiting);
      if (all.size === 0) this.#waiting.delete(documentId);
    }
  }

  /** Called after each applied, superseded or failed change. */
  async notify(documentId: string): Promise<void> {
    const all = this.#waiting.get(documentId);
    if (!all) return;
    await Promise.all([...all].map((waiting) => this.#look(documentId, waiting)));
  }

  /** Until nobody waits any more. */
  async #lookAround(clock: Pick<Clock, 'sleep'>): Promise<void> {
    this.#looking = true;
    while (this.#waiting.size > 0) {
      await clock.sleep(this.#pauseMs);
      this.#pauseMs = Math.min(LOOK_MS.most, this.#pauseMs * LOOK_MS.growth);
      try {
        await this.#lookAtAll();
      } catch {
        // A catalog that is away is asked again; whoever does not want to wait so long has a signal.
        this.#pauseMs = LOOK_MS.most;
      }
    }
    this.#looking = false;
  }

  async #lookAtAll(): Promise<void> {
    const byGeneration = new Map<string, [string, Waiting][]>();
    for (const [documentId, all] of this.#waiting) {
      for (const waiting of all) {
        const same = byGeneration.get(waiting.generation);
        if (same) same.push([documentId, waiting]);
        else byGeneration.set(waiting.generation, [[documentId, waiting]]);
      }
    }
    for (const [generation, all] of byGeneration) {
      const rows = await this.documents.many(generation, [...new Set(all.map(([documentId]) => documentId))]);
      for (const [documentId, waiting] of all) {
        const row = rows.get(documentId);
        if (row && row.seen.version >= waiting.version) waiting.resolve(row);
      }
    }
  }

  async #look(documentId: string, waiting: Waiting): Promise<void> {
    const row = await this.documents.get(waiting.generation, documentId);
    if (row && row.seen.version >= waiting.version) waiting.resolve(row);
  }
}

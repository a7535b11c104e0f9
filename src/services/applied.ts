import { FootnoteError, throwIfAborted } from '../core/errors.js';
import type { DocumentRow, Documents } from '../core/ports/catalog.js';
import type { VersionKey } from '../core/version.js';

interface Waiting {
  readonly generation: string;
  readonly version: VersionKey;
  readonly resolve: (row: DocumentRow) => void;
  readonly reject: (error: unknown) => void;
}

/** Lets a caller wait until a generation has applied a version of a document. The row decides; notices only wake it. */
export class Applied {
  readonly #waiting = new Map<string, Set<Waiting>>();

  constructor(private readonly documents: Pick<Documents, 'get'>) {}

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

  async #look(documentId: string, waiting: Waiting): Promise<void> {
    const row = await this.documents.get(waiting.generation, documentId);
    if (row && row.seen.version >= waiting.version) waiting.resolve(row);
  }
}

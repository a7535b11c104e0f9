import type { BlobStore } from '../../core/ports/blobs.js';

/**
 * A blob store whose deletions can be put off, so that what a snapshot of the catalog names is there until it was copied.
 * Deletions that a crash forgets are left to the sweep of blobs that nothing names.
 */
export class HeldBlobs implements BlobStore {
  #holds = 0;
  #late: (() => Promise<void>)[] = [];

  constructor(private readonly blobs: BlobStore) {}

  readonly put: BlobStore['put'] = (...of) => this.blobs.put(...of);
  readonly putAs: BlobStore['putAs'] = (...of) => this.blobs.putAs(...of);
  readonly get: BlobStore['get'] = (...of) => this.blobs.get(...of);
  readonly read: BlobStore['read'] = (...of) => this.blobs.read(...of);
  readonly path: BlobStore['path'] = (...of) => this.blobs.path(...of);
  readonly list: BlobStore['list'] = (...of) => this.blobs.list(...of);
  readonly delete: BlobStore['delete'] = (...of) => this.#unlessHeld(() => this.blobs.delete(...of));
  readonly deleteDocument: BlobStore['deleteDocument'] = (...of) =>
    this.#unlessHeld(() => this.blobs.deleteDocument(...of));
  readonly deleteCollection: BlobStore['deleteCollection'] = (...of) =>
    this.#unlessHeld(() => this.blobs.deleteCollection(...of));

  /** Nothing is deleted until the returned function is called, which carries out what was put off. */
  hold(): () => Promise<void> {
    this.#holds += 1;
    let held = true;
    return async () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      if (this.#holds > 0) return;
      const late = this.#late;
      this.#late = [];
      for (const each of late) await each();
    };
  }

  async #unlessHeld(work: () => Promise<void>): Promise<void> {
    if (this.#holds === 0) return work();
    this.#late.push(work);
  }
}

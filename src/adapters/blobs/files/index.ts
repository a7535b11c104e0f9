import { createHash, randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { throwIfAborted } from '../../../core/errors.js';
import type { ContentRef } from '../../../core/event.js';
import type { BlobOwner, BlobStore } from '../../../core/ports/blobs.js';
import { FORMAT_FILE, keepFormatFile } from '../../../runtime/format-file.js';
import { collectionFolder, decodeName, documentFolder, isBlobName } from '../names.js';
import {
  SourceFailure,
  checkBlobName,
  checkCopied,
  checkRange,
  contentMissing,
  endWhenAborted,
  piecesOf,
  tooLarge,
} from '../source.js';
import { codeOf, fileError } from './errors.js';

/** How blobs are laid out below the root and how they are named. */
const FORMAT = 1;
const TEMPORARY = '.tmp';

/**
 * Blobs as files below one folder; one process writes there. Opening removes what a crash left half written.
 * @throws data_newer, data_corrupt, read_only, disk_full
 */
export async function openFileBlobs(root: string): Promise<BlobStore> {
  try {
    await mkdir(root, { recursive: true });
    await keepFormatFile(join(root, FORMAT_FILE), {
      what: `The blob layout of ${root}`,
      newest: FORMAT,
      orElse: 'or restore a backup made by this version',
    });
    await rm(join(root, TEMPORARY), { recursive: true, force: true });
    await mkdir(join(root, TEMPORARY), { recursive: true });
    await syncFolder(root);
    await syncFolder(dirname(root));
  } catch (error) {
    throw fileError(error, root);
  }
  return new FileBlobs(root);
}

class FileBlobs implements BlobStore {
  readonly #root: string;
  /** Folders whose own entries may not be on disk yet: made by a put that is still under way. */
  readonly #fresh = new Set<string>();
  #making: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
  }

  async put(
    owner: BlobOwner,
    data: Readable | Uint8Array,
    options: { maxBytes?: number; signal?: AbortSignal } = {},
  ): Promise<ContentRef> {
    const blob = `${documentFolder(owner)}/${owner.kind}-${randomUUID()}`;
    return { blob, ...(await this.#store(blob, data, options)) };
  }

  async putAs(ref: ContentRef, data: Readable, options: { signal?: AbortSignal } = {}): Promise<void> {
    checkBlobName(ref);
    await this.#store(ref.blob, data, options, (written) => checkCopied(ref, written));
  }

  async #store(
    blob: string,
    data: Readable | Uint8Array,
    options: { maxBytes?: number; signal?: AbortSignal },
    check: (written: Pick<ContentRef, 'bytes' | 'sha256'>) => void = () => undefined,
  ): Promise<Pick<ContentRef, 'bytes' | 'sha256'>> {
    const temporary = join(this.#root, TEMPORARY, randomUUID());
    try {
      const written = await this.#write(temporary, data, options);
      check(written);
      await this.#place(temporary, blob);
      return written;
    } catch (error) {
      await rm(temporary, { force: true });
      if (options.signal?.aborted) throwIfAborted(options.signal);
      if (error instanceof SourceFailure) throw error.cause;
      throw fileError(error, this.#root);
    }
  }

  async get(ref: ContentRef, range?: { start: number; end: number }): Promise<Readable> {
    checkRange(range);
    const handle = await this.#open(ref);
    if (range && range.start === range.end) {
      // A file stream can't express an empty range: its end is inclusive.
      await handle.close();
      return Readable.from([]);
    }
    return handle.createReadStream(range ? { start: range.start, end: range.end - 1 } : {});
  }

  async read(ref: ContentRef): Promise<Uint8Array> {
    const handle = await this.#open(ref);
    try {
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  }

  path(ref: ContentRef): string | undefined {
    return isBlobName(ref.blob) ? join(this.#root, ref.blob) : undefined;
  }

  async delete(ref: ContentRef): Promise<void> {
    const path = this.path(ref);
    if (!path) return;
    try {
      await unlink(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw fileError(error, this.#root);
    }
    await this.#tidy(dirname(path));
  }

  async deleteDocument(owner: Pick<BlobOwner, 'tenant' | 'collection' | 'documentId'>): Promise<void> {
    await this.#remove(documentFolder(owner));
  }

  async deleteCollection(owner: Pick<BlobOwner, 'tenant' | 'collection'>): Promise<void> {
    await this.#remove(collectionFolder(owner));
  }

  async *list(
    owner: Pick<BlobOwner, 'tenant' | 'collection'>,
  ): AsyncIterable<{ ref: Pick<ContentRef, 'blob' | 'bytes'>; documentId: string; modifiedAt: Date }> {
    const collection = collectionFolder(owner);
    for (const shard of await this.#entries(collection)) {
      for (const document of await this.#entries(`${collection}/${shard.name}`)) {
        for (const file of await this.#entries(`${collection}/${shard.name}/${document.name}`)) {
          const blob = `${collection}/${shard.name}/${document.name}/${file.name}`;
          if (!file.isFile() || !isBlobName(blob)) continue;
          const found = await ifThere(stat(join(this.#root, blob)));
          if (!found) continue;
          const documentId = decodeName(document.name);
          yield { ref: { blob, bytes: found.size }, documentId, modifiedAt: found.mtime };
        }
      }
    }
  }

  async #write(
    path: string,
    data: Readable | Uint8Array,
    options: { maxBytes?: number; signal?: AbortSignal },
  ): Promise<{ bytes: number; sha256: string }> {
    const limit = options.maxBytes ?? Infinity;
    const hash = createHash('sha256');
    let bytes = 0;
    const handle = await open(path, 'wx', 0o600);
    const done = endWhenAborted(data, options.signal);
    try {
      throwIfAborted(options.signal);
      for await (const chunk of piecesOf(data)) {
        throwIfAborted(options.signal);
        bytes += chunk.byteLength;
        if (bytes > limit) throw tooLarge(limit);
        hash.update(chunk);
        await writeAll(handle, chunk);
      }
      await handle.sync();
    } finally {
      done();
      await handle.close();
    }
    return { bytes, sha256: hash.digest('hex') };
  }

  /** Puts the finished file in its place, durably. */
  async #place(temporary: string, blob: string): Promise<void> {
    const path = join(this.#root, blob);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#makeFolder(dirname(path));
        await rename(temporary, path);
        // From the file's folder up to the first that is on disk for certain, whoever made those below it.
        for (let folder = dirname(path), below = ''; ; below = folder, folder = dirname(folder)) {
          await syncFolder(folder);
          this.#fresh.delete(below);
          if (!this.#fresh.has(folder)) return;
        }
      } catch (error) {
        // A deletion took the empty folder away in between, or while it was looked at whether it is there.
        if (codeOf(error) !== 'ENOENT' || attempt >= 20) throw error;
      }
    }
  }

  /** One after another, so that whoever finds a folder there also finds it among the fresh ones. */
  #makeFolder(path: string): Promise<void> {
    const making = this.#making.then(async () => {
      const made = await mkdir(path, { recursive: true });
      if (made === undefined) return;
      for (let folder = path; folder.length >= made.length; folder = dirname(folder)) this.#fresh.add(folder);
    });
    this.#making = making.catch(() => undefined);
    return making;
  }

  async #open(ref: ContentRef): Promise<FileHandle> {
    const path = this.path(ref);
    try {
      if (path) return await open(path, 'r');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw fileError(error, this.#root);
    }
    throw contentMissing();
  }

  async #remove(folder: string): Promise<void> {
    const path = join(this.#root, folder);
    try {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      throw fileError(error, this.#root);
    }
    await this.#tidy(dirname(path));
  }

  /** Removes empty folders upwards and makes the removal durable. */
  async #tidy(folder: string): Promise<void> {
    for (let path = folder; path.length > this.#root.length; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENOENT') continue;
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw fileError(error, this.#root);
        await ifThere(syncFolder(path));
        return;
      }
    }
    await syncFolder(this.#root);
  }

  async #entries(folder: string): Promise<Dirent[]> {
    const entries = await ifThere(readdir(join(this.#root, folder), { withFileTypes: true }));
    return (entries ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.byteLength - at);
    at += bytesWritten;
  }
}

/** What others may delete meanwhile. */
async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

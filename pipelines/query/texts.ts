import { LRUCache } from 'lru-cache';
import type { ParsedDocument } from '../../src/core/document.js';
import { FootnoteError, asFootnoteError } from '../../src/core/errors.js';
import { decodeParsed } from '../../src/core/parsed-codec.js';
import type { BlobStore } from '../../src/core/ports/blobs.js';
import type { Catalog } from '../../src/core/ports/catalog.js';

export interface TextPorts {
  readonly catalog: Pick<Catalog, 'revisions'>;
  readonly blobs: Pick<BlobStore, 'read'>;
}

/** A deleted document's text is gone from memory within this time (law 6); who may see it is checked before each use. */
const KEEP_MS = 60_000;

/** Parsed documents by revision. Bounded in bytes and time; reads of the same revision are shared. */
export class ParsedTexts {
  readonly #cache: LRUCache<string, ParsedDocument>;
  readonly #reading = new Map<string, Promise<ParsedDocument>>();

  constructor(
    private readonly ports: TextPorts,
    maxBytes: number,
  ) {
    this.#cache = new LRUCache({ maxSize: maxBytes, ttl: KEEP_MS, sizeCalculation: sizeOf });
  }

  /** @throws FootnoteError not_found when the revision is not kept (any more) */
  async get(documentId: string, revision: string): Promise<ParsedDocument> {
    const key = `${documentId}/${revision}`;
    const known = this.#cache.get(key);
    if (known) return known;
    let reading = this.#reading.get(key);
    if (!reading) {
      reading = this.#read(documentId, revision).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    const parsed = await reading;
    this.#cache.set(key, parsed);
    return parsed;
  }

  /** Undefined when the revision is not kept (any more), as when the document was deleted a moment ago. */
  async find(documentId: string, revision: string): Promise<ParsedDocument | undefined> {
    try {
      return await this.get(documentId, revision);
    } catch (error) {
      const { code } = asFootnoteError(error);
      if (code !== 'not_found' && code !== 'content_missing') throw error;
      return undefined;
    }
  }

  async #read(documentId: string, revision: string): Promise<ParsedDocument> {
    const record = await this.ports.catalog.revisions.get(documentId, revision);
    if (!record) throw new FootnoteError('not_found', 'The text of this revision is not kept.');
    const bytes = await this.ports.blobs.read(record.parsed);
    return decodeParsed(bytes);
  }
}

/** About what it takes in memory: two bytes a character, and its structure. */
function sizeOf(parsed: ParsedDocument): number {
  return 1024 + parsed.text.length * 2 + (parsed.blocks.length + (parsed.regions?.length ?? 0)) * 128;
}

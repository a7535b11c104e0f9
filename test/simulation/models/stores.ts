import { FootnoteError } from '../../../src/core/errors.js';
import type { ContentRef } from '../../../src/core/event.js';
import type { ParsedDocument } from '../../../src/core/document.js';
import type { BlobStore } from '../../../src/core/ports/blobs.js';
import type { VectorCache } from '../../../src/core/ports/cache.js';
import type { Embedder } from '../../../src/core/ports/models.js';
import type { Parsing, Preparing, PreparedChunk } from '../../../src/core/ports/processing.js';
import type { Point, VectorStore } from '../../../src/core/ports/vectors.js';
import type { Random } from '../../../src/runtime/random.js';
import { type Process, type Turns, opNumber } from '../scheduler.js';

/** The bytes of a document in the simulated world. `kind`: bad never parses, sick not until it is healed. */
export interface Content {
  readonly id: number;
  readonly sha256: string;
  readonly pieces: readonly string[];
  readonly kind: 'ok' | 'bad' | 'sick';
}

export interface StoredBlob {
  readonly ref: ContentRef;
  readonly documentId: string;
  readonly kind: 'original' | 'parsed';
  readonly data: Content | Uint8Array;
  readonly at: number;
}

/** Blobs, points and cached vectors. */
export class Stores {
  readonly blobs = new Map<string, StoredBlob>();
  /** Every original there ever was, for the clean build. */
  readonly originals = new Map<string, Content>();
  /** generation -> document -> point id -> point */
  readonly points = new Map<string, Map<string, Map<string, Point>>>();
  /** input -> documents that use it */
  readonly cache = new Map<string, { vector: Float32Array; users: Set<string> }>();
  healed = false;
  #blobIds = 0;

  constructor(
    private readonly hooks: {
      blobDeleted(blob: StoredBlob): void;
      pointsChanged(generation: string, documentId: string): void;
    },
    private readonly prefix = 'b',
  ) {}

  put(documentId: string, kind: 'original' | 'parsed', data: Content | Uint8Array, at: number): ContentRef {
    this.#blobIds += 1;
    const sha256 = data instanceof Uint8Array ? `p${this.#blobIds}` : data.sha256;
    const ref = { blob: `${this.prefix}${this.#blobIds}`, bytes: 1, sha256 };
    this.blobs.set(ref.blob, { ref, documentId, kind, data, at });
    if (!(data instanceof Uint8Array)) this.originals.set(ref.blob, data);
    return ref;
  }

  read(ref: ContentRef): Content | Uint8Array {
    const blob = this.blobs.get(ref.blob);
    if (!blob) throw new FootnoteError('content_missing', `blob ${ref.blob} is gone`);
    return blob.data;
  }

  delete(name: string): void {
    const blob = this.blobs.get(name);
    if (!blob) return;
    this.blobs.delete(name);
    this.hooks.blobDeleted(blob);
  }

  of(generation: string, documentId: string): Map<string, Point> {
    let documents = this.points.get(generation);
    if (!documents) this.points.set(generation, (documents = new Map<string, Map<string, Point>>()));
    let points = documents.get(documentId);
    if (!points) documents.set(documentId, (points = new Map<string, Point>()));
    return points;
  }

  write(generation: string, points: readonly Point[]): void {
    for (const point of points) {
      this.of(generation, point.documentId).set(point.id, point);
      this.hooks.pointsChanged(generation, point.documentId);
    }
  }

  prune(generation: string, documentId: string, remove: (point: Point) => boolean): void {
    const points = this.of(generation, documentId);
    for (const [id, point] of points) if (remove(point)) points.delete(id);
    this.hooks.pointsChanged(generation, documentId);
  }
}

const OP = {
  put: opNumber('blobs.put'),
  read: opNumber('blobs.read'),
  delete: opNumber('blobs.delete'),
  list: opNumber('blobs.list'),
  write: opNumber('vectors.write'),
  prune: opNumber('vectors.prune'),
  vectorsRead: opNumber('vectors.read'),
  create: opNumber('vectors.create'),
  cacheGet: opNumber('cache.get'),
  cachePut: opNumber('cache.put'),
  cacheForget: opNumber('cache.forget'),
  identify: opNumber('parsing.identify'),
  parse: opNumber('parsing.parse'),
  prepare: opNumber('preparing.prepare'),
  embed: opNumber('embedder.embed'),
};

const unsupported = (): never => {
  throw new FootnoteError('internal', 'not part of the simulation');
};

export function blobPort(stores: Stores, scheduler: Turns, process: Process): BlobStore {
  const call = <T>(op: number, effect: () => T): Promise<T> => scheduler.call(process, op, effect);
  return {
    put: (owner, data) =>
      call(OP.put, () =>
        stores.put(owner.documentId, owner.kind, data as unknown as Content | Uint8Array, scheduler.now()),
      ),
    putAs: unsupported,
    // What is got is only ever put again, or closed.
    get: (ref) => call(OP.read, () => ({ ...stores.read(ref), destroy: () => undefined }) as never),
    read: (ref) => call(OP.read, () => stores.read(ref) as never),
    path: () => undefined,
    delete: (ref) => call(OP.delete, () => stores.delete(ref.blob)),
    deleteDocument: unsupported,
    deleteCollection: unsupported,
    async *list() {
      const all = await call(OP.list, () => [...stores.blobs.values()]);
      for (const { ref, documentId, at } of all) yield { ref, documentId, modifiedAt: new Date(at) };
    },
  };
}

export function vectorPort(stores: Stores, scheduler: Turns, process: Process): VectorStore {
  const call = <T>(op: number, effect: () => T): Promise<T> => scheduler.call(process, op, effect);
  return {
    create: () => call(OP.create, () => undefined),
    async write(generation, points) {
      // A large write is not atomic in the real stores: a crash may leave a part.
      const half = Math.ceil(points.length / 2);
      await call(OP.write, () => stores.write(generation, points.slice(0, half)));
      if (points.length > half) await call(OP.write, () => stores.write(generation, points.slice(half)));
    },
    prune: (generation, documentId, below, keepRevision) =>
      call(OP.prune, () =>
        stores.prune(
          generation,
          documentId,
          (point) =>
            point.version < below ||
            (keepRevision !== undefined && point.version === below && point.revision !== keepRevision),
        ),
      ),
    search: (generation, arms, filter, k) =>
      call(OP.vectorsRead, () => {
        const found: Point[] = [];
        for (const points of stores.points.get(generation)?.values() ?? []) {
          for (const point of points.values()) {
            if (point.principals.some((principal) => filter.principals.includes(principal))) found.push(point);
          }
        }
        found.sort((a, b) => (a.id < b.id ? -1 : 1));
        return arms.map(() => found.slice(0, k).map((point) => ({ point, score: 1 })));
      }),
    document: (generation, documentId, version) =>
      call(OP.vectorsRead, () =>
        [...stores.of(generation, documentId).values()].filter((point) => point.version === version),
      ),
    inputs: (generation, documentId, version) =>
      call(OP.vectorsRead, () =>
        [...stores.of(generation, documentId).values()].flatMap((point) =>
          point.version === version ? [point.inputSha256] : [],
        ),
      ),
    async *scroll(generation, options) {
      yield* await call(OP.vectorsRead, () => {
        const found: Point[] = [];
        for (const [id, points] of stores.points.get(generation) ?? []) {
          if (options?.documentIds?.includes(id) ?? true) found.push(...points.values());
        }
        return found;
      });
    },
    count: unsupported,
    drop: (generation) => call(OP.create, () => void stores.points.delete(generation)),
    optimize: unsupported,
    close: () => Promise.resolve(),
  };
}

export function cachePort(stores: Stores, scheduler: Turns, process: Process): VectorCache {
  const call = <T>(op: number, effect: () => T): Promise<T> => scheduler.call(process, op, effect);
  return {
    get: (_build, inputs, documentId) =>
      call(OP.cacheGet, () =>
        inputs.map((input) => {
          const entry = stores.cache.get(input);
          entry?.users.add(documentId);
          return entry?.vector;
        }),
      ),
    put: (_build, entries, documentId) =>
      call(OP.cachePut, () => {
        for (const { input, vector } of entries) {
          const entry = stores.cache.get(input) ?? { vector, users: new Set<string>() };
          entry.users.add(documentId);
          stores.cache.set(input, entry);
        }
      }),
    forget: (documentId, keep) =>
      call(OP.cacheForget, () => {
        for (const [input, entry] of stores.cache) {
          if (keep?.has(input)) continue;
          entry.users.delete(documentId);
          if (entry.users.size === 0) stores.cache.delete(input);
        }
      }),
    documents: ({ after = '', limit }) =>
      call(OP.cacheForget, () => {
        const users = new Set([...stores.cache.values()].flatMap((entry) => [...entry.users]));
        return [...users]
          .filter((id) => id > after)
          .sort()
          .slice(0, limit);
      }),
    stats: unsupported,
  };
}

/** Parse, chunk and embed: pure functions of content and parser version. */
export function processingPorts(
  stores: Pick<Stores, 'healed'>,
  call: <T>(op: number, effect: () => T) => Promise<T>,
  parserOf: (content: Content) => number,
  random: Random | undefined,
): { parsing: Parsing; preparing: Preparing; embedder: Embedder } {
  const flaky = (): void => {
    if (random?.chance(0.02)) throw new FootnoteError('unavailable', 'try again');
  };
  const contentOf = (input: unknown): Content => (input as { bytes: Content }).bytes;
  return {
    parsing: {
      identify: (input) =>
        call(OP.identify, () => ({ mime: 'text/plain', parser: `sim@${parserOf(contentOf(input))}` })),
      parse: (input) =>
        call(OP.parse, () => {
          flaky();
          const content = contentOf(input);
          if (content.kind === 'bad') throw new FootnoteError('corrupt_document', 'bad');
          if (content.kind === 'sick' && !stores.healed) throw new FootnoteError('parse_timeout', 'sick');
          return parseContent(content, parserOf(content));
        }),
      close: () => Promise.resolve(),
    },
    preparing: {
      prepare: (parsed, of) => call(OP.prepare, () => prepareChunks(parsed, of.documentId, of.revision)),
      analyzeQuery: () => [],
      close: () => Promise.resolve(),
    } as Preparing,
    embedder: {
      model: 'sim',
      space: 'space',
      build: 'build',
      dims: 2,
      maxTokens: 100,
      prefixes: { query: '', document: '' },
      countTokens: unsupported,
      embed: (inputs) =>
        call(OP.embed, () => {
          flaky();
          return inputs.map(vectorOf);
        }),
      close: () => Promise.resolve(),
    },
  };
}

/** Another parser version cuts otherwise: more pieces. */
export function parseContent(content: Content, parser: number): ParsedDocument {
  const pieces = parser === 1 ? content.pieces : [...content.pieces, `extra-${parser}`];
  return {
    text: pieces.join('|'),
    blocks: [],
    images: [],
    warnings: [],
    mime: 'text/plain',
    parser: `sim@${parser}`,
  };
}

function prepareChunks(parsed: ParsedDocument, documentId: string, revision: string): PreparedChunk[] {
  if (parsed.text === '') return [];
  let start = 0;
  return parsed.text.split('|').map((text, ordinal) => {
    const span = { start, end: start + text.length };
    start = span.end + 1;
    return {
      id: `${documentId}/${revision}/${ordinal}`,
      documentId,
      revision,
      ordinal,
      span,
      text,
      headings: [],
      tokens: 1,
      kind: 'text',
      context: '',
      inputSha256: `h:${text}`,
      anchor: { codePointStart: span.start, prefix: '', suffix: '' },
      terms: [text],
    };
  });
}

function vectorOf(text: string): Float32Array {
  let angle = 0;
  for (let i = 0; i < text.length; i += 1) angle = (angle * 31 + text.charCodeAt(i)) % 6283;
  return new Float32Array([Math.cos(angle / 1000), Math.sin(angle / 1000)]);
}

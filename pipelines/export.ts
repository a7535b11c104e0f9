import { sha256 } from '../src/core/ids.js';
import { canonicalJson } from '../src/core/json.js';
import type { DocumentRow, Documents } from '../src/core/ports/catalog.js';
import type { Point, VectorStore } from '../src/core/ports/vectors.js';

export interface ExportPorts {
  readonly documents: Pick<Documents, 'get'>;
  readonly vectors: Pick<VectorStore, 'scroll'>;
}

/**
 * The canonical dump of a generation (design sections 2 and 6): one JSON line a visible chunk, sorted by chunk id, nothing
 * in it that depends on time, order or versions. Two generations with equal dumps answer alike. Lines are kept in memory
 * to be sorted, about 700 bytes each.
 * @param documentIds only those of these documents
 */
export async function* exportCanonical(
  ports: ExportPorts,
  generation: string,
  signal?: AbortSignal,
  documentIds?: readonly string[],
): AsyncGenerator<string> {
  const rows = new Map<string, DocumentRow | undefined>();
  const lines: { id: string; line: string }[] = [];
  for await (const point of ports.vectors.scroll(generation, {
    ...(signal ? { signal } : {}),
    ...(documentIds ? { documentIds } : {}),
  })) {
    if (!rows.has(point.documentId))
      rows.set(point.documentId, await ports.documents.get(generation, point.documentId));
    const row = rows.get(point.documentId);
    if (row?.visible?.version !== point.version || row.visible.revision !== point.revision) continue;
    lines.push({ id: point.chunkId, line: canonicalLine(point, row) });
  }
  lines.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  for (const { line } of lines) yield line;
}

function canonicalLine(point: Point, row: DocumentRow): string {
  return JSON.stringify({
    id: point.chunkId,
    documentId: point.documentId,
    source: point.source,
    key: point.key,
    revision: point.revision,
    ordinal: point.ordinal,
    span: { start: point.span.start, end: point.span.end },
    textSha256: sha256(point.text),
    inputSha256: point.inputSha256,
    vectorSha256: vectorsSha256(point.vectors),
    metadataSha256: sha256(canonicalJson(point.metadata)),
    policySha256: sha256(canonicalJson(row.seen.event.policy)),
  });
}

/** Of the passage vector's bytes (32-bit floats, little-endian); of all by name where there are others. */
function vectorsSha256(vectors: Point['vectors']): string {
  const names = Object.keys(vectors).sort();
  if (names.length === 1) return bytesSha256(vectors[names[0]!]!);
  return sha256(names.map((name) => `${name}:${bytesSha256(vectors[name]!)}`).join('\n'));
}

function bytesSha256(vector: Float32Array): string {
  return sha256(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
}

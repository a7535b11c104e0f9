import type { ParsedDocument } from '../../src/core/document.js';
import type { ChangeEvent } from '../../src/core/event.js';
import { pointId } from '../../src/core/ids.js';
import type { PreparedChunk } from '../../src/core/ports/processing.js';
import type { Point } from '../../src/core/ports/vectors.js';
import type { VersionKey } from '../../src/core/version.js';

/**
 * The rows of one version of a document in a vector store. A pure function of event, revision and version, so two workers
 * on the same event write the same points; the version is part of each id, so no other version can be overwritten.
 */
export function pointsOf(
  event: ChangeEvent,
  version: VersionKey,
  parsed: ParsedDocument,
  chunks: readonly PreparedChunk[],
  vectors: ReadonlyMap<string, readonly Float32Array[]>,
): Point[] {
  const title = event.title ?? parsed.title;
  return chunks.map((chunk, i) => ({
    id: pointId(chunk.id, version),
    chunkId: chunk.id,
    documentId: chunk.documentId,
    version,
    revision: chunk.revision,
    source: event.source,
    key: event.key,
    ordinal: chunk.ordinal,
    kind: chunk.kind,
    span: chunk.span,
    text: chunk.text,
    context: chunk.context,
    anchor: chunk.anchor,
    headings: chunk.headings,
    tokens: chunk.tokens,
    ...(chunk.page === undefined ? {} : { page: chunk.page }),
    ...(title === undefined ? {} : { title }),
    ...(event.uri === undefined ? {} : { uri: event.uri }),
    mime: parsed.mime,
    ...(parsed.language === undefined ? {} : { language: parsed.language }),
    observedAt: event.observedAt,
    principals: event.policy.principals,
    metadata: event.metadata ?? {},
    terms: chunk.terms,
    inputSha256: chunk.inputSha256,
    vectors: Object.fromEntries([...vectors].map(([name, list]) => [name, list[i]!])),
  }));
}

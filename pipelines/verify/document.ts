import type { ParsedDocument } from '../../src/core/document.js';
import { asFootnoteError } from '../../src/core/errors.js';
import type { ContentRef } from '../../src/core/event.js';
import type { Generation } from '../../src/core/generation.js';
import { sha256 } from '../../src/core/ids.js';
import { decodeParsed } from '../../src/core/parsed-codec.js';
import type { DocumentRow } from '../../src/core/ports/catalog.js';
import type { Point } from '../../src/core/ports/vectors.js';
import { modelInput } from '../../src/stages/model-input.js';
import type { Check } from './check.js';

/** How far a vector's length may be from 1 (32-bit floats). */
const UNIT = 1e-3;

/** Checks one row of one generation against head, points, stored text and original. @returns its visible chunks */
export async function checkDocument(check: Check, generation: Generation, row: DocumentRow): Promise<number> {
  const { ports, options } = check;
  const of = { generation: generation.id, documentId: row.documentId };
  const head = (await ports.heads.get([row.documentId])).get(row.documentId);
  if (!head || head.version < row.seen.version) {
    const { event, version } = row.seen;
    if (options.repair) {
      const updatedAt = new Date(ports.clock.now()).toISOString();
      await ports.heads.raise({
        documentId: row.documentId,
        version,
        event,
        updatedAt,
        deleted: event.op === 'delete',
      });
    }
    check.found(
      'head_behind',
      { ...of, detail: `row ${row.seen.version}, head ${head?.version ?? 'absent'}` },
      options.repair,
    );
  }
  if (!row.visible) return 0;
  const all = await ports.vectors.document(generation.id, row.documentId, row.visible.version);
  const points = all.filter((point) => point.revision === row.visible?.revision);
  const problems: [Parameters<Check['found']>[0], string][] = [];
  if (points.length !== row.visible.chunks) {
    problems.push([
      'points_missing',
      `${points.length} of ${row.visible.chunks} points of version ${row.visible.version}`,
    ]);
  }
  await checkTexts(check, generation, row, points, problems);
  const content = row.visible.event.content;
  if (content && !(await exists(check, content)) && (!head || head.version <= row.visible.version)) {
    problems.push(['content_missing', `original ${content.blob}`]);
  }
  // Workers go on meanwhile: what was true of a row that has moved since is no finding.
  const still = problems.length === 0 ? row : await ports.documents.get(generation.id, row.documentId);
  if (still?.token === row.token) for (const [kind, detail] of problems) check.found(kind, { ...of, detail });
  return points.length;
}

async function checkTexts(
  check: Check,
  generation: Generation,
  row: DocumentRow,
  points: readonly Point[],
  problems: [Parameters<Check['found']>[0], string][],
): Promise<void> {
  const { ports, options } = check;
  const revision = row.visible!.revision;
  const parsed = await storedText(check, row.documentId, revision);
  if (!parsed) {
    problems.push(['text_missing', `text of revision ${revision}`]);
    return;
  }
  const prefix = options.prefix?.(generation.id);
  for (const point of points) {
    const where = `chunk ${point.chunkId}`;
    if (parsed.text.slice(point.span.start, point.span.end) !== point.text) problems.push(['span_mismatch', where]);
    if (prefix !== undefined && sha256(prefix + modelInput(point.context + point.text)) !== point.inputSha256) {
      problems.push(['input_mismatch', where]);
    }
  }
  if (points.length > 0 && Object.keys(generation.spec.models).length > 0) {
    for await (const point of ports.vectors.scroll(generation.id, { documentIds: [row.documentId] })) {
      if (point.version !== row.visible!.version || point.revision !== revision) continue;
      for (const [name, model] of Object.entries(generation.spec.models)) {
        if (!valid(point.vectors[name], model.dims))
          problems.push(['vector_invalid', `chunk ${point.chunkId}, ${name}`]);
      }
    }
  }
}

function valid(vector: Float32Array | undefined, dims: number): boolean {
  if (vector?.length !== dims) return false;
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.abs(Math.sqrt(squares) - 1) <= UNIT;
}

async function storedText(check: Check, documentId: string, revision: string): Promise<ParsedDocument | undefined> {
  const record = await check.ports.revisions.get(documentId, revision);
  if (!record) return undefined;
  try {
    const bytes = await check.ports.blobs.read(record.parsed);
    return decodeParsed(bytes);
  } catch (error) {
    if (asFootnoteError(error).code === 'content_missing') return undefined;
    throw error;
  }
}

async function exists(check: Check, content: ContentRef): Promise<boolean> {
  try {
    (await check.ports.blobs.get(content, { start: 0, end: 0 })).destroy();
    return true;
  } catch (error) {
    if (asFootnoteError(error).code === 'content_missing') return false;
    throw error;
  }
}

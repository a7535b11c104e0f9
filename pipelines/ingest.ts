import { FootnoteError, asFootnoteError, throwIfAborted } from '../src/core/errors.js';
import type { Generation } from '../src/core/generation.js';
import { canonicalJson } from '../src/core/json.js';
import type { DocumentRow, VisibleVersion } from '../src/core/ports/catalog.js';
import type { PreparedChunk } from '../src/core/ports/processing.js';
import type { Point } from '../src/core/ports/vectors.js';
import { embedChunks } from './ingest/embed.js';
import { forgetReplacedVectors, free, prune } from './ingest/free.js';
import { pointsOf } from './ingest/points.js';
import type { ApplyKind, ApplyOptions, ApplyOutcome, Change, IngestPorts } from './ingest/ports.js';
import { type Revised, headIsNewer, keepText, revise } from './ingest/revise.js';
import { type Work, beginWork, nowIso, reach, rowVersion, timed } from './ingest/work.js';

/** Points a write: bounds the size of one store call. */
const WRITE_BATCH = 1000;
const MAX_WARNINGS = 20;

/**
 * Applies one change to one generation (design section 4). Safe to repeat, to run twice at once, to run late and to die
 * in at any point: whoever comes second finds newer or equal state and leaves it. When it returns, every effect is
 * durable and the position may be acknowledged.
 *
 * @returns kind `failed` for a permanent error: the row says so and keeps the last good version; the caller writes the
 *          dead letter
 * @throws transient FootnoteErrors (try again later) and `cancelled`
 */
export async function applyChange(
  ports: IngestPorts,
  generation: Pick<Generation, 'id' | 'spec'>,
  change: Change,
  options: ApplyOptions = {},
): Promise<ApplyOutcome> {
  const work = beginWork(ports, generation, change, options);
  const { documentId, version } = work;
  const { event } = change;
  await reach(work, 'apply:begin');
  throwIfAborted(options.signal);
  if (event.content) await ports.contents.record(documentId, version, event.content, event);
  await reach(work, 'apply:content-recorded');
  const row = await ports.documents.get(generation.id, documentId);
  await reach(work, 'apply:row-read');
  if (row && row.seen.version > version) return superseded(work, row);
  if (row && row.seen.version === version && row.state !== 'failed' && (await hasText(work, row))) {
    return settled(work, row);
  }
  if (!row && (await belowFloor(work))) return forgotten(work);
  await ports.heads.raise({
    documentId,
    version,
    deleted: event.op === 'delete',
    event,
    updatedAt: nowIso(work),
  });
  await reach(work, 'apply:head-raised');
  return event.op === 'delete' ? remove(work, row) : upsert(work, row);
}

async function remove(work: Work, first: DocumentRow | undefined): Promise<ApplyOutcome> {
  const { generation, documentId } = work;
  const next = { generation: generation.id, documentId, state: 'deleted' as const, seen: rowVersion(work) };
  const result = await settle(work, first, () => ({ ...next, updatedAt: nowIso(work) }));
  if (result.by === 'newer') return superseded(work, result.row);
  await reach(work, 'apply:row-written');
  await prune(work, next);
  await free(work, next);
  return outcome(work, 'deleted');
}

interface Made extends Revised {
  readonly chunks: readonly PreparedChunk[];
  readonly points: readonly Point[];
}

async function upsert(work: Work, first: DocumentRow | undefined): Promise<ApplyOutcome> {
  let made: Made;
  try {
    made = await make(work);
    await timed(work, 'write', () => write(work, made.points));
  } catch (caught) {
    throwIfAborted(work.options.signal);
    const error = asFootnoteError(caught);
    if (error.code === 'content_missing' && (await headIsNewer(work))) {
      // Freed because newer state was applied elsewhere: that state is on its way to this generation, too.
      return superseded(work, await work.ports.documents.get(work.generation.id, work.documentId));
    }
    if (error.code === 'internal' && work.options.finalAttempt) return fail(work, first, error);
    if (error.permanence === 'transient' || error.code === 'cancelled') throw error;
    return fail(work, first, error);
  }
  await reach(work, 'apply:points-written');
  throwIfAborted(work.options.signal);
  return show(work, first, made);
}

/** Everything of the points, before any of them is written. */
async function make(work: Work): Promise<Made> {
  const { ports, generation, documentId, version, change, options } = work;
  const revised = await revise(work);
  const { revision, parsed } = revised;
  throwIfAborted(options.signal);
  // Only a title that stands in the content is part of the model input: renaming a document embeds nothing.
  const of = { documentId, revision, ...(parsed.title === undefined ? {} : { title: parsed.title }) };
  const chunks = await timed(work, 'prepare', () =>
    ports.preparing.prepare(parsed, of, generation.spec, options.signal),
  );
  await reach(work, 'apply:prepared');
  const vectors = await embedChunks(work, chunks);
  throwIfAborted(options.signal);
  return { ...revised, chunks, points: pointsOf(change.event, version, parsed, chunks, vectors) };
}

async function write(work: Work, points: readonly Point[]): Promise<void> {
  for (let from = 0; from < points.length; from += WRITE_BATCH) {
    throwIfAborted(work.options.signal);
    await work.ports.vectors.write(work.generation.id, points.slice(from, from + WRITE_BATCH));
  }
}

/** Makes the written points the document's visible version, and removes what they replace. */
async function show(work: Work, first: DocumentRow | undefined, made: Made): Promise<ApplyOutcome> {
  const { generation, documentId } = work;
  const visible = visibleVersion(work, made);
  const mine = { generation: generation.id, documentId, state: 'live' as const, seen: rowVersion(work), visible };
  const result = await timed(work, 'commit', () => settle(work, first, () => ({ ...mine, updatedAt: nowIso(work) })));
  if (result.by === 'newer') return superseded(work, result.row);
  const shownAt = work.ports.clock.now();
  await reach(work, 'apply:row-written');
  const row = result.by === 'twin' ? result.row : mine;
  if (!(await hasText(work, row))) {
    // Retention took the replaced text between its use and the row that shows it again. Rows protect it from now on.
    // A twin that wrote the row may have died before it came to this.
    if (row.visible?.revision !== made.revision) throw textMissing(documentId);
    await keepText(work, made.revision, made.parsed);
  }
  await reach(work, 'apply:text-ensured');
  const before = result.by === 'me' ? result.replaced : result.row;
  // Without an earlier row there is nothing to free, and only a dead or late worker can have left points: never shown,
  // and the periodic prune's work.
  if (before) await prune(work, row);
  if (before?.visible && before.visible.revision !== made.revision) {
    await forgetReplacedVectors(
      work,
      made.chunks.map((chunk) => chunk.inputSha256),
    );
  }
  if (before) await free(work, row);
  const same = before?.state === 'live' && shows(before.visible, visible);
  return outcome(work, same ? 'unchanged' : 'indexed', { visible, shownAt });
}

/** A permanent error: the row turns failed and keeps what it showed, unless something newer or a twin's success is there. */
async function fail(work: Work, first: DocumentRow | undefined, error: FootnoteError): Promise<ApplyOutcome> {
  const { generation, documentId, options } = work;
  const keep = (options.onParseFailure ?? 'stale') === 'stale';
  const next = (expected: DocumentRow | undefined) => ({
    generation: generation.id,
    documentId,
    state: 'failed' as const,
    seen: rowVersion(work),
    ...(keep && expected?.visible ? { visible: expected.visible } : {}),
    error: { code: error.code, message: error.message },
  });
  const result = await settle(work, first, (expected) => ({ ...next(expected), updatedAt: nowIso(work) }));
  if (result.by === 'newer') return superseded(work, result.row);
  if (result.by === 'twin') {
    if (!(await hasText(work, result.row))) throw textMissing(documentId);
    return settled(work, result.row);
  }
  await reach(work, 'apply:row-failed');
  const row = next(result.replaced);
  if (result.replaced) await prune(work, row);
  await free(work, row);
  return outcome(work, 'failed', { error });
}

type Settled =
  | { readonly by: 'me'; readonly replaced: DocumentRow | undefined }
  | { readonly by: 'twin'; readonly row: DocumentRow }
  | { readonly by: 'newer'; readonly row: DocumentRow };

/**
 * Compare-and-set until the row holds this change's version, a twin has settled it, or something newer stands there.
 * Each round that fails means that somebody else moved the row up.
 */
async function settle(
  work: Work,
  first: DocumentRow | undefined,
  next: (expected: DocumentRow | undefined) => Omit<DocumentRow, 'token'>,
): Promise<Settled> {
  const { ports, generation, documentId, version } = work;
  let expected = first;
  for (;;) {
    if (await ports.documents.compareAndSet(next(expected), expected?.token)) return { by: 'me', replaced: expected };
    expected = await ports.documents.get(generation.id, documentId);
    if (expected && expected.seen.version > version) return { by: 'newer', row: expected };
    if (expected && expected.seen.version === version && expected.state !== 'failed')
      return { by: 'twin', row: expected };
  }
}

/** Older than what the generation has: nothing is undone, only freed. */
async function superseded(work: Work, row: DocumentRow | undefined): Promise<ApplyOutcome> {
  if (row) await free(work, row);
  return outcome(work, 'superseded');
}

/** Applied before (a redelivery, or a twin): what a crash may have left undone after the row is done again. */
async function settled(work: Work, row: DocumentRow): Promise<ApplyOutcome> {
  await prune(work, row);
  if (row.visible) await forgetReplacedVectors(work);
  await free(work, row);
  return outcome(work, 'unchanged', row.visible ? { visible: row.visible } : {});
}

/** Below the source's floor and without a row: its tombstone was purged. Its content goes unless another generation has it. */
async function forgotten(work: Work): Promise<ApplyOutcome> {
  const { ports, documentId, change } = work;
  const { content } = change.event;
  if (content && (await ports.documents.everywhere(documentId)).length === 0) {
    await ports.blobs.delete(content);
    await ports.contents.forget(documentId, [content.blob]);
  }
  return outcome(work, 'superseded');
}

/**
 * The head tells a forgotten document (none, or made anew above the floor) from one whose event is merely older than
 * somebody else's tombstone. One that was edited since has the event's version in some generation's row: a backfill.
 */
async function belowFloor(work: Work): Promise<boolean> {
  const { ports, documentId, version, change } = work;
  const source = await ports.sources.get(change.event);
  if (source?.floor === undefined || version >= source.floor) return false;
  const head = (await ports.heads.get([documentId])).get(documentId);
  if (!head || head.version < source.floor) return !head;
  const rows = await ports.documents.everywhere(documentId);
  return !rows.some(({ seen, visible }) => seen.version === version || visible?.version === version);
}

/** Whether a live row's normalized text is still recorded; when it is not, the change is applied again. */
async function hasText(work: Work, row: Pick<DocumentRow, 'visible'>): Promise<boolean> {
  if (!row.visible) return true;
  return (await work.ports.revisions.get(work.documentId, row.visible.revision)) !== undefined;
}

/** Another parser's text can't be made here: its worker stores it, or the next attempt shows this one's. */
function textMissing(documentId: string): FootnoteError {
  return new FootnoteError('unavailable', `The text that document ${documentId} shows is not stored yet: try again.`);
}

function visibleVersion(work: Work, made: Made): VisibleVersion {
  const { event } = work.change;
  const { parsed } = made;
  const title = event.title ?? parsed.title;
  const warnings = parsed.warnings.slice(0, MAX_WARNINGS).map((warning) => `${warning.code}: ${warning.message}`);
  return {
    ...rowVersion(work),
    revision: made.revision,
    chunks: made.chunks.length,
    chars: parsed.text.length,
    ...(parsed.pages ? { pages: parsed.pages.length } : {}),
    mime: parsed.mime,
    parser: made.parser,
    ...(title === undefined ? {} : { title }),
    ...(parsed.language === undefined ? {} : { language: parsed.language }),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** True when a reader could not tell the two versions apart. */
function shows(before: VisibleVersion | undefined, after: VisibleVersion): boolean {
  if (!before || before.revision !== after.revision) return false;
  const shown = ({ event }: VisibleVersion) => canonicalJson([event.title, event.uri, event.metadata, event.policy]);
  return shown(before) === shown(after);
}

function outcome(
  work: Work,
  kind: ApplyKind,
  of: { readonly visible?: VisibleVersion; readonly shownAt?: number; readonly error?: FootnoteError } = {},
): ApplyOutcome {
  const { tally, documentId, version } = work;
  tally.ms.total = performance.now() - work.startedAt;
  const { visible, shownAt, error } = of;
  return {
    kind,
    documentId,
    version,
    chunks: visible?.chunks ?? 0,
    embedded: tally.embedded,
    cached: tally.cached,
    ms: tally.ms,
    warnings: visible?.warnings ?? [],
    ...(visible ? { revision: visible.revision, mime: visible.mime, chars: visible.chars } : {}),
    ...(visible?.pages === undefined ? {} : { pages: visible.pages }),
    ...(shownAt === undefined ? {} : { shownAt }),
    ...(error ? { error } : {}),
  };
}

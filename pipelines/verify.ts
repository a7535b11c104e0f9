import { throwIfAborted } from '../src/core/errors.js';
import type { Position } from '../src/core/event.js';
import { type Generation, buildHold, streamOf } from '../src/core/generation.js';
import type { DocumentRow } from '../src/core/ports/catalog.js';
import type { Point } from '../src/core/ports/vectors.js';
import type { VersionKey } from '../src/core/version.js';
import { breathe } from '../src/runtime/breathe.js';
import { reached } from './positions.js';
import { type Check, stays } from './verify/check.js';
import { checkDocument } from './verify/document.js';
import { checkLetters, checkLeftContents, sweepBlobs } from './verify/leftovers.js';
import type { Problem, VerifyOptions, VerifyPorts, VerifyReport } from './verify/ports.js';

const PAGE = 500;
const POINTS_A_TURN = 20;
/** Problems kept for the report; all are counted. */
const LISTED = 1000;

/**
 * Checks the laws on what is stored, and with `repair` removes what crashed or late workers left. Repair uses only what is
 * safe beside running workers: the monotone prune, freeing what no row needs, raising heads; it never touches what a
 * task in flight could still need, and it makes nothing up: what is missing is reported.
 */
export async function verify(
  ports: VerifyPorts,
  collection: { readonly tenant: string; readonly name: string },
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const owner = { tenant: collection.tenant, collection: collection.name };
  const problems: Problem[] = [];
  const before = { at: ports.clock.now(), end: await ports.log.end(streamOf(owner.tenant, owner.collection)) };
  const totals = { documents: 0, chunks: 0, found: 0, repaired: 0 };
  const check: Check = {
    ports,
    options,
    owner,
    stream: streamOf(owner.tenant, owner.collection),
    found(kind, of, repaired = false) {
      const problem = { kind, ...of, repaired };
      totals.found += 1;
      if (repaired) totals.repaired += 1;
      if (problems.length < LISTED) problems.push(problem);
      options.onProblem?.(problem);
    },
  };
  for (const generation of await ports.generations.list(owner.tenant, owner.collection)) {
    throwIfAborted(options.signal);
    if (generation.state === 'draft') continue;
    if (generation.state === 'dropped') {
      await checkDropped(check, generation);
      continue;
    }
    for await (const row of rowsOf(check, generation.id)) {
      totals.documents += 1;
      totals.chunks += await checkDocument(check, generation, row);
    }
    await checkOrphans(check, generation);
  }
  await checkLetters(check);
  await checkLeftContents(check);
  if (await appliedSomewhere(check, before.end)) await sweepBlobs(check, before.at);
  return { ...totals, problems };
}

/**
 * Whether some generation has committed all of this: until then the log may hold events that name blobs of which the
 * catalog knows nothing yet.
 */
async function appliedSomewhere(check: Check, end: readonly Position[]): Promise<boolean> {
  const { ports, stream, owner } = check;
  for (const { id, state } of await ports.generations.list(owner.tenant, owner.collection)) {
    if (state === 'draft' || state === 'dropped') continue;
    if (reached(await ports.log.committed(stream, id), end)) return true;
  }
  return false;
}

async function* rowsOf(check: Check, generation: string): AsyncGenerator<DocumentRow> {
  let after: string | undefined;
  for (;;) {
    throwIfAborted(check.options.signal);
    const page = await check.ports.documents.list(generation, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.documentId;
  }
}

/** Points that no row shows: those below what their document's row shows, and those of a document without a row. */
async function checkOrphans(check: Check, generation: Generation): Promise<void> {
  const { ports, options } = check;
  /** By document without a row: the newest version of its points. */
  const rowless = new Map<string, VersionKey>();
  let seen = 0;
  for await (const point of ports.vectors.scroll(generation.id, options.signal ? { signal: options.signal } : {})) {
    // An embedded catalog answers at once: without a pause a page of points would be one turn of the event loop.
    if ((seen += 1) % POINTS_A_TURN === 0) await breathe();
    const { documentId, version, revision } = point;
    const row = await ports.documents.get(generation.id, documentId);
    if (!row) {
      const known = rowless.get(documentId);
      if (known === undefined || known < version) rowless.set(documentId, version);
      continue;
    }
    const bound = row.visible?.version ?? row.seen.version;
    const left = version < bound || (row.visible?.version === version && row.visible.revision !== revision);
    if (!left) continue;
    if (options.repair) await ports.vectors.prune(generation.id, documentId, bound, row.visible?.revision);
    else if (!(await stays(check, generation.id, () => isThere(check, generation.id, point)))) continue;
    const detail = `point ${point.id} of version ${version}`;
    check.found('points_left', { generation: generation.id, documentId, detail }, options.repair);
  }
  // Asked after looking: whoever wrote these has ended by now or is in flight still. Whoever comes later has newer versions.
  const idle = rowless.size > 0 && !((await options.inFlight?.(generation.id)) ?? true);
  if (!idle) return;
  for (const [documentId, version] of rowless) {
    if (await ports.documents.get(generation.id, documentId)) continue;
    // An empty `keepRevision` takes every revision at exactly this version.
    if (options.repair) await ports.vectors.prune(generation.id, documentId, version, '');
    const detail = `points up to version ${version}, no row`;
    check.found('points_left', { generation: generation.id, documentId, detail }, options.repair);
  }
}

async function isThere({ ports }: Check, generation: string, { id, documentId, version }: Point): Promise<boolean> {
  return (await ports.vectors.document(generation, documentId, version)).some((point) => point.id === id);
}

/** A worker or a build that outlived its generation may have written to it again, or made the log wait for it. */
async function checkDropped(check: Check, generation: Generation): Promise<void> {
  const { ports, options, stream } = check;
  const rows = await ports.documents.list(generation.id, { limit: 1 });
  if (options.repair) {
    await ports.log.dropGroup(stream, generation.id);
    await ports.log.release(stream, buildHold(generation.id));
    await ports.vectors.drop(generation.id);
    if (rows.length > 0) await ports.documents.dropGeneration(generation.id);
  }
  if (rows.length === 0) return;
  check.found('generation_left', { generation: generation.id, detail: 'rows of a dropped generation' }, options.repair);
}

import type { Caller } from '../core/policy.js';
import type { Catalog } from '../core/ports/catalog.js';
import type { VersionKey } from '../core/version.js';
import type { ErrorCode } from '../core/errors.js';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { Applied } from '../services/applied.js';
import type { DocumentWrites } from '../services/documents.js';
import type { JobContext, JobHandler } from '../services/jobs.js';
import type { ListedItem } from '../services/listing.js';
import { BACKUP, backupHandler } from './backup/job.js';
import type { MaintenanceReport } from './maintenance.js';
import type { ReindexParts } from './reindex.js';
import { REINDEX, reindexHandler } from './reindex.js';

export interface JobHandlerParts {
  readonly catalog: Pick<Catalog, 'heads' | 'releases' | 'sources'>;
  readonly applied: Applied;
  readonly reindex: ReindexParts;
  readonly writes: DocumentWrites;
  readonly maintain: (
    signal: AbortSignal,
    afterStep: (done: number, total: number) => Promise<void>,
  ) => Promise<MaintenanceReport>;
  readonly deleteListed: (
    of: { tenant: string; collection: string; source: string; connector: string; key?: string },
    signal: AbortSignal,
  ) => Promise<ListedItem[]>;
}

const PAGE = 200;
/** Kind of the job that does at once what maintenance does every so often. */
export const MAINTAIN = 'maintain';

/** What each kind of job does. All may run again from the start after a crash. */
export function jobHandlers(parts: JobHandlerParts): Map<string, JobHandler> {
  return new Map<string, JobHandler>([
    ['document', { run: (context) => awaitDocuments(parts, context) }],
    ['delete-source', { run: (context) => deleteSource(parts, context) }],
    [REINDEX, reindexHandler(parts.reindex)],
    [BACKUP, backupHandler(parts.reindex.storage)],
    [MAINTAIN, { run: (context) => maintain(parts, context) }],
  ]);
}

async function maintain(parts: JobHandlerParts, context: JobContext): Promise<void> {
  const report = await parts.maintain(context.signal, (done, total) => {
    context.progress(done, total);
    return context.gate();
  });
  await context.detail({ ...context.job.detail, result: { ...report } });
}

/** Ends when accepted writes are applied; the first failure among them is the job's error. */
async function awaitDocuments({ catalog, applied }: JobHandlerParts, context: JobContext): Promise<void> {
  const { job, signal } = context;
  const versions = job.detail['versions'] as unknown as readonly { documentId: string; version: VersionKey }[];
  const release = await catalog.releases.current(job.tenant, job.collection ?? '');
  let failure: unknown;
  for (const [index, { documentId, version }] of versions.entries()) {
    await context.gate();
    if (!release) break;
    const row = await applied.wait(release.generation, documentId, version, signal);
    if (row.state === 'failed' && row.seen.version === version) failure ??= row.error;
    context.progress(index + 1, versions.length);
  }
  if (failure !== undefined) throw failedDocument(failure as { code: string; message: string });
}

/** Rows hold the codes that FootnoteErrors had. */
function failedDocument({ code, message }: { code: string; message: string }): FootnoteError {
  return new FootnoteError(code as ErrorCode, message);
}

async function deleteSource(parts: JobHandlerParts, context: JobContext): Promise<void> {
  const { job, signal } = context;
  const { tenant } = job;
  const collection = job.collection ?? '';
  const source = job.detail['source'] as string;
  const caller: Caller = { tenant, principals: (job.detail['principals'] ?? []) as readonly string[] };
  const owner = (await parts.catalog.sources.get({ tenant, collection, source }))?.owner;
  const connector = /^connector:(.+)$/.exec(owner ?? '')?.[1];
  if (connector !== undefined) {
    const deleted = await parts.deleteListed({ tenant, collection, source, connector }, signal);
    context.progress(deleted.length, deleted.length);
    return;
  }
  let done = 0;
  let after: string | undefined;
  for (;;) {
    const heads = await parts.catalog.heads.list(tenant, collection, {
      source,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { event } of heads) {
      await context.gate();
      try {
        await parts.writes.delete(caller, { collection, source, key: event.key }, { signal });
        done += 1;
      } catch (error) {
        // Gone meanwhile, or not this caller's to delete.
        if (asFootnoteError(error).code !== 'document_not_found') throw error;
      }
      context.progress(done, done);
    }
    if (heads.length < PAGE) return;
    after = heads.at(-1)!.documentId;
  }
}

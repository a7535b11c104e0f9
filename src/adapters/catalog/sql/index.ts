import type { Kysely } from 'kysely';
import type { Catalog } from '../../../core/ports/catalog.js';
import { SqlCollections } from './collections.js';
import { SqlContents } from './contents.js';
import { SqlCursors } from './cursors.js';
import type { Dialect } from './dialect.js';
import { SqlDocuments } from './documents.js';
import { SqlGenerations } from './generations.js';
import { SqlHeads } from './heads.js';
import { SqlIdempotency } from './idempotency.js';
import { SqlJobs } from './jobs.js';
import { SqlKeys } from './keys.js';
import { SqlLeases } from './leases.js';
import { LongKeys } from './long-keys.js';
import { SqlMeta } from './meta.js';
import { SqlProcesses } from './processes.js';
import { SqlReleases } from './releases.js';
import { SqlRevisions } from './revisions.js';
import type { Schema } from './schema.js';
import { SqlSources } from './sources.js';

/** The catalog over tables of this software's format (`migrate`). */
export function sqlCatalog(db: Kysely<Schema>, dialect: Dialect): Catalog {
  const keys = new LongKeys(dialect);
  return {
    collections: new SqlCollections(db),
    heads: new SqlHeads(db, keys),
    documents: new SqlDocuments(db),
    contents: new SqlContents(db),
    revisions: new SqlRevisions(db),
    generations: new SqlGenerations(db),
    releases: new SqlReleases(db),
    jobs: new SqlJobs(db),
    sources: new SqlSources(db),
    leases: new SqlLeases(db),
    cursors: new SqlCursors(db, keys),
    keys: new SqlKeys(db),
    idempotency: new SqlIdempotency(db),
    meta: new SqlMeta(db),
    processes: new SqlProcesses(db),
    close: () => db.destroy(),
  };
}

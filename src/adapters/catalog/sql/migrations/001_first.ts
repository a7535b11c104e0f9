import { sql, type CreateTableBuilder, type Kysely } from 'kysely';
import type { Schema } from '../schema.js';
import type { Dialect } from '../dialect.js';
import { LongKeys } from '../long-keys.js';
import type { Migration } from './index.js';

type Columns = Readonly<Record<string, 'text' | 'text?' | 'integer'>>;

/** A table of plain columns; `?` marks nullable ones. */
async function table(
  db: Kysely<Schema>,
  dialect: Dialect,
  name: string,
  columns: Columns,
  key?: readonly string[],
): Promise<void> {
  let builder = db.schema.createTable(name) as CreateTableBuilder<string, string>;
  for (const [column, type] of Object.entries(columns)) {
    const dataType = sql.raw(type === 'integer' ? dialect.integer : dialect.text);
    builder = builder.addColumn(column, dataType, (c) => (type.endsWith('?') ? c : c.notNull()));
  }
  if (key) builder = builder.addPrimaryKeyConstraint(`${name}_pk`, [...key]);
  await builder.execute();
}

async function index(db: Kysely<Schema>, name: string, on: string, columns: readonly string[]): Promise<void> {
  await db.schema
    .createIndex(name)
    .on(on)
    .columns([...columns])
    .execute();
}

/** An index whose last column, or last two, may be long. */
async function longIndex(
  db: Kysely<Schema>,
  dialect: Dialect,
  name: string,
  on: string,
  columns: readonly string[],
  long: readonly ('scope' | 'key')[],
): Promise<void> {
  if (dialect.indexedChars === undefined) return index(db, name, on, [...columns, ...long]);
  const keys = new LongKeys(dialect);
  const parts = [...columns.map((column) => sql.ref(column)), ...long.map((column) => keys.indexed(column))];
  await db.schema.createIndex(name).on(on).expression(sql.join(parts)).execute();
}

export const first: Migration = {
  version: 1,
  async up(db, dialect) {
    const make = (name: string, columns: Columns, key?: readonly string[]) => table(db, dialect, name, columns, key);
    await make('counters', { name: 'text', value: 'integer' }, ['name']);
    await make(
      'collections',
      { tenant: 'text', name: 'text', default_policy: 'text', settings: 'text', created_at: 'text' },
      ['tenant', 'name'],
    );

    // Wide JSON columns stand last: what is read on every hit comes before them.
    await make(
      'heads',
      {
        document_id: 'text',
        tenant: 'text',
        collection: 'text',
        source: 'text',
        key: 'text',
        version: 'text',
        deleted: 'integer',
        policy: 'text',
        updated_at: 'text',
        event: 'text',
      },
      ['document_id'],
    );
    await index(db, 'heads_by_collection', 'heads', ['tenant', 'collection', 'document_id', 'version']);
    await longIndex(db, dialect, 'heads_by_key', 'heads', ['tenant', 'collection', 'source'], ['key']);
    await db.schema
      .createTable('outbox')
      .addColumn('id', sql.raw(dialect.serial))
      .addColumn('tenant', sql.raw(dialect.text), (c) => c.notNull())
      .addColumn('collection', sql.raw(dialect.text), (c) => c.notNull())
      .addColumn('stream', sql.raw(dialect.text), (c) => c.notNull())
      .addColumn('event', sql.raw(dialect.text), (c) => c.notNull())
      .execute();

    await make(
      'documents',
      {
        generation: 'text',
        document_id: 'text',
        tenant: 'text',
        collection: 'text',
        source: 'text',
        key: 'text',
        state: 'text',
        token: 'integer',
        seen_version: 'text',
        seen_epoch: 'integer',
        seen_partition: 'integer',
        seen_offset: 'text',
        visible_version: 'text?',
        visible_revision: 'text?',
        chunks: 'integer',
        language: 'text?',
        updated_at: 'text',
        error: 'text?',
        seen: 'text',
        visible: 'text?',
      },
      ['generation', 'document_id'],
    );
    await index(db, 'documents_visible', 'documents', [
      'generation',
      'document_id',
      'visible_version',
      'visible_revision',
    ]);
    await index(db, 'documents_by_state', 'documents', ['generation', 'state', 'document_id', 'chunks']);
    await index(db, 'documents_seen', 'documents', ['generation', 'document_id', 'seen_version']);
    await index(db, 'documents_position', 'documents', ['generation', 'seen_epoch', 'seen_partition', 'seen_offset']);
    await index(db, 'documents_everywhere', 'documents', ['document_id']);

    await make(
      'contents',
      {
        document_id: 'text',
        blob: 'text',
        version: 'text',
        bytes: 'integer',
        sha256: 'text',
        tenant: 'text?',
        collection: 'text?',
      },
      ['document_id', 'blob'],
    );
    await index(db, 'contents_by_blob', 'contents', ['blob']);
    await index(db, 'contents_by_collection', 'contents', ['tenant', 'collection']);
    await make(
      'revisions',
      {
        document_id: 'text',
        revision: 'text',
        version: 'text',
        parsed_blob: 'text',
        parsed_bytes: 'integer',
        parsed_sha256: 'text',
        created_at: 'text',
        replaced_at: 'text?',
      },
      ['document_id', 'revision'],
    );
    await index(db, 'revisions_by_blob', 'revisions', ['parsed_blob']);
    await index(db, 'revisions_replaced', 'revisions', ['replaced_at']);

    await make(
      'generations',
      { id: 'text', tenant: 'text', collection: 'text', state: 'text', spec: 'text', created_at: 'text' },
      ['id'],
    );
    await index(db, 'generations_by_collection', 'generations', ['tenant', 'collection', 'created_at', 'id']);
    await make(
      'generation_moves',
      { generation: 'text', number: 'integer', state: 'text', at: 'text', reason: 'text?' },
      ['generation', 'number'],
    );
    await make(
      'releases',
      { tenant: 'text', collection: 'text', number: 'integer', generation: 'text', at: 'text', detail: 'text' },
      ['tenant', 'collection', 'number'],
    );
    await make(
      'jobs',
      {
        id: 'text',
        tenant: 'text',
        kind: 'text',
        collection: 'text?',
        state: 'text',
        progress: 'text',
        error: 'text?',
        detail: 'text',
        created_at: 'text',
        updated_at: 'text',
      },
      ['id'],
    );
    await index(db, 'jobs_by_state', 'jobs', ['state', 'updated_at']);

    const source = { tenant: 'text', collection: 'text', source: 'text' } as const;
    const sourceKey = ['tenant', 'collection', 'source'];
    await make('sources', { ...source, owner: 'text', fence: 'integer', floor: 'text?' }, sourceKey);
    await make('leases', { name: 'text', holder: 'text', fence: 'integer', expires_at: 'integer' }, ['name']);
    await make('cursors', { ...source, fence: 'integer', cursor: 'text?' }, sourceKey);
    const wholeKeys = dialect.indexedChars === undefined;
    const item = { ...source, key: 'text', scope: 'text', state: 'text' } as const;
    await make('inventory', item, wholeKeys ? [...sourceKey, 'key'] : undefined);
    if (!wholeKeys) await longIndex(db, dialect, 'inventory_by_key', 'inventory', sourceKey, ['key']);
    await longIndex(db, dialect, 'inventory_by_scope', 'inventory', sourceKey, ['scope', 'key']);

    await make(
      'api_keys',
      {
        id: 'text',
        hash: 'text',
        tenant: 'text',
        principals: 'text',
        scopes: 'text',
        collections: 'text?',
        require_as: 'integer',
        label: 'text?',
        created_at: 'text',
        expires_at: 'text?',
        revoked_at: 'text?',
      },
      ['id'],
    );
    await db.schema.createIndex('api_keys_by_hash').unique().on('api_keys').column('hash').execute();
    await make(
      'idempotency',
      { tenant: 'text', key: 'text', request_hash: 'text', answer: 'text', expires_at: 'text' },
      ['tenant', 'key'],
    );
    await index(db, 'idempotency_expiry', 'idempotency', ['expires_at']);
  },
};

import { sql } from 'kysely';
import type { Head } from '../../../../core/ports/catalog.js';
import { Coalescer } from '../../../../runtime/coalescer.js';
import type { Db } from '../../sql/context.js';
import { SqlHeads, toRow } from '../../sql/heads.js';
import type { LongKeys } from '../../sql/long-keys.js';
import { asTable, assignments, MOST, namesOf } from './rows.js';

const FIELDS = { version: 'text', deleted: 'bigint', policy: 'text', updated_at: 'text', event: 'text' } as const;
const COLUMNS = {
  document_id: 'text',
  tenant: 'text',
  collection: 'text',
  source: 'text',
  key: 'text',
  ...FIELDS,
} as const;

type Raised = Awaited<ReturnType<SqlHeads['raise']>>;

/** Heads, where many that are raised at once are one statement. */
export class PostgresHeads extends SqlHeads {
  readonly #raises: Coalescer<Head, Raised>;

  constructor(db: Db, keys: LongKeys) {
    super(db, keys);
    this.#raises = new Coalescer((heads) => this.#raiseAll(heads), {
      most: MOST,
      apart: ({ documentId }) => documentId,
    });
  }

  override raise(head: Head): Promise<Raised> {
    return this.#raises.ask(head);
  }

  async #raiseAll(heads: readonly Head[]): Promise<Raised[]> {
    const names = namesOf(COLUMNS);
    // In one order everywhere, so that two processes never wait for each other's rows.
    const { rows } = await sql<{ document_id: string }>`
      insert into "heads" (${names}) select ${names} from ${asTable(COLUMNS, heads.map(toRow))} order by document_id
      on conflict (document_id) do update set ${assignments(Object.keys(FIELDS), 'excluded')}
      where heads.version < excluded.version returning document_id`.execute(this.db);
    const raised = new Set(rows.map((row) => row.document_id));
    const others = heads.map((head) => head.documentId).filter((id) => !raised.has(id));
    const now = others.length > 0 ? await this.get(others) : new Map<string, Head>();
    return heads.map((head) =>
      raised.has(head.documentId)
        ? { raised: true, head }
        : // Gone again: its collection was deleted meanwhile.
          { raised: false, head: now.get(head.documentId) ?? head },
    );
  }
}

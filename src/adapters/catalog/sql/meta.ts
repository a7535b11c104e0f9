import type { Meta } from '../../../core/ports/catalog.js';
import { changed, type Db } from './context.js';

export class SqlMeta implements Meta {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async get(name: string): Promise<string | undefined> {
    return (await this.#db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst())?.value;
  }

  async set(name: string, value: string): Promise<void> {
    await this.#db
      .insertInto('meta')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute();
  }

  async swap(name: string, expected: string | undefined, value: string): Promise<boolean> {
    if (expected === undefined) {
      const inserted = await this.#db
        .insertInto('meta')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirstOrThrow();
      return changed(inserted);
    }
    const updated = await this.#db
      .updateTable('meta')
      .set({ value })
      .where('name', '=', name)
      .where('value', '=', expected)
      .executeTakeFirstOrThrow();
    return changed(updated);
  }
}

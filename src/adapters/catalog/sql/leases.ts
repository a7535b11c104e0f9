import type { Lease, Leases, SourceName } from '../../../core/ports/catalog.js';
import { changed, type Db } from './context.js';
import { takeFence } from './sources.js';
import { transact } from './transact.js';

/**
 * A lease's row stays when it is released, since its number must never come again. A holder that asks while it still
 * holds keeps its number; after expiry even the same holder is a new one.
 */
export class SqlLeases implements Leases {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async acquire(
    name: string,
    holder: string,
    ttlMs: number,
    now: number,
    source?: SourceName,
  ): Promise<Lease | undefined> {
    const expiresAt = now + ttlMs;
    return transact(this.#db, async (tx) => {
      await tx
        .insertInto('leases')
        .values({ name, holder: '', fence: 0, expires_at: 0 })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute();
      // Writing first takes the row's lock, so that what is read next cannot change.
      const extended = await tx
        .updateTable('leases')
        .set((eb) => ({
          expires_at: eb.case().when('expires_at', '<', expiresAt).then(expiresAt).else(eb.ref('expires_at')).end(),
        }))
        .where('name', '=', name)
        .where('holder', '=', holder)
        .where('expires_at', '>', now)
        .returning(['fence', 'expires_at'])
        .executeTakeFirst();
      if (extended) return { name, holder, fence: extended.fence, expiresAt: extended.expires_at };
      const taken = await tx
        .updateTable('leases')
        .set((eb) => ({ holder, expires_at: expiresAt, fence: eb('fence', '+', 1) }))
        .where('name', '=', name)
        .where('expires_at', '<=', now)
        .returning('fence')
        .executeTakeFirst();
      if (!taken) return undefined;
      if (!source) return { name, holder, fence: taken.fence, expiresAt };
      const fence = await takeFence(tx, source);
      await tx.updateTable('leases').set({ fence }).where('name', '=', name).execute();
      return { name, holder, fence, expiresAt };
    });
  }

  async renew(lease: Lease, ttlMs: number, now: number): Promise<boolean> {
    const result = await this.#db
      .updateTable('leases')
      .set({ expires_at: now + ttlMs })
      .where('name', '=', lease.name)
      .where('holder', '=', lease.holder)
      .where('fence', '=', lease.fence)
      .where('expires_at', '>', now)
      .executeTakeFirstOrThrow();
    return changed(result);
  }

  async held(name: string, now: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('leases')
      .select('name')
      .where('name', '=', name)
      .where('expires_at', '>', now)
      .executeTakeFirst();
    return row !== undefined;
  }

  async endAll(): Promise<void> {
    await this.#db.updateTable('leases').set({ holder: '', expires_at: 0 }).execute();
  }

  async release(lease: Lease): Promise<void> {
    await this.#db
      .updateTable('leases')
      .set({ holder: '', expires_at: 0 })
      .where('name', '=', lease.name)
      .where('holder', '=', lease.holder)
      .where('fence', '=', lease.fence)
      .execute();
  }
}

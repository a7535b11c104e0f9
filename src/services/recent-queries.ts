/** Queries kept of one collection. */
const KEPT = 200;
/** Collections that queries are kept of. */
const COLLECTIONS = 1000;

/**
 * The last distinct queries of each collection, for comparing generations on what is really asked. In memory only: they
 * are gone with the process, and nobody reads them but through a comparison.
 */
export class RecentQueries {
  readonly #of = new Map<string, Set<string>>();

  note(tenant: string, collection: string, query: string): void {
    const name = `${tenant}/${collection}`;
    const queries = this.#of.get(name) ?? new Set();
    this.#of.delete(name);
    this.#of.set(name, queries);
    queries.delete(query);
    queries.add(query);
    if (queries.size > KEPT) queries.delete(queries.values().next().value!);
    if (this.#of.size > COLLECTIONS) this.#of.delete(this.#of.keys().next().value!);
  }

  of(tenant: string, collection: string): string[] {
    return [...(this.#of.get(`${tenant}/${collection}`) ?? [])];
  }
}

import { parseConfig, type ConfigInput } from '../../../src/core/config.js';
import type { Catalog } from '../../../src/core/ports/catalog.js';
import { createLogger } from '../../../src/engine/logger.js';
import { openCatalog } from '../../../src/engine/stores.js';
import { CALLER } from '../kill/work.js';

/** Looks into the catalog beside the engine that works on it. */
export class Rows {
  private constructor(private readonly catalog: Catalog) {}

  static async open(config: ConfigInput): Promise<Rows> {
    const parsed = parseConfig(config);
    return new Rows(await openCatalog(parsed, createLogger(parsed)));
  }

  /** When each live document's row was written, by key: milliseconds since 1970. */
  async shownAt(collection: string): Promise<Map<string, number>> {
    const release = await this.catalog.releases.current(CALLER.tenant, collection);
    const rows = await this.catalog.documents.list(release!.generation, { state: 'live', limit: 1_000_000 });
    return new Map(rows.map(({ seen, updatedAt }) => [seen.event.key, Date.parse(updatedAt)]));
  }

  close(): Promise<void> {
    return this.catalog.close();
  }
}

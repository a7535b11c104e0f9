import { postgres } from '../../connectors/postgres/index.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import type { ReadContext, SourceChange } from '../../src/core/ports/connector.js';
import { allOf, readContext } from './connector.js';

export type Item = Extract<SourceChange, { kind: 'item' }>;

/** Reads as the runner does: it keeps an inventory, opens what looks changed, and deletes after a full listing. */
export class PostgresReader {
  /** The texts of what is there, by key. */
  readonly texts = new Map<string, string>();
  cursor: Json | undefined;
  readonly #known = new Map<string, JsonObject>();

  constructor(readonly options: JsonObject) {}

  /** One read: its items by key, the keys whose contents were opened, and what else it told, in short. */
  async read(context: Partial<ReadContext> = {}, onChange?: (change: SourceChange) => Promise<void>) {
    const items = new Map<string, Item>();
    const opened: string[] = [];
    const told: string[] = [];
    const problems: string[] = [];
    const config = postgres.config.parse(this.options);
    const from = this.cursor;
    const known = async (key: string) => this.#known.get(key);
    for await (const change of postgres.read(config, readContext({ from, known, ...context }))) {
      await onChange?.(change);
      if (change.kind === 'problem') problems.push(`${change.key}: ${change.message}`);
      else if (change.kind === 'checkpoint') this.cursor = change.cursor;
      else if (change.kind !== 'item') told.push(change.kind);
      if (change.kind === 'complete') {
        for (const key of this.texts.keys()) if (!items.has(key)) this.texts.delete(key);
      }
      if (change.kind !== 'item') continue;
      items.set(change.key, change);
      if (JSON.stringify(this.#known.get(change.key)) === JSON.stringify(change.quick)) continue;
      opened.push(change.key);
      this.texts.set(change.key, Buffer.concat((await allOf(change.open())) as Buffer[]).toString());
      this.#known.set(change.key, change.quick);
    }
    return { items, opened, told, problems, full: told.includes('complete') };
  }

  /** Reads until a value is settled, whatever others do on the server: from then on reads are incremental. */
  async settle(): Promise<void> {
    for (;;) {
      await this.read();
      const { progress } = this.cursor as { progress?: { low: unknown } };
      if (progress?.low) return;
    }
  }

  get keys(): string[] {
    return [...this.texts.keys()].sort();
  }
}

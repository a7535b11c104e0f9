import { readFormat } from '../../core/format.js';
import type { Meta, SourceName } from '../../core/ports/catalog.js';
import type { SourceRun } from '../../core/schemas/connectors.js';

/** What is remembered of a source between processes, besides its cursor and inventory. */
export interface SourceRecord {
  readonly paused: boolean;
  /** The brake stopped the last run. */
  readonly stopped?: { readonly at: string; readonly gone: number; readonly total: number; readonly message: string };
  /** So many documents may go at once. */
  readonly confirmed?: number;
  readonly failures: number;
  readonly last?: SourceRun;
}

const FORMAT = 1;
const FRESH: SourceRecord = { paused: false, failures: 0 };

/** @throws data_newer: what it says (that a source is paused, say) must not be passed over */
export async function loadRecord(meta: Pick<Meta, 'get'>, name: SourceName): Promise<SourceRecord> {
  const text = await meta.get(metaName(name));
  if (text === undefined) return FRESH;
  const { v, ...record } = JSON.parse(text) as SourceRecord & { v: unknown };
  readFormat(v, { what: `What is remembered of source ${name.source} of ${name.collection}`, newest: FORMAT });
  return record;
}

export function saveRecord(meta: Pick<Meta, 'set'>, name: SourceName, record: SourceRecord): Promise<void> {
  return meta.set(metaName(name), JSON.stringify({ v: FORMAT, ...record }));
}

function metaName({ tenant, collection, source }: SourceName): string {
  return `connect.${JSON.stringify([tenant, collection, source])}`;
}

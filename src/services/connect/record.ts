import { FootnoteError } from '../../core/errors.js';
import { readFormat } from '../../core/format.js';
import type { Meta, SourceName } from '../../core/ports/catalog.js';
import type { SourceRun, SourceView } from '../../core/schemas/connectors.js';

/** What is remembered of a source between processes, besides its cursor and inventory. */
export interface SourceRecord {
  readonly paused: boolean;
  /** Somebody wants it to be read now, whatever its schedule says. */
  readonly asked?: boolean;
  /** The brake stopped the last run. */
  readonly stopped?: { readonly at: string; readonly gone: number; readonly total: number; readonly message: string };
  /** So many documents may go at once. */
  readonly confirmed?: number;
  readonly failures: number;
  readonly last?: SourceRun;
}

/** What the process that keeps a source tells the others of what it does. */
export interface SourceNow extends Pick<SourceView, 'watch' | 'current' | 'nextAt'> {
  /** When it told so; milliseconds since 1970. */
  readonly at: number;
}

const FORMAT = 1;
const FRESH: SourceRecord = { paused: false, failures: 0 };
/** Tries against others who change the same record. */
const TRIES = 20;

/** @throws data_newer: what it says (that a source is paused, say) must not be passed over */
export async function loadRecord(meta: Pick<Meta, 'get'>, name: SourceName): Promise<SourceRecord> {
  return parse(await meta.get(metaName(name)), name);
}

/** Changes what is remembered, whoever else changes it. `change` may be called more than once. */
export async function changeRecord(
  meta: Pick<Meta, 'get' | 'swap'>,
  name: SourceName,
  change: (record: SourceRecord) => SourceRecord,
): Promise<SourceRecord> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const text = await meta.get(metaName(name));
    const next = change(parse(text, name));
    if (await meta.swap(metaName(name), text, JSON.stringify({ v: FORMAT, ...next }))) return next;
  }
  throw new FootnoteError('conflict', `Others keep changing what is remembered of source ${name.source}: try again.`);
}

export async function loadNow(meta: Pick<Meta, 'get'>, name: SourceName): Promise<SourceNow | undefined> {
  const text = await meta.get(nowName(name));
  return text === undefined ? undefined : (JSON.parse(text) as SourceNow);
}

export function saveNow(meta: Pick<Meta, 'set'>, name: SourceName, now: SourceNow): Promise<void> {
  return meta.set(nowName(name), JSON.stringify(now));
}

function parse(text: string | undefined, name: SourceName): SourceRecord {
  if (text === undefined) return FRESH;
  const { v, ...record } = JSON.parse(text) as SourceRecord & { v: unknown };
  readFormat(v, { what: `What is remembered of source ${name.source} of ${name.collection}`, newest: FORMAT });
  return record;
}

function metaName({ tenant, collection, source }: SourceName): string {
  return `connect.${JSON.stringify([tenant, collection, source])}`;
}

function nowName({ tenant, collection, source }: SourceName): string {
  return `connecting.${JSON.stringify([tenant, collection, source])}`;
}

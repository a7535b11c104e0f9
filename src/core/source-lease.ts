import type { SourceName } from './ports/catalog.js';

/** How long the owner of a source may go without renewing its lease, in milliseconds. */
export const SOURCE_LEASE_MS = 30_000;

/** The lease that whoever reads a source holds. */
export function sourceLease({ tenant, collection, source }: SourceName): string {
  return `source:${tenant}/${collection}/${source}`;
}

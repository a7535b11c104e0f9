/** Where a migration can be interrupted between two effects. */
export const MIGRATE_FAULT_POINTS = [
  'migrate:opened',
  'migrate:leaving',
  'migrate:arriving',
  'migrate:described',
  'migrate:blobs',
  'migrate:points',
  'migrate:document',
  'migrate:page',
  'migrate:source',
  'migrate:followed',
  'migrate:checked',
  'migrate:left',
  'migrate:arrived',
] as const;

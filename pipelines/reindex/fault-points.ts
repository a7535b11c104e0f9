/** Where a process may be made to die while a generation is built, released or dropped; docs/paths/reindex.md tells of each. */
export const REINDEX_FAULT_POINTS = [
  'build:held',
  'build:begun',
  'build:row',
  'build:read',
  'build:shadow',
  'build:released',
  'switch:waited',
  'switch:decided',
  'drop:decided',
  'drop:group-gone',
  'drop:rows-gone',
] as const;

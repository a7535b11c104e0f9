/**
 * Where a process may be made to die between two effects of the ingest path, in the order they are reached. What is
 * durable at each is written in docs/paths/ingest.md.
 */
export const FAULT_POINTS = [
  'apply:begin',
  'apply:content-recorded',
  'apply:row-read',
  'apply:head-raised',
  'apply:identified',
  'apply:parsed',
  'apply:text-stored',
  'apply:revision-added',
  'apply:prepared',
  'apply:embedded',
  'apply:vectors-cached',
  'apply:points-written',
  'apply:row-written',
  'apply:text-ensured',
  'apply:row-failed',
  'apply:pruned',
  'apply:contents-listed',
  'apply:blob-deleted',
  'apply:contents-forgotten',
  'apply:revisions-freed',
  'apply:cache-forgotten',
  'apply:letters-removed',
  'consume:applied',
  'consume:acked',
  'consume:rejected',
  'outbox:read',
  'outbox:appended',
  'outbox:marked',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

/** A history, of 200 operations, in which a mutant breaks a law. */
export interface CaughtAt {
  readonly seed: number;
  /** The kind of history, where the seed does not choose it (`main.ts --profile`). */
  readonly profile?: string;
}

const IN_ANY: Readonly<Record<string, number>> = {
  no_fence: 22,
  pos_version: 1,
  no_sequence: 1,
  no_epoch_no_fence: 783,
  unversioned: 0,
  head_not_raised: 0,
  head_set: 0,
  no_cas: 2,
  replay_newpos: 5,
  floor_unchecked: 138,
  prune_eq: 0,
  prune_one_parser: 65,
  undo: 2,
  fail_reset: 5,
  failed_is_settled: 5,
  parser_unnamed: 0,
  commit_gap: 2,
  ack_first: 0,
  revoked_rewinds: 90,
  deleted_unchecked: 0,
  policy_unchecked: 2,
  visibility_cached: 3,
  version_unchecked: 1,
  revision_unchecked: 5,
  use_not_raised_not_ensured: 175,
  free_listed: 74,
  text_not_ensured: 667,
  free_early: 0,
  no_content_record: 0,
  letters_stay: 2,
  texts_stay: 0,
  originals_stay: 0,
  points_stay: 0,
  cache_stays: 1,
  repair_in_flight: 381,
  sweep_at_once: 331,
  sweep_unapplied: 516,
  name_any_time: 0,
  outbox_marked_first: 21,
  outbox_unordered: 1,
  decide_blind: 7,
  cursor_unfenced: 3,
  inventory_not_closed: 1717,
  owner_keeps_fence: 1,
  unannounced: 0,
  broken_listing: 1,
  problem_is_gone: 1,
  migrate_without_fence: 4,
  no_tomb_backfill: 3,
  no_last_good_backfill: 100,
  backfill_newer: 3,
  build_from_gone_rows: 20448,
  consume_early: 382,
  no_hold: 15,
  build_moves_start: 438,
  switch_at_once: 8,
  switch_blind: 25,
  drop_blind: 351,
  retired_deaf: 7,
  free_unseen: 2975,
  floor_unraised: 11,
  forget_in_flight: 78,
  forget_moved: 943,
};

/** What has to meet for these is so rare that they were looked for in histories of their kind alone. */
const OF_KIND: Readonly<Record<string, CaughtAt>> = {
  build_from_gone_group: { seed: 1402, profile: 'generations' },
  floor_in_present: { seed: 1380, profile: 'forgotten items' },
  floor_inventory_open: { seed: 356, profile: 'forgotten items' },
};

/** Where each mutant is caught; `main.ts --mutants` finds the first seed. */
export const CAUGHT: Readonly<Record<string, CaughtAt>> = {
  ...Object.fromEntries(Object.entries(IN_ANY).map(([name, seed]) => [name, { seed }])),
  ...OF_KIND,
};

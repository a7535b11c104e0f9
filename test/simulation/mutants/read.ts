import type { Mutant } from './mutant.js';

/** What a reader is shown. */
export const READ: Readonly<Record<string, Mutant>> = {
  deleted_unchecked: {
    removes: "the head's deletion on a hit: the row alone decides",
    law: '6',
    visibility: (truth) => ({ ...truth, deleted: false }),
  },
  policy_unchecked: {
    removes: "the head's policy on a hit: the point's own principals decide",
    law: '7',
    visibility: (truth, point) => ({ ...truth, policy: { principals: point.principals as string[] } }),
  },
  visibility_cached: {
    removes:
      'reading heads and rows with each query: what an earlier one read is taken while the version shown is the same',
    law: '6, 7',
    visibilityCached: true,
  },
  version_unchecked: {
    removes: "the version's check on a hit: every point of a visible document is shown",
    law: '4, 7',
    visibility: (truth, point) =>
      truth.visible ? { ...truth, visible: { ...truth.visible, version: point.version } } : truth,
  },
  revision_unchecked: {
    removes: "the revision's check on a hit (two parsers at one version)",
    law: '4',
    visibility: (truth, point) =>
      truth.visible ? { ...truth, visible: { ...truth.visible, revision: point.revision } } : truth,
  },
};

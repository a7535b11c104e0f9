import type { VersionKey } from '../../core/version.js';

/** What `VectorStore.prune` is asked for. */
export interface Prune {
  readonly documentId: string;
  readonly below: VersionKey;
  readonly keepRevision: string | undefined;
}

/** Whether a point of the document is to go. */
export function isDoomed(prune: Prune, version: VersionKey, revision: string): boolean {
  if (version < prune.below) return true;
  return version === prune.below && prune.keepRevision !== undefined && revision !== prune.keepRevision;
}

import { type Caller, mayRead } from './policy.js';
import type { Visibility } from './ports/catalog.js';
import type { PointPayload } from './ports/vectors.js';

/**
 * Whether a caller may see a point now (design section 4): its version and revision are those that the generation's row
 * shows, and the document's head is neither deleted nor closed to the caller. `row` is read after the point.
 */
export function isVisible(
  point: Pick<PointPayload, 'version' | 'revision'>,
  row: Visibility | undefined,
  caller: Caller,
): boolean {
  if (!row?.visible || row.deleted) return false;
  if (row.visible.version !== point.version || row.visible.revision !== point.revision) return false;
  return mayRead(caller, row.tenant, row.policy);
}

import type { SourceName, Sources } from '../core/ports/catalog.js';

const NOBODY = 'fences';

/**
 * Sets each source's counter to at least what was seen of it, so that whoever owns it next begins above (design section 4).
 * A source that is not there leaves its number to whoever claims that name.
 */
export async function raiseFences(
  sources: Pick<Sources, 'get' | 'claim' | 'raiseFence' | 'delete'>,
  of: Omit<SourceName, 'source'>,
  fences: ReadonlyMap<string, number>,
): Promise<void> {
  for (const [source, fence] of fences) {
    const name = { ...of, source };
    if (await sources.get(name)) {
      await sources.raiseFence(name, fence);
      continue;
    }
    await sources.claim(name, NOBODY);
    await sources.raiseFence(name, fence);
    await sources.delete(name);
  }
}

import { throwIfAborted } from '../../src/core/errors.js';
import type { DeadLetters } from '../../src/core/ports/log.js';

const PAGE = 500;

/**
 * Removes dead letters of before `before` (ISO 8601). Their documents stay failed, with the reason and the original: only
 * the replay of that very change is given up. @returns how many went
 */
export async function expireLetters(
  letters: Pick<DeadLetters, 'list' | 'remove'>,
  stream: string,
  before: string,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  let after: string | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await letters.list(stream, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { id, at } of page) {
      after = id;
      if (at >= before) continue;
      await letters.remove(id);
      removed += 1;
    }
    if (page.length < PAGE) return removed;
  }
}

import { cwd } from 'node:process';
import type { Clock } from '../core/ports/clock.js';
import type { ReadContext } from '../core/ports/connector.js';

/** For a connector that is read once, from its beginning, without a place of its own. */
export function singleRead(clock: Clock, signal: AbortSignal): ReadContext {
  return { from: undefined, signal, known: async () => undefined, folder: '', base: cwd(), env: {}, clock };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../core/errors.js';
import type { Engine } from './open.js';

const LOOK_MS = 100;

/** Waits until the engine has applied every change that was accepted. @throws why a generation can't; cancelled */
export async function applyAll(
  engine: Pick<Engine, 'pending'>,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  let most = 0;
  for (;;) {
    throwIfAborted(signal);
    const left = await engine.pending();
    most = Math.max(most, left);
    onProgress(most - left, most);
    if (left === 0) return;
    await sleep(LOOK_MS);
  }
}

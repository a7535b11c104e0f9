import type { Ranked } from '../../src/stages/fuse.js';
import { DEFAULT_WEIGHTS, fuse } from '../../src/stages/fuse.js';
import { rank } from '../../src/stages/rank.js';
import type { Mode, Retrieved, RetrievedCandidate } from './retrieve.js';

/** Best first. Hybrid: both arms fused, then adjusted by the candidates' neighbours. One arm: its own order. */
export function order(
  mode: Mode,
  { candidates, vector, lexicalComplete }: Pick<Retrieved, 'candidates' | 'vector' | 'lexicalComplete'>,
): Ranked<RetrievedCandidate>[] {
  const fused = fuse(candidates, vector, DEFAULT_WEIGHTS, lexicalComplete);
  return mode === 'hybrid' ? rank(fused) : fused;
}

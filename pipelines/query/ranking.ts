import type { Ranked } from '../../src/stages/fuse.js';
import { fuse } from '../../src/stages/fuse.js';
import { rank } from '../../src/stages/rank.js';
import type { Mode, Retrieved, RetrievedCandidate } from './retrieve.js';

/** Best first. Hybrid: both arms fused, then adjusted by the candidates' neighbours. One arm: its own order. */
export function order(mode: Mode, retrieved: Pick<Retrieved, 'candidates' | 'vector'>): Ranked<RetrievedCandidate>[] {
  const fused = fuse(retrieved.candidates, retrieved.vector);
  return mode === 'hybrid' ? rank(fused) : fused;
}

import type { ConfigInput } from '../../../src/core/config.js';
import { openEngine } from '../../../src/engine/open.js';
import type { TestCluster } from '../../support/kafka.js';
import { CALLER, COLLECTION } from '../kill/work.js';
import { idOf, send, settled } from './flow.js';
import { Held } from './held.js';
import { POISON, soundMessage, type PoisonMessage } from './messages.js';

/** So many documents get a newer state while their letters are being replayed. */
const OVERTAKEN = 2;
const NEVER = new AbortController().signal;

export interface Replays {
  /** Letters by what came of them. */
  readonly replayed: Record<string, number>;
  /** What overtook some of them. */
  readonly newer: readonly PoisonMessage[];
  /** In words. */
  readonly wrong: string[];
}

/** Replays every letter with raised limits; some are overtaken just when they have been parsed. */
export async function replayLetters(
  cluster: TestCluster,
  raised: ConfigInput,
  topic: string,
  sent: readonly PoisonMessage[],
): Promise<Replays> {
  const overtaken = sent.flatMap(({ key, poison }) => (poison === 'largeDocument' ? [key] : [])).slice(0, OVERTAKEN);
  const due = new Map(sent.map(({ key, poison }) => [key, poison && !POISON[poison].mended ? 'failed' : 'replayed']));
  for (const key of overtaken) due.set(key, 'superseded');
  const newer = overtaken.map((key) => soundMessage(key, 1));
  const replayed: Record<string, number> = {};
  const wrong: string[] = [];

  const held = new Held(new Set(overtaken.map((key) => idOf(key))));
  const engine = await openEngine(raised, { faults: held });
  const replay = async ({ id, key }: { id: string; key: string }): Promise<void> => {
    const { outcome } = await engine.surface.dlq.replay(CALLER, COLLECTION, id, NEVER);
    replayed[outcome] = (replayed[outcome] ?? 0) + 1;
    if (outcome !== due.get(key)) wrong.push(`replay of ${key}: ${outcome}, not ${due.get(key)}`);
  };
  try {
    const { deadLetters } = await engine.surface.dlq.list(CALLER, COLLECTION, { limit: 10_000 }, NEVER);
    const isOvertaken = ({ key }: { key: string }): boolean => overtaken.includes(key);
    const slow = deadLetters.filter(isOvertaken).map(replay);
    await held.allHeld;
    await engine.connect.start();
    await send(cluster, topic, newer);
    await settled(engine);
    held.release();
    await Promise.all(slow);
    for (const letter of deadLetters) if (!isOvertaken(letter)) await replay(letter);
    await settled(engine);
  } finally {
    held.release();
    await engine.close();
  }
  return { replayed, newer, wrong };
}

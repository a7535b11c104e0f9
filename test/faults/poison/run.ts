import { join } from 'node:path';
import type { ConfigInput } from '../../../src/core/config.js';
import { openEngine } from '../../../src/engine/open.js';
import type { TestCluster } from '../../support/kafka.js';
import { differences } from '../kill/compare.js';
import { inspect, type Inspection } from '../kill/inspect.js';
import { COLLECTION } from '../kill/work.js';
import { CLEAN, configOf, type PoisonTopics, send, sendEvenly, settled } from './flow.js';
import { checkConnectorLetters, checkEngineLetters, type Letters } from './letters.js';
import { badMessage, KINDS, makeMessages, soundMessage, type PoisonMessage } from './messages.js';
import { replayLetters } from './replay.js';
import { Rows } from './rows.js';

export interface PoisonOptions {
  readonly cluster: TestCluster;
  readonly stores: NonNullable<ConfigInput['stores']>;
  /** An empty folder of its own. */
  readonly directory: string;
  readonly seed: number;
  /** Each of so many messages, once sound and once with a share of bad ones. */
  readonly rounds: number;
  readonly messages: number;
  /** Messages a second. */
  readonly rate: number;
  readonly share: number;
  readonly onProgress?: (text: string) => void;
}

export interface PoisonReport {
  readonly bad: number;
  readonly sound: number;
  readonly letters: Letters;
  readonly delays: Delays;
  /** What came of the engine's letters when they were replayed with raised limits. */
  readonly replayed: Readonly<Record<string, number>>;
  readonly after: Inspection;
  /** In words; empty when everything is as it should be. */
  readonly violations: readonly string[];
}

/** Milliseconds from before a sound document was handed to the producer until its row showed it, sorted. */
export interface Delays {
  readonly clean: readonly number[];
  readonly poisoned: readonly number[];
}

/**
 * Bad messages among sound ones in a topic that the connector `kafka` reads: who holds them and why, what the sound ones
 * notice of them, and what a replay makes of them once the limits that some of them broke are raised.
 */
export async function runPoison(options: PoisonOptions): Promise<PoisonReport> {
  const { cluster, directory, stores } = options;
  const topics = { clean: await cluster.topic({}, 4), poisoned: await cluster.topic({}, 4) };
  const of = (limits: 'tight' | 'raised') =>
    configOf(join(directory, 'disturbed'), cluster.brokers, topics, limits, stores);
  const { steps, letters, delays, violations } = await poison(options, await of('tight'), topics);
  options.onProgress?.(`letters: ${JSON.stringify(letters)}`);

  const raised = await of('raised');
  const { replayed, newer, wrong } = await replayLetters(cluster, raised, topics.poisoned, steps.flat());
  options.onProgress?.(`replayed: ${JSON.stringify(replayed)}`);
  const after = await inspect(raised);

  const expected = await inspect(await cleanBuild(options, topics, [...steps, newer]));
  await cluster.admin.deleteTopics({ topics: Object.values(topics) });
  const sent = [...steps.flat(), ...newer];
  const bad = sent.filter((message) => message.poison).length;
  return {
    ...{ bad, sound: sent.length - bad, letters, delays, replayed, after },
    violations: [
      ...violations,
      ...wrong,
      ...after.problems,
      ...expected.problems.map((problem) => `clean: ${problem}`),
      ...differences('canonical, replayed against clean', after.canonical, expected.canonical),
      ...differences('letters, replayed against clean', after.letters, expected.letters),
    ],
  };
}

interface Poisoned {
  /** What was sent to the poisoned topic, each step when the one before was applied. */
  readonly steps: readonly (readonly PoisonMessage[])[];
  readonly letters: Letters;
  readonly delays: Delays;
  readonly violations: readonly string[];
}

async function poison(options: PoisonOptions, config: ConfigInput, topics: PoisonTopics): Promise<Poisoned> {
  const { cluster, seed, rounds, messages: count, rate, share, onProgress } = options;
  const steps: PoisonMessage[][] = [];
  const delays = { clean: [] as number[], poisoned: [] as number[] };
  const engine = await openEngine(config);
  const rows = await Rows.open(config);
  try {
    await engine.connect.start();
    const warm = Array.from({ length: 100 }, (_, n) => soundMessage(`warm-${n}.md`, 0));
    await send(cluster, topics.clean, warm);
    await settled(engine);
    for (let round = 0; round < rounds; round += 1) {
      const of = { seed: seed + round, count, share };
      const comparable = new Set(makeMessages(of).flatMap((message) => (message.poison ? [] : [message.key])));
      // Whichever comes first has colder caches.
      const order = round % 2 === 0 ? (['clean', 'poisoned'] as const) : (['poisoned', 'clean'] as const);
      for (const which of order) {
        const made = makeMessages(which === 'clean' ? { ...of, share: 0 } : of);
        if (which === 'poisoned') steps.push(made);
        const sentAt = await sendEvenly(cluster, topics[which], made, rate);
        await settled(engine);
        const shownAt = await rows.shownAt(which === 'clean' ? CLEAN : COLLECTION);
        for (const [key, at] of sentAt) if (comparable.has(key)) delays[which].push((shownAt.get(key) ?? NaN) - at);
      }
      onProgress?.(`round ${round + 1} of ${rounds}`);
    }
    // Of documents that are shown, each kind once: what was good stays.
    const shown = steps.flat().filter((message) => !message.poison);
    const changed = KINDS.map((kind, n) => badMessage(shown[n]!.key, kind));
    steps.push(changed);
    await send(cluster, topics.poisoned, changed);
    await settled(engine);
    const ofEngine = await checkEngineLetters(engine, steps.flat());
    const ofConnector = await checkConnectorLetters(cluster, topics.poisoned, steps.flat());
    for (const each of Object.values(delays)) each.sort((a, b) => a - b);
    return {
      ...{ steps, delays },
      letters: { engine: ofEngine.codes, connector: ofConnector.codes },
      violations: [...ofEngine.violations, ...ofConnector.violations],
    };
  } finally {
    await rows.close();
    await engine.close();
  }
}

/**
 * The same messages with the raised limits from the beginning, on embedded stores. A read takes the newest record of a key
 * alone, so they come in the same steps.
 */
async function cleanBuild(
  { cluster, directory }: PoisonOptions,
  topics: PoisonTopics,
  steps: readonly (readonly PoisonMessage[])[],
): Promise<ConfigInput> {
  const topic = await cluster.topic({}, 4);
  const config = await configOf(join(directory, 'clean'), cluster.brokers, { ...topics, poisoned: topic }, 'raised');
  const engine = await openEngine(config);
  try {
    await engine.connect.start();
    for (const step of steps) {
      await send(cluster, topic, step);
      await settled(engine);
    }
  } finally {
    await engine.close();
  }
  await cluster.admin.deleteTopics({ topics: [topic] });
  return config;
}

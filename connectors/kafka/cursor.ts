import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../../src/core/ids.js';
import { canonicalJson, type Json } from '../../src/core/json.js';
import type { KafkaConfig } from './config.js';
import { mismatch } from './errors.js';
import { MAX_OPEN, OpenLetters } from './letters/open.js';
import type { TopicState } from './topic.js';

const OffsetSchema = z.string().regex(/^\d{1,19}$/);

const CursorSchema = z.strictObject({
  v: z.literal(1),
  cluster: z.string().nullable(),
  topic: z.string().nullable(),
  epoch: z.number().int(),
  /** Hash of the options that decide which documents there are. */
  rules: z.string(),
  /** One reading from the topic's beginning: the scope of what it found. */
  round: z.string(),
  /** The topic held all its records when the round began. */
  whole: z.boolean(),
  /** The round has come to its end, and what it did not find is gone. */
  listed: z.boolean(),
  /** When the topic was last read to its end; ms. */
  caughtUp: z.number().int(),
  next: z.array(OffsetSchema).max(100_000),
  letters: z.array(z.tuple([z.number().int(), OffsetSchema, z.string().nullable()])).max(MAX_OPEN),
  forgotten: z.number().int(),
  replayed: z.number().int(),
});

/** Where a read is. */
export interface Progress {
  readonly cluster: string | null;
  readonly topic: string | null;
  readonly epoch: number;
  readonly rules: string;
  readonly round: string;
  readonly whole: boolean;
  listed: boolean;
  caughtUp: number;
  readonly next: bigint[];
  readonly letters: OpenLetters;
  replayed: number;
}

export function storedCursor(progress: Progress): Json {
  const { letters, next, ...rest } = progress;
  return {
    v: 1,
    ...rest,
    next: next.map(String),
    letters: letters.list(),
    forgotten: letters.forgotten,
  };
}

/** Undefined: not a cursor of this software. */
export function parsedCursor(from: Json | undefined): Progress | undefined {
  const { data } = CursorSchema.safeParse(from);
  if (!data) return undefined;
  const { v: _, forgotten, letters, next, ...rest } = data;
  return { ...rest, next: next.map(BigInt), letters: new OpenLetters(letters, forgotten) };
}

/** Whatever decides which documents come of the topic. Another choice is another listing. */
export function rulesOf({ topic, format, fields, template, mime, mimeHeader }: KafkaConfig): string {
  return sha256(canonicalJson([topic, format, fields, template, mime, mimeHeader])).slice(0, 32);
}

/** @param before the newest cursor of the same topic: its dead letters may still be read again */
export function fromTheBeginning(
  config: KafkaConfig,
  state: TopicState,
  now: number,
  before: Progress | undefined,
): Progress {
  const same = before !== undefined && sameTopic(before, state, config);
  return {
    cluster: state.cluster,
    topic: state.id,
    epoch: config.epoch,
    rules: rulesOf(config),
    round: randomUUID(),
    whole: state.low.every((offset) => offset === 0n),
    listed: false,
    caughtUp: now,
    next: [...state.low],
    letters: same ? before.letters : new OpenLetters(),
    replayed: same ? before.replayed : config.replay,
  };
}

function sameTopic({ cluster, topic, epoch }: Progress, state: TopicState, config: KafkaConfig): boolean {
  return cluster === state.cluster && topic === state.id && epoch === config.epoch;
}

/**
 * @param high the ends of all records
 * @throws source_mismatch when the cursor is of another topic, or of records that are gone
 */
export function checkTopic(
  { topic }: Pick<KafkaConfig, 'topic'>,
  { next, ...cursor }: Pick<Progress, 'next' | 'cluster' | 'topic'>,
  { cluster, id, low }: TopicState,
  high: readonly bigint[],
): void {
  if (cursor.cluster !== cluster) {
    throw mismatch(`The topic ${topic} was read from cluster ${cursor.cluster}; this one is ${cluster}.`);
  }
  if (cursor.topic !== id) {
    throw mismatch(
      `The topic ${topic} is another one of the same name (${id}): what was read is gone (${cursor.topic}).`,
    );
  }
  if (next.length !== low.length) {
    throw mismatch(
      `The topic ${topic} had ${next.length} partitions and has ${low.length}: keys have moved between them, so that their order is not known.`,
    );
  }
  for (const [partition, offset] of next.entries()) {
    if (offset < low[partition]!) {
      throw mismatch(
        `${topic}/${partition} begins at ${low[partition]}, and ${offset} is to be read next: records were removed unread (retention).`,
      );
    }
    if (offset > high[partition]!) {
      throw mismatch(
        `${topic}/${partition} ends at ${high[partition]} and was read up to ${offset}: records were lost.`,
      );
    }
  }
}

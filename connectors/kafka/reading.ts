import type { ReadContext, SourceChange } from '../../src/core/ports/connector.js';
import { deadLetterTopic, type KafkaConfig } from './config.js';
import type { Connection } from './connection.js';
import { storedCursor, type Progress } from './cursor.js';
import { recordOfLetter, type Origin } from './letters/letter.js';
import { LetterWriter } from './letters/writer.js';
import { BadRecord, keyOfBad, mapRecord } from './mapping/index.js';
import { PendingChanges } from './pending.js';
import { readTopic } from './stream.js';
import { topicState, type TopicState } from './topic.js';
import { UnreadableBatch, type KafkaRecord, type RecordBatch } from './wire/batches.js';

/** One read of the topic, from where `progress` says; it is moved on as records are read. */
export class Reading {
  readonly #origin: Origin;
  readonly #letters: LetterWriter;
  #pending: PendingChanges;

  constructor(
    private readonly connection: Connection,
    private readonly config: KafkaConfig,
    private readonly context: Pick<ReadContext, 'known' | 'clock' | 'preview'>,
    private readonly progress: Progress,
  ) {
    const { cluster, topic: topicId } = progress;
    this.#origin = { cluster, topic: config.topic, topicId };
    this.#letters = new LetterWriter(connection, deadLetterTopic(config), this.#origin, config.maxRecordBytes);
    this.#pending = this.#fresh();
  }

  /** Up to the ends that the topic had when it was looked at. */
  async *topic({ end }: TopicState): AsyncGenerator<SourceChange> {
    const { config, progress, context } = this;
    const startedAt = context.clock.now();
    for await (const { partition, batch } of readTopic(this.connection, config.topic, [...progress.next], end)) {
      for (const record of this.#recordsOf(batch, partition)) {
        this.#record(record);
        progress.next[partition] = record.offset + 1n;
        if (this.#pending.isFull) yield* this.#checkpoint();
      }
      progress.next[partition] = batch.next;
      if (this.#pending.isFull) yield* this.#checkpoint();
    }
    progress.caughtUp = startedAt;
    // What bad records are about is not known to be gone.
    const listed = progress.whole && !progress.listed && progress.letters.size === 0;
    yield* this.#told();
    if (listed) {
      progress.listed = true;
      yield { kind: 'scopes', scopes: [progress.round] };
    }
    yield this.#cursor();
  }

  /** The dead letters that nothing newer has overtaken, once more. */
  async *replay(): AsyncGenerator<SourceChange> {
    const { config, progress, connection } = this;
    const { letters } = progress;
    const topic = deadLetterTopic(config);
    const state = letters.size > 0 ? await topicState(connection, topic) : undefined;
    const missing = new Set(letters.list().map(([partition, offset]) => `${partition}/${offset}`));
    if (state) {
      for await (const { batch } of readTopic(connection, topic, state.low, state.end)) {
        for (const stored of batch.records()) {
          const record = recordOfLetter(stored, this.#origin);
          if (!record || !letters.has(record.partition, record.offset)) continue;
          // Written twice when a run broke off.
          if (!missing.delete(`${record.partition}/${record.offset}`)) continue;
          this.#record(record);
          if (this.#pending.isFull) yield* this.#checkpoint();
        }
      }
    }
    for (const place of missing) {
      const [partition, offset] = place.split('/');
      letters.settled(Number(partition), BigInt(offset!));
      this.#problem(place, 'not_found', `Its dead letter is not in ${topic} any more, or holds no value.`);
    }
    if (letters.forgotten > 0) {
      const message =
        `${letters.forgotten} more dead letters were too many to follow, so that newer records may have overtaken ` +
        'them: raise `epoch` to read the topic anew instead.';
      this.#problem('dead-letters', 'conflict', message);
      letters.clearForgotten();
    }
    progress.replayed = config.replay;
    yield* this.#checkpoint();
  }

  #record(record: KafkaRecord): void {
    const { config, progress } = this;
    const { letters } = progress;
    const { partition, offset, key } = record;
    this.#pending.count(record);
    try {
      const changes = mapRecord(config, record);
      for (const change of changes) this.#pending.put(change, record);
      letters.passed(partition, offset, key);
      if (key === null && changes.some(({ kind }) => kind === 'gone')) letters.deletedWithoutKey(partition, offset);
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error;
      const { code, message } = error;
      const problem = {
        key: keyOfBad(config, record) ?? `${config.topic}/${partition}/${offset}`,
        code,
        message: `${config.topic}/${partition} at ${offset}: ${message}`,
      };
      // One that is read again lies there already.
      const isNew = !letters.has(partition, offset);
      this.#pending.bad(problem, isNew ? { record, code, message } : undefined);
      if (isNew) letters.add(partition, offset, key);
    }
  }

  /** The batch's records that are still to be read; one that can't be unpacked becomes a single letter. */
  *#recordsOf(batch: RecordBatch, partition: number): Generator<KafkaRecord> {
    const from = this.progress.next[partition]!;
    try {
      for (const record of batch.records()) if (record.offset >= from) yield record;
    } catch (error) {
      if (!(error instanceof UnreadableBatch)) throw error;
      const { first, last, raw } = error;
      const message = `The batch of offsets ${first} to ${last} can't be unpacked: ${error.message}.`;
      const record = { partition, offset: first, timestamp: -1, key: null, value: raw, headers: [] };
      this.#pending.count(record);
      const key = `${this.config.topic}/${partition}/${first}`;
      const code = 'corrupt_document';
      this.#pending.bad({ key, code, message }, { record, lastOffset: last, code, message });
    }
  }

  #problem(place: string, code: string, message: string): void {
    this.#pending.bad({ key: `${this.config.topic}/${place}`, code, message }, undefined);
  }

  async *#checkpoint(): AsyncGenerator<SourceChange> {
    yield* this.#told();
    yield this.#cursor();
  }

  async *#told(): AsyncGenerator<SourceChange> {
    const pending = this.#pending;
    this.#pending = this.#fresh();
    // Before the cursor passes them.
    if (!this.context.preview) await this.#letters.write(pending.letters);
    yield* pending.told(this.context.known, this.context.clock.now());
  }

  #cursor(): SourceChange {
    return { kind: 'checkpoint', cursor: storedCursor(this.progress) };
  }

  #fresh(): PendingChanges {
    const { cluster, topic, epoch, round } = this.progress;
    return new PendingChanges(round, [cluster, topic, epoch].join('.'));
  }
}

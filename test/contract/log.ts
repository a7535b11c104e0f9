import { describe, expect, it } from 'vitest';
import { FootnoteError } from '../../src/core/errors.js';
import type { ChangeEvent } from '../../src/core/event.js';
import { documentId } from '../../src/core/ids.js';
import type { ConsumeOptions, Delivery, EventLog } from '../../src/core/ports/log.js';
import { contentRef, idOf, makeEvent } from '../support/fixtures.js';
import { fresh, type Made } from './catalog/maker.js';

const STREAM = 't/c';
const FUTURE = '9999-01-01T00:00:00.000Z';

/** Reads deliveries one at a time, as a test wants them. */
class Reader {
  readonly stop = new AbortController();
  readonly #iterator: AsyncIterator<Delivery>;
  #waiting: Promise<IteratorResult<Delivery>> | undefined;

  constructor(log: EventLog, group: string, options: Partial<ConsumeOptions> = {}) {
    const { signal } = this.stop;
    this.#iterator = log
      .consume({ stream: STREAM, group, maxInFlightBytes: 1 << 30, signal, ...options })
      [Symbol.asyncIterator]();
  }

  /** Asks for the next delivery, without taking it: `next` and the others still get it. */
  ask(): Promise<IteratorResult<Delivery>> {
    this.#waiting ??= this.#iterator.next();
    return this.#waiting;
  }

  async next(): Promise<IteratorResult<Delivery>> {
    const next = await this.ask();
    this.#waiting = undefined;
    return next;
  }

  async take(count: number): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    while (taken.length < count) {
      const next = await this.next();
      if (next.done) throw new Error(`ended after ${taken.length} of ${count}`);
      taken.push(next.value);
    }
    return taken;
  }

  async one(): Promise<Delivery> {
    return (await this.take(1))[0]!;
  }

  /** True when nothing is delivered though the log has worked on something else meanwhile. */
  async silent(log: EventLog): Promise<boolean> {
    const asked = this.ask();
    let came = false;
    void asked.then(
      () => (came = true),
      () => (came = true),
    );
    for (let i = 0; i < 3; i += 1) await log.append('elsewhere', [makeEvent(`tick${i}`)]);
    return !came;
  }

  async end(): Promise<void> {
    this.stop.abort();
    while (!(await this.next()).done) continue;
  }
}

function events(count: number, prefix = 'k'): ChangeEvent[] {
  return Array.from({ length: count }, (_, i) => makeEvent(`${prefix}${i}`));
}

/** `count` events of one document, so of one partition, told apart by title. */
function updates(count: number, from = 0): ChangeEvent[] {
  return Array.from({ length: count }, (_, i) => makeEvent('doc', { title: String(from + i) }));
}

const titles = (deliveries: readonly Delivery[]) => deliveries.map((each) => Number(each.event.title));
const place = (each: Delivery) => `${each.position.partition}/${each.position.offset}`;
const failure = new FootnoteError('corrupt_document', 'It is broken.\u0000');

/** What every event log owes (src/core/ports/log.ts). `make` gives a new, empty log of several partitions. */
export function describeLogContract(name: string, make: () => Promise<Made<EventLog>>): void {
  describe(`EventLog: ${name}`, () => {
    const store = fresh(make);
    const log = () => store.port;

    describe('append', () => {
      it('gives positions in order of the events, rising by one in each partition, a document always in one', async () => {
        const identity = await log().identity();
        const appended = [...events(60), ...events(60)];
        const positions = await log().append(STREAM, appended);
        const next = new Map<number, bigint>();
        const home = new Map<string, number>();
        for (const [i, position] of positions.entries()) {
          expect(position.epoch).toBe(identity.epoch);
          expect(position.partition).toBeLessThan(identity.partitions);
          expect(position.offset).toBe(next.get(position.partition) ?? 0n);
          next.set(position.partition, position.offset + 1n);
          const id = documentId(appended[i]!);
          expect(home.get(id) ?? position.partition).toBe(position.partition);
          home.set(id, position.partition);
        }
        expect(next.size).toBeGreaterThan(1);
        const ends = await log().end(STREAM);
        expect(ends).toHaveLength(identity.partitions);
        for (const end of ends) expect(end.offset).toBe(next.get(end.partition) ?? 0n);
        expect(await log().append(STREAM, [])).toEqual([]);
      });

      it('keeps each caller in order when many append at once', async () => {
        const all = await Promise.all(
          Array.from({ length: 30 }, (_, i) => log().append(STREAM, updates(i % 7 === 0 ? 300 : 2, i * 1000))),
        );
        const offsets = all.flat().map((position) => position.offset);
        expect(new Set(offsets).size).toBe(offsets.length);
        for (const positions of all) {
          for (let i = 1; i < positions.length; i += 1) {
            expect(positions[i]!.offset > positions[i - 1]!.offset).toBe(true);
          }
        }
        const reader = new Reader(log(), 'g');
        const seen = new Map<bigint, number>();
        for (const each of await reader.take(offsets.length)) {
          seen.set(each.position.offset, Number(each.event.title));
          await each.ack();
        }
        for (const [i, positions] of all.entries()) {
          expect(positions.map((position) => seen.get(position.offset))).toEqual(positions.map((_, j) => i * 1000 + j));
        }
        await reader.end();
      });

      it('gives back events whole', async () => {
        const event = makeEvent('ü/😀', {
          sequence: 2n ** 60n,
          content: contentRef('b'),
          metadata: { list: [1, null, { x: 'y' }], nul: '\u0000' },
          parse: { charset: 'utf-8' },
        });
        const before = Date.now();
        await log().append(STREAM, [event]);
        const after = Date.now();
        const reader = new Reader(log(), 'g');
        const delivery = await reader.one();
        expect(delivery.event).toEqual(event);
        expect(delivery.attempt).toBe(1);
        expect(delivery.appendedAt).toBeGreaterThanOrEqual(before);
        expect(delivery.appendedAt).toBeLessThanOrEqual(after);
        expect(delivery.signal.aborted).toBe(false);
        await reader.end();
      });

      it('keeps streams apart', async () => {
        await log().append('t/other', updates(3));
        const [position] = await log().append(STREAM, updates(1));
        expect(position!.offset).toBe(0n);
        expect((await log().end('nowhere')).every((end) => end.offset === 0n)).toBe(true);
      });
    });

    describe('consume', () => {
      it('delivers in order within a partition, then what is appended later', async () => {
        await log().append(STREAM, updates(150));
        const reader = new Reader(log(), 'g');
        expect(titles(await reader.take(150))).toEqual(Array.from({ length: 150 }, (_, i) => i));
        const next = reader.ask();
        await log().append(STREAM, updates(1, 150));
        expect((await next).value).toMatchObject({ event: { title: '150' } });
        await reader.end();
      });

      it('ends when the signal aborts, also while it waits, and aborts the deliveries', async () => {
        await log().append(STREAM, updates(1));
        const reader = new Reader(log(), 'g');
        const delivery = await reader.one();
        const waiting = reader.ask();
        reader.stop.abort();
        expect((await waiting).done).toBe(true);
        expect(delivery.signal.aborted).toBe(true);
        await delivery.ack();
        delivery.retry(0);
        await delivery.reject(failure);
        expect(await log().lag(STREAM, 'g')).toBe(1);
        expect(await log().deadLetters.count(STREAM)).toBe(0);
        const late = new Reader(log(), 'g', { signal: AbortSignal.abort() });
        expect((await late.ask()).done).toBe(true);
      });

      it('leaves the group when the loop is left', async () => {
        await log().append(STREAM, updates(2));
        const { signal } = new AbortController();
        for await (const delivery of log().consume({ stream: STREAM, group: 'g', maxInFlightBytes: 1, signal })) {
          expect(delivery.event.title).toBe('0');
          await delivery.ack();
          break;
        }
        await log().seek(STREAM, 'g', []);
        const reader = new Reader(log(), 'g');
        expect((await reader.one()).event.title).toBe('1');
        await reader.end();
      });

      it('holds to the bound on deliveries', async () => {
        await log().append(STREAM, events(20));
        const reader = new Reader(log(), 'g', { maxInFlight: 3 });
        const taken = await reader.take(3);
        expect(await reader.silent(log())).toBe(true);
        await taken[1]!.ack();
        await reader.one();
        expect(await reader.silent(log())).toBe(true);
        await reader.end();
      });

      it('holds to the bound on bytes, content included, and lets one through whatever its size', async () => {
        const large = { ...contentRef('b'), bytes: 1_000_000 };
        await log().append(
          STREAM,
          updates(3).map((event) => ({ ...event, content: large })),
        );
        const reader = new Reader(log(), 'g', { maxInFlightBytes: 1000 });
        for (let i = 0; i < 3; i += 1) {
          const delivery = await reader.one();
          if (i < 2) expect(await reader.silent(log())).toBe(true);
          await delivery.ack();
        }
        await reader.end();
        const wide = new Reader(log(), 'wide', { maxInFlightBytes: 2_100_000 });
        await wide.take(2);
        expect(await wide.silent(log())).toBe(true);
        await wide.end();
      });

      it('is fair: a partition with much to read does not hold up the others', async () => {
        await log().append(STREAM, updates(500));
        const [home] = await log().append(STREAM, updates(1, 500));
        const others = events(200, 'other');
        const positions = await log().append(STREAM, others);
        const elsewhere = positions.filter((position) => position.partition !== home!.partition).length;
        const reader = new Reader(log(), 'g');
        const { partitions } = await log().identity();
        const seen = new Set<number>();
        for (const each of await reader.take(partitions * 3)) seen.add(each.position.partition);
        expect(elsewhere).toBeGreaterThan(0);
        expect(seen.size).toBe(new Set(positions.map((position) => position.partition)).add(home!.partition).size);
        await reader.end();
      });
    });

    describe('ack, retry, reject', () => {
      it('checkpoint: acked A, B, D, not C, E; a restart redelivers C, D, E', async () => {
        await log().append(STREAM, updates(5));
        const reader = new Reader(log(), 'g');
        const [a, b, , d] = await reader.take(5);
        await d!.ack();
        await a!.ack();
        await b!.ack();
        await reader.end();
        const port = store.reopens ? await store.reopen() : log();
        expect(await port.lag(STREAM, 'g')).toBe(3);
        const again = new Reader(port, 'g');
        expect(titles(await again.take(3))).toEqual([2, 3, 4]);
        await again.end();
      });

      it('commits the next offset to read, for each group its own', async () => {
        const [position] = await log().append(STREAM, updates(2));
        const reader = new Reader(log(), 'g');
        const [first, second] = await reader.take(2);
        await first!.ack();
        await first!.ack();
        const at = async (group: string) =>
          (await log().committed(STREAM, group)).find((each) => each.partition === position!.partition)!.offset;
        expect(await at('g')).toBe(1n);
        expect(await at('other')).toBe(0n);
        expect(await log().lag(STREAM, 'g')).toBe(1);
        expect(await log().lag(STREAM, 'other')).toBe(2);
        await second!.ack();
        expect(await at('g')).toBe(2n);
        expect(await log().lag(STREAM, 'g')).toBe(0);
        await reader.end();
      });

      it('delivers a retry again with a higher attempt, while others go on and nothing above it is committed', async () => {
        const [position] = await log().append(STREAM, updates(4));
        const reader = new Reader(log(), 'g');
        const first = await reader.one();
        first.retry(1);
        await first.ack();
        const rest: Delivery[] = [];
        let again: Delivery | undefined;
        while (rest.length < 3 || !again) {
          const each = await reader.one();
          if (each.event.title === '0') again = each;
          else rest.push(each);
        }
        for (const each of rest) await each.ack();
        const at = async () =>
          (await log().committed(STREAM, 'g')).find((each) => each.partition === position!.partition)!.offset;
        expect(await at()).toBe(0n);
        expect(again.attempt).toBe(2);
        again.retry(0);
        const third = await reader.one();
        expect(third.attempt).toBe(3);
        expect(third.appendedAt).toBe(first.appendedAt);
        expect(third.event).toEqual(first.event);
        await third.ack();
        expect(await at()).toBe(4n);
        await reader.end();
      });

      it('lets others through while one waits for its retry, however tight the bound', async () => {
        await log().append(STREAM, updates(30));
        const reader = new Reader(log(), 'g', { maxInFlight: 1 });
        (await reader.one()).retry(3_600_000);
        for (let i = 1; i < 30; i += 1) {
          const each = await reader.one();
          expect(each.event.title).toBe(String(i));
          await each.ack();
        }
        expect(await log().lag(STREAM, 'g')).toBe(30);
        await reader.end();
      });

      it('writes a dead letter before it acks, one a place however often', async () => {
        const [position] = await log().append(STREAM, updates(2));
        const reader = new Reader(log(), 'g');
        const [first, second] = await reader.take(2);
        await second!.reject(failure);
        await reader.end();
        expect(await log().lag(STREAM, 'g')).toBe(2);
        const again = new Reader(log(), 'g');
        const [one, two] = await again.take(2);
        two!.retry(0);
        await (await again.one()).reject(failure);
        await one!.ack();
        expect(await log().lag(STREAM, 'g')).toBe(0);
        await again.end();
        const port = store.reopens ? await store.reopen() : log();
        const letters = await port.deadLetters.list(STREAM);
        expect(letters).toHaveLength(1);
        expect(letters[0]).toMatchObject({
          stream: STREAM,
          group: 'g',
          documentId: idOf('doc'),
          position: { ...position, offset: 1n },
          code: 'corrupt_document',
          message: failure.message,
          attempts: 2,
        });
        expect(letters[0]!.event).toEqual(second!.event);
        expect(Number.isNaN(Date.parse(letters[0]!.at))).toBe(false);
        expect(first!.event.title).toBe('0');
      });
    });

    describe('groups', () => {
      it('share the partitions, and hand them over when members come and go', async () => {
        await log().append(STREAM, events(100));
        const first = new Reader(log(), 'g');
        const seen = await first.take(100);
        // A second one takes over some partitions: their deliveries are revoked, and acks of those do nothing.
        const second = new Reader(log(), 'g');
        const taken = await second.one();
        const revoked = seen.filter((each) => each.signal.aborted);
        const kept = seen.filter((each) => !each.signal.aborted);
        expect(revoked.length).toBeGreaterThan(0);
        expect(kept.length).toBeGreaterThan(0);
        for (const each of seen) await each.ack();
        expect(await log().lag(STREAM, 'g')).toBe(revoked.length);
        expect(revoked.map(place)).toContain(place(taken));
        const rest = [taken, ...(await second.take(revoked.length - 1))];
        expect(rest.map(place).sort()).toEqual(revoked.map(place).sort());
        for (const each of rest) await each.ack();
        expect(await log().lag(STREAM, 'g')).toBe(0);
        // The first one leaves: the second gets everything from now on.
        await first.end();
        await log().append(STREAM, events(40));
        for (const each of await second.take(40)) await each.ack();
        expect(await log().lag(STREAM, 'g')).toBe(0);
        await second.end();
      });

      it('lose nothing and commit nothing undone through many rebalances', async () => {
        const total = 400;
        await log().append(STREAM, events(total));
        const done = new Set<string>();
        const work = async (reader: Reader, count: number) => {
          for (let i = 0; i < count; i += 1) {
            const next = await reader.next();
            if (next.done) return;
            const delivery = next.value;
            if (i % 5 === 0 && delivery.attempt === 1) {
              delivery.retry(0);
              continue;
            }
            // What is acked while the partition is ours counts as done; a revoked one is another's to do.
            if (!delivery.signal.aborted) done.add(place(delivery));
            await delivery.ack();
          }
        };
        for (let round = 0; round < 4; round += 1) {
          const readers = [0, 1, 2].map(() => new Reader(log(), 'g', { maxInFlight: 10 }));
          await Promise.all(readers.map((reader, i) => work(reader, 20 + 7 * i)));
          await Promise.all(readers.map((reader) => reader.end()));
          for (const position of await log().committed(STREAM, 'g')) {
            for (let offset = 0n; offset < position.offset; offset += 1n) {
              expect(done.has(`${position.partition}/${offset}`)).toBe(true);
            }
          }
        }
        const last = new Reader(log(), 'g');
        const left = await log().lag(STREAM, 'g');
        for (const each of await last.take(left)) {
          done.add(place(each));
          await each.ack();
        }
        expect(done.size).toBe(total);
        expect(await log().lag(STREAM, 'g')).toBe(0);
        await last.end();
      });

      it('with more members than partitions lose nothing', async () => {
        const { partitions } = await log().identity();
        const readers = Array.from({ length: partitions + 2 }, () => new Reader(log(), 'g'));
        const asked = readers.map((reader) => reader.ask());
        await log().append(STREAM, events(1));
        const delivery = (await Promise.race(asked)).value as Delivery;
        await delivery.ack();
        expect(await log().lag(STREAM, 'g')).toBe(0);
        await Promise.all(readers.map((reader) => reader.end()));
      });

      it('begin where they are told, unless they have members', async () => {
        const positions = await log().append(STREAM, updates(10));
        await log().seek(STREAM, 'g', [positions[7]!]);
        expect(await log().lag(STREAM, 'g')).toBe(3);
        const reader = new Reader(log(), 'g');
        const [first] = await reader.take(3);
        expect(first!.event.title).toBe('7');
        await expect(log().seek(STREAM, 'g', [positions[0]!])).rejects.toMatchObject({ code: 'conflict' });
        await first!.ack();
        await reader.end();
        await log().seek(STREAM, 'g', [positions[2]!]);
        const back = new Reader(log(), 'g');
        expect((await back.one()).event.title).toBe('2');
        await back.end();
        const beyond = { ...positions[0]!, offset: 1000n };
        await expect(log().seek(STREAM, 'g', [beyond])).rejects.toMatchObject({ code: 'invalid_request' });
        const foreign = { ...positions[0]!, epoch: positions[0]!.epoch + 1 };
        await expect(log().seek(STREAM, 'g', [foreign])).rejects.toMatchObject({ code: 'log_mismatch' });
      });

      it('stay where they are when only a new one is to begin', async () => {
        const positions = await log().append(STREAM, updates(10));
        expect(await log().seek(STREAM, 'g', [positions[3]!], { onlyNew: true })).toBe(true);
        expect(await log().seek(STREAM, 'g', [positions[7]!], { onlyNew: true })).toBe(false);
        expect(await log().lag(STREAM, 'g')).toBe(7);
        const reader = new Reader(log(), 'g');
        expect((await reader.one()).event.title).toBe('3');
        expect(await log().seek(STREAM, 'g', [positions[7]!], { onlyNew: true })).toBe(false);
        await reader.end();
      });

      it('are dropped with their commits and letters; their consumers end', async () => {
        await log().append(STREAM, updates(3));
        const reader = new Reader(log(), 'g');
        const [first, second, third] = await reader.take(3);
        await first!.reject(failure);
        await second!.ack();
        const waiting = reader.ask();
        await log().dropGroup(STREAM, 'g');
        expect((await waiting).done).toBe(true);
        await third!.ack();
        expect(await log().lag(STREAM, 'g')).toBe(3);
        expect(await log().deadLetters.count(STREAM)).toBe(0);
        await log().dropGroup(STREAM, 'never');
        await log().dropGroup('nowhere', 'g');
      });
    });

    describe('retention', () => {
      const consume = async (group: string, count: number) => {
        const reader = new Reader(log(), group);
        for (const each of await reader.take(count)) await each.ack();
        await reader.end();
      };

      it('removes what every group has committed, never more, and reuses no offset', async () => {
        await log().append(STREAM, updates(700));
        expect(await log().trim(STREAM, FUTURE)).toBe(0);
        await consume('fast', 700);
        await log().seek(STREAM, 'slow', []);
        expect(await log().trim(STREAM, FUTURE)).toBe(0);
        await consume('slow', 600);
        expect(await log().trim(STREAM, FUTURE)).toBe(600);
        expect(await log().lag(STREAM, 'slow')).toBe(100);
        await consume('slow', 100);
        expect(await log().trim(STREAM, FUTURE)).toBe(100);
        const port = store.reopens ? await store.reopen() : log();
        const [position] = await port.append(STREAM, updates(1));
        expect(position!.offset).toBe(700n);
        // Whoever begins at the beginning gets what is there.
        const late = new Reader(port, 'late');
        expect((await late.one()).position.offset).toBe(700n);
        expect(await port.lag(STREAM, 'late')).toBe(1);
        await late.end();
      });

      it('respects holds until they are released, and the age', async () => {
        const positions = await log().append(STREAM, updates(10));
        await consume('g', 10);
        await log().hold(STREAM, 'backfill', [positions[4]!]);
        expect(await log().trim(STREAM, '2000-01-01T00:00:00.000Z')).toBe(0);
        expect(await log().trim(STREAM, FUTURE)).toBe(4);
        await log().hold(STREAM, 'backfill', [positions[6]!]);
        await log().hold(STREAM, 'second', [positions[5]!]);
        expect(await log().trim(STREAM, FUTURE)).toBe(1);
        await log().release(STREAM, 'second');
        const port = store.reopens ? await store.reopen() : log();
        expect(await port.trim(STREAM, FUTURE)).toBe(1);
        await port.release(STREAM, 'backfill');
        await port.release(STREAM, 'unknown');
        expect(await port.trim(STREAM, FUTURE)).toBe(4);
        expect(await port.trim('nowhere', FUTURE)).toBe(0);
      });

      it('drops a stream with everything of it; its consumers end, and the name can be used again', async () => {
        await log().append(STREAM, updates(1200));
        await log().append('t/kept', updates(1));
        const reader = new Reader(log(), 'g');
        const [first] = await reader.take(2);
        await first!.reject(failure);
        const ended = expect(reader.take(2000)).rejects.toThrow('ended');
        await log().dropStream(STREAM);
        await ended;
        expect(await log().lag(STREAM, 'g')).toBe(0);
        expect(await log().deadLetters.list(STREAM)).toEqual([]);
        expect(await log().deadLetters.count(STREAM)).toBe(0);
        expect((await log().end(STREAM)).every((end) => end.offset === 0n)).toBe(true);
        expect(await log().lag('t/kept', 'x')).toBe(1);
        await log().append(STREAM, updates(1));
        const fresh = new Reader(log(), 'g');
        expect((await fresh.one()).event.title).toBe('0');
        await fresh.end();
        await log().dropStream('nowhere');
      });
    });

    describe('dead letters', () => {
      const reject = async (count: number, group = 'g') => {
        const reader = new Reader(log(), group);
        for (const each of await reader.take(count)) await each.reject(failure);
        await reader.end();
      };

      it('are listed in stable pages, by group, and removed one by one', async () => {
        await log().append(STREAM, events(25));
        await reject(25);
        await reject(25, 'h');
        const seen: string[] = [];
        for (let after: string | undefined; ;) {
          const page = await log().deadLetters.list(STREAM, { group: 'g', limit: 4, ...(after ? { after } : {}) });
          if (page.length === 0) break;
          seen.push(...page.map((each) => each.id));
          after = page[page.length - 1]!.id;
        }
        expect(seen).toHaveLength(25);
        expect(new Set(seen).size).toBe(25);
        expect(await log().deadLetters.count(STREAM)).toBe(50);
        const letter = (await log().deadLetters.get(seen[0]!))!;
        expect(letter.id).toBe(seen[0]);
        await log().deadLetters.remove(letter.id);
        await log().deadLetters.remove(letter.id);
        expect(await log().deadLetters.get(letter.id)).toBeUndefined();
        expect(await log().deadLetters.count(STREAM)).toBe(49);
        expect(await log().deadLetters.list('nowhere')).toEqual([]);
      });

      it('of a deleted document go, but for those to keep', async () => {
        await log().append(STREAM, [...updates(130), makeEvent('other')]);
        await reject(131);
        await reject(131, 'h');
        const { deadLetters } = log();
        const young = (offset: bigint) => offset >= 128n;
        expect(
          await deadLetters.removeDocument(STREAM, idOf('doc'), {
            group: 'g',
            keep: (letter) => young(letter.position.offset),
          }),
        ).toBe(128);
        expect(await deadLetters.count(STREAM)).toBe(134);
        expect(await deadLetters.removeDocument(STREAM, idOf('doc'))).toBe(132);
        expect((await deadLetters.list(STREAM)).map((each) => each.event.key)).toEqual(['other', 'other']);
        expect(await deadLetters.removeDocument('nowhere', idOf('doc'))).toBe(0);
      });
    });

    describe('restart', () => {
      it('keeps identity, events, commits and ends', async () => {
        if (!store.reopens) return;
        const before = await log().identity();
        const positions = await log().append(STREAM, updates(5));
        const reader = new Reader(log(), 'g');
        const [first] = await reader.take(2);
        await first!.ack();
        await reader.end();
        const port = await store.reopen();
        expect(await port.identity()).toEqual(before);
        expect(await port.lag(STREAM, 'g')).toBe(4);
        const next = await port.append(STREAM, updates(1, 5));
        expect(next[0]!.offset).toBe(positions[4]!.offset + 1n);
        const again = new Reader(port, 'g');
        expect(titles(await again.take(5))).toEqual([1, 2, 3, 4, 5]);
        await again.end();
      });

      it('is raised to a higher epoch, keeps its id and places, and never falls again', async () => {
        if (!store.reopens) return;
        const before = await log().identity();
        await log().append(STREAM, updates(3));
        const reader = new Reader(log(), 'g');
        for (const delivery of await reader.take(3)) await delivery.ack();
        await reader.end();
        const raised = await store.reopen({ epoch: before.epoch + 4 });
        expect(await raised.identity()).toEqual({ ...before, epoch: before.epoch + 4 });
        expect(await raised.lag(STREAM, 'g')).toBe(0);
        const [position] = await raised.append(STREAM, updates(1, 3));
        expect(position).toMatchObject({ epoch: before.epoch + 4, offset: 3n });
        const port = await store.reopen();
        expect(await port.identity()).toEqual({ ...before, epoch: before.epoch + 4 });
        const again = new Reader(port, 'g');
        const [delivery] = await again.take(1);
        expect(delivery!.position).toEqual(position);
        await again.end();
      });

      it('ends its consumers when it is closed', async () => {
        const reader = new Reader(log(), 'g');
        const waiting = reader.ask();
        await log().close();
        expect((await waiting).done).toBe(true);
        await expect(log().append(STREAM, updates(1))).rejects.toMatchObject({ code: 'unavailable' });
      });
    });
  });
}

import { randomUUID } from 'node:crypto';
import { FootnoteError } from '../../../core/errors.js';
import { readFormat } from '../../../core/format.js';
import type { LogIdentity } from '../../../core/ports/log.js';
import { mismatch } from './errors.js';
import type { Table, TableRow } from './table.js';

const FORMAT = 1;

type Kind = 'identity' | 'stream' | 'group' | 'hold';

interface Stored {
  readonly format: number;
}
interface StoredIdentity extends Stored, LogIdentity {}
interface StoredStream extends Stored {
  readonly incarnation: number;
}
interface StoredHold extends Stored {
  /** Decimal offsets by partition. */
  readonly from: Readonly<Record<string, string>>;
}

const key = (kind: Kind, ...parts: string[]): string => [kind, ...parts.map(encodeURIComponent)].join('/');

/**
 * What the log knows of itself, in a compacted topic: its identity, how often each stream was made anew, and who reads and
 * holds which topic. Kafka forgets the commits of a group that is away for a week; the registry does not forget the group.
 */
export class Registry {
  readonly #table: Table;
  readonly #onGroupDropped: (topic: string, group: string) => void;
  readonly #identities = new Map<string, { readonly offset: bigint; readonly identity: LogIdentity }>();
  readonly #incarnations = new Map<string, number>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #holds = new Map<string, Map<string, ReadonlyMap<number, bigint>>>();

  constructor(
    makeTable: (apply: (rows: readonly TableRow[]) => void) => Table,
    onGroupDropped: (topic: string, group: string) => void,
  ) {
    this.#table = makeTable((rows) => rows.forEach((row) => this.#apply(row)));
    this.#onGroupDropped = onGroupDropped;
  }

  get table(): Table {
    return this.#table;
  }

  /**
   * The log's identity; made now, with these, when there is none. Of several that were made at once the first counts. One of
   * a lower epoch is raised to it.
   */
  async identity(made: Omit<LogIdentity, 'id'>): Promise<LogIdentity> {
    await this.#table.sync();
    if (this.#identities.size === 0) {
      const identity: LogIdentity = { id: randomUUID(), ...made };
      await this.#put(key('identity', identity.id), identity);
    }
    const [first] = [...this.#identities.values()].sort((a, b) => (a.offset < b.offset ? -1 : 1));
    if (!first) throw mismatch(`The topic ${this.#table.topic} holds no identity of a log.`);
    if (first.identity.epoch >= made.epoch) return first.identity;
    // The raised row stands behind all others: they go first, so that none of them comes to be the first.
    const others = [...this.#identities.keys()].filter((id) => id !== first.identity.id);
    await this.#table.writeAll(others.map((id) => ({ key: key('identity', id), value: undefined })));
    const raised = { ...first.identity, epoch: made.epoch };
    await this.#put(key('identity', raised.id), raised);
    return raised;
  }

  /** Reads what others wrote. */
  sync(): Promise<void> {
    return this.#table.sync();
  }

  incarnation(stream: string): number {
    return this.#incarnations.get(stream) ?? 0;
  }

  /** The next topic of the stream is another one; whoever still knows the present one finds it gone. */
  async renew(stream: string): Promise<void> {
    await this.#put(key('stream', stream), { incarnation: this.incarnation(stream) + 1 });
  }

  groups(topic: string): ReadonlySet<string> {
    return this.#groups.get(topic) ?? new Set();
  }

  async addGroup(topic: string, group: string): Promise<void> {
    if (!this.groups(topic).has(group)) await this.#put(key('group', topic, group), {});
  }

  async removeGroup(topic: string, group: string): Promise<void> {
    if (this.groups(topic).has(group)) await this.#table.write(key('group', topic, group), undefined);
  }

  holds(topic: string): ReadonlyMap<string, ReadonlyMap<number, bigint>> {
    return this.#holds.get(topic) ?? new Map<string, ReadonlyMap<number, bigint>>();
  }

  async hold(topic: string, name: string, from: ReadonlyMap<number, bigint>): Promise<void> {
    const stored = Object.fromEntries([...from].map(([partition, offset]) => [String(partition), offset.toString()]));
    await this.#put(key('hold', topic, name), { from: stored });
  }

  async release(topic: string, name: string): Promise<void> {
    if (this.holds(topic).has(name)) await this.#table.write(key('hold', topic, name), undefined);
  }

  /** Forgets the groups and holds of a topic that is gone. */
  async forget(topic: string): Promise<void> {
    const groups = [...this.groups(topic)].map((name) => key('group', topic, name));
    const holds = [...this.holds(topic).keys()].map((name) => key('hold', topic, name));
    await this.#table.writeAll([...groups, ...holds].map((each) => ({ key: each, value: undefined })));
  }

  close(): Promise<void> {
    return this.#table.close();
  }

  #put(at: string, value: object): Promise<void> {
    return this.#table.write(at, JSON.stringify({ format: FORMAT, ...value }));
  }

  #apply(row: TableRow): void {
    const [kind, first = '', second = ''] = row.key.split('/').map(decodeURIComponent);
    const stored = row.value === undefined ? undefined : this.#read(row.value);
    if (kind === 'identity' && stored) {
      const { id, epoch, partitions } = stored as StoredIdentity;
      this.#identities.set(id, { offset: row.offset, identity: { id, epoch, partitions } });
    } else if (kind === 'identity') {
      this.#identities.delete(first);
    } else if (kind === 'stream' && stored) {
      this.#incarnations.set(first, (stored as StoredStream).incarnation);
    } else if (kind === 'group') {
      const groups = this.#groups.get(first) ?? new Set();
      this.#groups.set(first, groups);
      if (stored) groups.add(second);
      else if (groups.delete(second)) this.#onGroupDropped(first, second);
    } else if (kind === 'hold') {
      const holds = this.#holds.get(first) ?? new Map<string, ReadonlyMap<number, bigint>>();
      this.#holds.set(first, holds);
      if (stored) holds.set(second, offsets((stored as StoredHold).from));
      else holds.delete(second);
    }
  }

  #read(value: string): Stored {
    let stored: Stored;
    try {
      stored = JSON.parse(value) as Stored;
    } catch (cause) {
      throw new FootnoteError('data_corrupt', `The topic ${this.#table.topic} holds what no log wrote.`, { cause });
    }
    readFormat(stored.format, {
      what: `The topic ${this.#table.topic}`,
      newest: FORMAT,
      mend: 'point stores.log.prefix at the log that this engine wrote',
    });
    return stored;
  }
}

function offsets(stored: Readonly<Record<string, string>>): ReadonlyMap<number, bigint> {
  return new Map(Object.entries(stored).map(([partition, offset]) => [Number(partition), BigInt(offset)]));
}

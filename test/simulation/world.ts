import { setMaxListeners } from 'node:events';
import { type ChangeEvent, type Position, eventVersion } from '../../src/core/event.js';
import type { Generation, GenerationState } from '../../src/core/generation.js';
import { documentId } from '../../src/core/ids.js';
import type { Visibility } from '../../src/core/ports/catalog.js';
import type { DeadLetter } from '../../src/core/ports/log.js';
import { type VersionKey, parseVersionKey, versionKey } from '../../src/core/version.js';
import { forgetTombstones } from '../../pipelines/retention/tombstones.js';
import { CatalogModel, catalogPort } from './models/catalog.js';
import { type Connection, LogModel, PARTITIONS, logPort } from './models/log.js';
import { type Content, Stores, blobPort, cachePort, processingPorts, vectorPort } from './models/stores.js';
import type { Mutant } from './mutants/mutant.js';
import { Oracle } from './oracle.js';
import { type SimPorts, pipelinePorts } from './ports.js';
import type { Profile } from './profiles.js';
import type { Random } from '../../src/runtime/random.js';
import { type Process, type Scheduler, Violation, opNumber } from './scheduler.js';

export const TENANT = 't';
export const COLLECTION = 'c';
export const STREAM = 't/c';
export const SOURCES = ['s1', 's2'] as const;
/** Documents of this key may hold content that never parses; of the others, content that parses once healed. */
const HOPELESS_KEY = 'c';

/** Ends of processes that are no fault of the protocol. */
const EXPECTED = new Set([
  'cancelled',
  'conflict',
  'behind',
  'not_found',
  'unavailable',
  'precondition_failed',
  'document_not_found',
  'request_timeout',
  'content_missing',
]);

/** Effects that others see, by kind of process: what may come between a look and one of these is what guards are for. */
const DECISIVE: Readonly<Record<string, readonly string[]>> = {
  listing: ['cursors.update', 'log.append'],
  removal: ['cursors.update', 'log.append'],
  publisher: ['log.append', 'heads.published'],
  api: ['heads.decide'],
  builder: ['log.hold', 'log.seek', 'documents.compareAndSet', 'vectors.write', 'generations'],
  verify: ['vectors.prune', 'blobs.delete', 'revisions.take'],
};
const OF_APPLIERS = [
  'heads.raise',
  'revisions.use',
  'revisions.add',
  'revisions.take',
  'revisions.get',
  'revisions.forget',
  'blobs.read',
  'vectors.write',
  'vectors.prune',
  'documents.compareAndSet',
  'blobs.delete',
  'log.ack',
];

/** When a process stands still: before one of its first effects, or before one that others see. */
function anyStall(random: Random, kind: string): NonNullable<Process['stall']> {
  const any = random.chance(0.5);
  return {
    before: 1 + random.below(any ? random.pick([3, 8, 25]) : 3),
    ...(any ? {} : { op: opNumber(random.pick(DECISIVE[kind] ?? OF_APPLIERS)) }),
    steps: random.below(random.pick([150, 1500])),
    // Long enough to lose a lease.
    ms: kind === 'listing' ? 40_000 : 0,
  };
}

interface Running {
  readonly process: Process;
  readonly kind: string;
  readonly generation?: string;
  readonly controller: AbortController;
  readonly connection: Connection;
}

/** Everything outside of the processes: stores, sources, time, and what is checked against them. */
export class World {
  readonly stores: Stores;
  readonly catalog: CatalogModel;
  readonly letters = new Map<string, DeadLetter>();
  readonly oracle: Oracle;
  /** Every event that ever reached a log, in the order of arrival. */
  readonly history: { event: ChangeEvent; position: Position }[] = [];
  /** The documents as the connectors' sources have them. */
  readonly sourceItems = new Map<string, Map<string, Content>>();
  readonly processes: Running[] = [];
  /** When an item that is there appeared: step, by source and key. */
  readonly presentSince = new Map<string, number>();
  /** How often content does not parse. */
  readonly failing: number;
  readonly onParseFailure: 'stale' | 'hide';
  /** Documents whose tombstones were forgotten at some time. */
  readonly purged = new Set<string>();
  /** What readers saw of documents; only a mutant believes it later. */
  readonly remembered = new Map<string, Visibility>();
  log: LogModel;
  switches = 0;
  /** Done at the next moment that allows it: a move of the log, the forgetting of tombstones. */
  readonly due = new Set<'migrate' | 'purge'>();
  /** No more faults. */
  calm = false;
  #contents = 0;
  #generations = 0;
  /** The latest contents of each item. */
  readonly #past = new Map<string, Content[]>();
  readonly #partitions = new Map<string, number>();

  constructor(
    readonly scheduler: Scheduler,
    readonly random: Random,
    readonly mutant: Mutant,
    /** What happens how often. */
    readonly profile: Profile,
  ) {
    this.stores = new Stores({
      blobDeleted: (blob) => this.oracle.blobDeleted(blob),
      pointsChanged: (generation, id) => this.oracle.touched(generation, id),
    });
    this.catalog = new CatalogModel({
      rowChanged: (row) => this.oracle.rowChanged(row),
      headChanged: (head) => this.oracle.headChanged(head),
      forgotten: (id) => this.purged.add(id),
      textChanged: (id) => this.oracle.textChanged(id),
      inventoryChanged: (source, key) => this.oracle.inventoryChanged(source, key),
      switched: (release) => this.oracle.switched(release),
    });
    this.oracle = new Oracle(this);
    this.failing = random.pick([0.05, 0.15, 0.4]);
    this.onParseFailure = random.chance(0.2) ? 'hide' : 'stale';
    scheduler.onSpent = (process) => this.kill(process);
    this.log = this.newLog(1);
    this.catalog.collections.set(COLLECTION, {
      tenant: TENANT,
      name: COLLECTION,
      defaultPolicy: { principals: ['reader'] },
      settings: {},
      createdAt: '',
    });
    for (const source of SOURCES) this.sourceItems.set(source, new Map());
    const first = this.newGeneration('live');
    this.catalog.release = {
      tenant: TENANT,
      collection: COLLECTION,
      number: 1,
      generation: first.id,
      spaces: {},
      retrieval: {},
      at: '',
    };
    this.log.group(first.id);
  }

  newLog(epoch: number): LogModel {
    const log: LogModel = new LogModel(
      epoch,
      this.letters,
      this.random,
      {
        appended: (process, event, position) => {
          // What a stalled owner appends to an abandoned log reaches nobody.
          if (this.log !== log) return;
          this.history.push({ event, position });
          this.oracle.appended(process, event, position);
        },
        missing: (group, partition, offset) => this.oracle.missing(group, partition, offset),
        committing: (group, event, position) => this.oracle.committing(group, event, position),
      },
      this.mutant.log ?? {},
      (id) => this.partitionOf(id),
    );
    return log;
  }

  partitionOf(id: string): number {
    let partition = this.#partitions.get(id);
    if (partition === undefined) {
      partition = Number.parseInt(id.slice(0, 8), 16) % PARTITIONS;
      this.#partitions.set(id, partition);
    }
    return partition;
  }

  version(event: ChangeEvent, position: Position): VersionKey {
    return versionKey((this.mutant.versionOf ?? eventVersion)(event, position));
  }

  newGeneration(state: GenerationState): Generation {
    this.#generations += 1;
    const generation: Generation = {
      id: `g-${this.#generations}`,
      tenant: TENANT,
      collection: COLLECTION,
      state,
      spec: {
        chunker: { options: {}, fingerprint: 'f' },
        analyzer: { version: '1' },
        models: { text: { model: 'sim', space: 'space', build: 'build', dims: 2, maxTokens: 100 } },
      },
      createdAt: '',
      history: [],
    };
    this.catalog.generations.set(generation.id, generation);
    return generation;
  }

  newContent(source: string, key: string): Content {
    // Often the same bytes come again: after a deletion, or as a revert.
    const before = this.#past.get(`${source}/${key}`) ?? [];
    if (before.length > 0 && this.random.chance(this.profile.same)) return this.random.pick(before);
    this.#contents += 1;
    const id = this.#contents;
    const failing = this.random.chance(this.failing);
    const kind = !failing ? 'ok' : key === HOPELESS_KEY ? 'bad' : 'sick';
    const pieces = Array.from({ length: this.random.below(4) }, () => `w${this.random.below(40)}`);
    const content: Content = { id, sha256: `c${id}`, pieces: pieces.map((piece, i) => `${piece}.${i}`), kind };
    this.#past.set(`${source}/${key}`, [...before.slice(-2), content]);
    return content;
  }

  /** The ports of one process. */
  ports(process: Process, connection: Connection, parser = 1): SimPorts {
    const { scheduler, stores } = this;
    const call = <T>(op: number, effect: () => T): Promise<T> => scheduler.call(process, op, effect);
    const ports: SimPorts = {
      catalog: catalogPort(this.catalog, scheduler, process, this.mutant.catalog),
      log: logPort(connection, scheduler, process, STREAM, this.calm ? undefined : this.random),
      blobs: blobPort(stores, scheduler, process),
      vectors: vectorPort(stores, scheduler, process),
      cache: cachePort(stores, scheduler, process),
      ...processingPorts(stores, call, () => parser, this.random),
      clock: scheduler.clockOf(process),
    };
    const { ports: wrap, only } = this.mutant;
    return wrap && (only?.includes(process.name) ?? true) ? wrap(ports) : ports;
  }

  /** Starts a process; how it ends is its own matter unless it ends in a way that nothing explains. */
  start(
    kind: string,
    generation: string | undefined,
    run: (ports: ReturnType<typeof pipelinePorts>, signal: AbortSignal, process: Process) => Promise<unknown>,
    parser = 1,
  ): Process {
    const process = this.scheduler.spawn(kind);
    // Some die after so many effects, wherever that is: between any two steps.
    if (!this.calm && kind !== 'worker' && this.random.chance(0.12))
      process.effectsLeft = 1 + this.random.below(this.random.pick([3, 8, 25]));
    if (!this.calm && this.random.chance(this.profile.victims.includes(kind) ? this.profile.stalls : 0.03))
      process.stall = anyStall(this.random, kind);
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const connection = { log: this.log };
    const entry = { process, kind, controller, connection, ...(generation === undefined ? {} : { generation }) };
    this.processes.push(entry);
    const ended = (): void => {
      process.alive = false;
      const index = this.processes.indexOf(entry);
      if (index >= 0) this.processes.splice(index, 1);
    };
    run(pipelinePorts(this.ports(process, connection, parser)), controller.signal, process).then(
      ended,
      (error: unknown) => {
        ended();
        const code = (error as { code?: string }).code;
        if (error instanceof Violation || code === undefined || !EXPECTED.has(code)) {
          this.scheduler.broken ??=
            error instanceof Violation
              ? error
              : new Violation(`${kind} ended with ${String(error)}: ${(error as Error).stack}`);
        }
      },
    );
    return process;
  }

  kill(process: Process): void {
    this.scheduler.kill(process);
    const index = this.processes.findIndex((entry) => entry.process === process);
    if (index >= 0) this.processes.splice(index, 1);
    for (const group of this.log.groups.values()) if (group.member?.process === process) group.member = undefined;
  }

  /** Generations whose groups consume. */
  consuming(): Generation[] {
    return [...this.catalog.generations.values()].filter(
      ({ id, state }) =>
        (this.mutant.consumeEarly && state === 'building' && this.log.groups.has(id)) ||
        state === 'live' ||
        state === 'shadow' ||
        (state === 'retired' && !this.mutant.retiredDeaf),
    );
  }

  id(source: string, key: string): string {
    return documentId({ tenant: TENANT, collection: COLLECTION, source, key });
  }

  /** After each operation: what waited for its moment. */
  attend(): void {
    for (const what of this.due) if (this[what]()) this.due.delete(what);
  }

  /**
   * Recreates the log, as `migrate` does with the engine stopped: only when every group has consumed all of it. Fences
   * rise above all that rows and log hold, and inventories are closed to former owners.
   */
  migrate(): boolean {
    for (const { id } of this.consuming()) if (this.log.lag(id) > 0) return false;
    if ([...this.catalog.generations.values()].some(({ state }) => state === 'building')) return false;
    // Of those that outlive it, the owners of sources matter: they go on appending to the old log, or to the new one once
    // they are connected to it. One that takes its lease later compares the log's identity with the catalog's and stops by
    // itself.
    const old = this.log;
    this.log = this.newLog(old.epoch + 1);
    for (const { kind, process, connection } of [...this.processes]) {
      if (kind !== 'listing' || !this.catalog.leaseHolders.has(process.id)) this.kill(process);
      else if (this.mutant.connectsAgain || this.random.chance(0.5)) connection.log = this.log;
    }
    for (const { id } of this.consuming()) this.log.group(id);
    for (const source of this.catalog.sources.values()) {
      if (this.mutant.migrateWithoutFence) continue;
      let highest = source.fence;
      for (const of of this.catalog.rows.values()) {
        for (const row of of.values()) {
          if (row.seen.event.source === source.source)
            highest = Math.max(highest, parseVersionKey(row.seen.version).fence);
        }
      }
      this.catalog.sources.set(source.source, { ...source, fence: highest + 1 });
      if (source.owner !== 'api') this.catalog.cursors.set(source.source, { fence: highest + 1 });
    }
    return true;
  }

  /** Forgets old tombstones, mostly at a moment at which nobody applies anything; retention as short as it can be set. */
  purge(): boolean {
    if (this.#applying() && !this.random.chance(this.mutant.forgetAnyTime ? 0.5 : 0.1)) return false;
    this.start('purge', undefined, (ports) =>
      forgetTombstones(
        { ...ports, ...ports.catalog },
        { tenant: TENANT, name: COLLECTION },
        {
          before: new Date(this.scheduler.now()).toISOString(),
          inFlight: () => !this.mutant.forgetAnyTime && this.#applying(),
        },
      ),
    );
    return true;
  }

  /** Whether something older may be under way in an applier, besides what groups have before them. */
  #applying(): boolean {
    const appliers = ['worker', 'replay', 'builder', 'verify', 'api'];
    return this.processes.some(({ kind, process, generation }) => {
      // A member whose group has no lag has nothing in flight.
      const member =
        generation !== undefined &&
        this.log.groups.get(generation)?.member?.process === process &&
        this.log.lag(generation) === 0;
      return appliers.includes(kind) && !member;
    });
  }
}

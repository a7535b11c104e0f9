import type { Readable } from 'node:stream';
import { consumeGeneration } from '../../pipelines/ingest/consume.js';
import type { ApplyOptions } from '../../pipelines/ingest/ports.js';
import { publishOutbox } from '../../pipelines/ingest/outbox.js';
import { replayDeadLetter } from '../../pipelines/ingest/replay.js';
import { QueryVectors } from '../../pipelines/query/query-vectors.js';
import { retrieve } from '../../pipelines/query/retrieve.js';
import { Stopwatch } from '../../pipelines/query/stopwatch.js';
import { buildGeneration } from '../../pipelines/reindex.js';
import { dropGeneration } from '../../pipelines/reindex/drop.js';
import { switchRelease } from '../../pipelines/reindex/switch.js';
import { sweepCache } from '../../pipelines/verify/cache.js';
import { verify } from '../../pipelines/verify.js';
import { FootnoteError } from '../../src/core/errors.js';
import type { ChangeEvent, Position } from '../../src/core/event.js';
import type { Visibility } from '../../src/core/ports/catalog.js';
import type { SourceChange } from '../../src/core/ports/connector.js';
import { DocumentWrites } from '../../src/services/documents.js';
import { deleteListed, runListing } from '../../src/services/listing.js';
import { type OperationName, anyOperation } from './profiles.js';
import { opNumber } from './scheduler.js';
import type { pipelinePorts } from './ports.js';
import type { Process } from './scheduler.js';
import { COLLECTION, SOURCES, STREAM, TENANT, type World } from './world.js';

const HOUR = 3_600_000;
const CALLER = { tenant: TENANT, principals: ['reader', 'other'] };
const WRITER_NAME = { collection: COLLECTION, source: 'api' };

type Ports = ReturnType<typeof pipelinePorts>;

const OPERATIONS: Readonly<Record<OperationName, (world: World) => unknown>> = {
  edit,
  list: (world) => list(world, world.random.pick(SOURCES)),
  apiWrite,
  publish,
  work: (world) => startWorker(world, world.random.pick(world.consuming()).id),
  kill: killSomebody,
  stall: stallSomebody,
  jump: (world) => world.scheduler.jump(world.random.pick([1000, 40_000, 20 * 60_000, 2 * HOUR, -5000])),
  build,
  release,
  drop,
  read,
  blackout,
  removeByHand,
  purge: (world) => world.due.add('purge'),
  repair,
  replay,
  trim: (world) => world.log.trim(),
  expire,
  migrate: (world) => world.due.add('migrate'),
};
const NUMBERS = new Map(Object.keys(OPERATIONS).map((name, at) => [name, at]));

export function randomOperation(world: World): void {
  const name = anyOperation(world.random, world.profile);
  world.scheduler.note(2000 + NUMBERS.get(name)!);
  OPERATIONS[name](world);
}

function edit(world: World): void {
  const { random } = world;
  const source = random.pick(SOURCES);
  const items = world.sourceItems.get(source)!;
  const key = random.pick(world.profile.keys);
  const name = `${source}/${key}`;
  if (random.chance(world.profile.deletes)) {
    items.delete(key);
    world.presentSince.delete(name);
  } else {
    items.set(key, world.newContent(source, key));
    if (!world.presentSince.has(name)) world.presentSince.set(name, world.scheduler.steps);
  }
}

/** A listing by a new owner of the source; a former one may still be at it. Some break off, some can't read an item. */
export function list(world: World, source: string): Process {
  const { random, calm, mutant, profile } = world;
  const items = world.sourceItems.get(source)!;
  const breaksAfter = !calm && random.chance(0.2) ? random.below(3) : Infinity;
  const unreadable = !calm && random.chance(0.1) ? random.pick(world.profile.keys) : undefined;
  // Some tell everything twice, in one go or with a checkpoint and a while between.
  const again = !calm && random.chance(profile.again);
  const rest = random.pick([0, 50, 300, 900]);
  async function* changes(process: Process, look: () => Promise<unknown>): AsyncGenerator<SourceChange> {
    yield* round();
    if (!again) return;
    if (rest > 0) {
      yield { kind: 'checkpoint', cursor: 1 };
      process.stalledUntil = world.scheduler.steps + rest;
      await look();
    }
    // It is because of changes that one looks again.
    for (const key of items.keys()) if (random.chance(0.5)) items.set(key, world.newContent(source, key));
    yield* round();
  }
  async function* round(): AsyncGenerator<SourceChange> {
    let count = 0;
    for (const [key] of [...items]) {
      if (count >= breaksAfter) {
        if (mutant.brokenIsComplete) break;
        throw new FootnoteError('unavailable', 'the source went away');
      }
      count += 1;
      // Whatever the item is by the time it is read.
      const now = items.get(key);
      if (!now) continue;
      if (key === unreadable) {
        if (!mutant.problemIsGone) yield { kind: 'problem', key, scope: '', code: 'unreadable', message: 'locked' };
        continue;
      }
      yield {
        kind: 'item',
        key,
        scope: '',
        quick: { id: now.id },
        // What only a read can tell is read again each time.
        fresh: random.chance(profile.fresh),
        bytes: 1,
        open: () => now as unknown as Readable,
        observedAt: new Date(world.scheduler.now()).toISOString(),
      };
    }
    yield { kind: 'complete', scope: '' };
  }
  return world.start('listing', undefined, (ports, signal, process) =>
    runListing(
      ports,
      {
        ...connectorOf(world, source),
        changes: changes(process, () => ports.catalog.cursors.load({ tenant: TENANT, collection: COLLECTION, source })),
        maxBytes: 100,
        deletes: true,
        concurrency: 2,
        signal,
      },
      () => undefined,
    ),
  );
}

function connectorOf(world: World, source: string) {
  return { collection: world.catalog.collections.get(COLLECTION)!, source, connector: 'sim' };
}

/** Deletes what a connector brought; what it still finds comes back with its next listing. */
function removeByHand(world: World): void {
  const source = world.random.pick(SOURCES);
  const key = world.random.chance(0.5) ? { key: world.random.pick(world.profile.keys) } : {};
  world.start('removal', undefined, (ports, signal) =>
    deleteListed(ports, { ...connectorOf(world, source), ...key, signal }, () => undefined),
  );
}

function apiWrite(world: World): void {
  const { random } = world;
  const key = random.pick(world.profile.keys);
  const name = { ...WRITER_NAME, key };
  const deletes = random.chance(world.profile.deletes);
  const action = random.next();
  world.start('api', undefined, async (ports, signal) => {
    const writes = new DocumentWrites(ports);
    if (deletes) {
      await writes.delete(CALLER, name, { signal });
    } else if (action < 0.6) {
      const content = world.newContent('api', key) as unknown as Readable;
      await writes.put(
        CALLER,
        name,
        { content, fields: async () => ({ policy: { principals: ['reader'] } }) },
        { signal },
      );
    } else if (action < 0.8) {
      await writes.patch(CALLER, name, { title: `t${random.below(5)}`, metadata: { n: random.below(5) } }, { signal });
    } else {
      const principals = random.chance(0.6) ? ['other'] : ['reader'];
      await writes.patch(CALLER, name, { policy: { principals } }, { signal });
    }
  });
}

export function publish(world: World): Process {
  return world.start('publisher', undefined, (ports) => publishOutbox(ports, 4));
}

/** How changes are applied, by whoever applies them. */
function applying({ mutant, onParseFailure }: World): Pick<ApplyOptions, 'onParseFailure' | 'versionOf'> {
  return { onParseFailure, ...(mutant.versionOf ? { versionOf: mutant.versionOf } : {}) };
}

function anyParser(world: World): number {
  return world.random.chance(0.15) ? 2 : 1;
}

export function startWorker(world: World, generation: string): void {
  const { random, mutant } = world;
  const parser = anyParser(world);
  world.start(
    'worker',
    generation,
    (ports, signal) =>
      consumeGeneration(mutant.undo ? undoing(ports) : ports, world.catalog.generations.get(generation)!, {
        signal,
        maxInFlight: 3,
        maxInFlightBytes: 1000,
        random: () => random.next(),
        ...applying(world),
      }),
    parser,
  );
}

/** The mutant that takes its own points back when it finds newer state. */
function undoing(ports: Ports): Ports {
  const written = new Map<string, string>();
  return {
    ...ports,
    vectors: {
      ...ports.vectors,
      write: async (generation, points) => {
        for (const point of points) written.set(point.documentId, point.version);
        await ports.vectors.write(generation, points);
      },
    },
    documents: {
      ...ports.documents,
      compareAndSet: async (row, expected) => {
        const done = await ports.documents.compareAndSet(row, expected);
        const mine = written.get(row.documentId);
        if (!done && mine === row.seen.version) await ports.vectors.prune(row.generation, row.documentId, mine, '');
        return done;
      },
    },
  };
}

/** Of those that the profile is after, if there are any; now and then of all. */
function anyVictim(world: World): { process: Process; kind: string } | undefined {
  const { processes, random, profile } = world;
  if (processes.length === 0) return undefined;
  const rather = processes.filter(({ kind }) => profile.victims.includes(kind));
  return random.pick(rather.length > 0 && random.chance(0.6) ? rather : processes);
}

function killSomebody(world: World): void {
  const victim = anyVictim(world);
  if (victim) world.kill(victim.process);
}

function stallSomebody(world: World): void {
  const victim = anyVictim(world);
  if (!victim) return;
  // Long enough to lose a lease.
  if (victim.kind === 'listing') world.scheduler.jump(40_000);
  victim.process.stalledUntil = world.scheduler.steps + world.random.below(1500);
}

/** The power fails: all that runs is gone at once. */
function blackout(world: World): void {
  for (const { process } of [...world.processes]) world.kill(process);
}

const READER = { tenant: TENANT, principals: ['reader'] };

/** A query, with refills; what it shows is held against what was true while it ran. */
function read(world: World): void {
  const k = world.random.pick([2, 4, 16]);
  world.start('reader', undefined, async (ports, signal, process) => {
    const { documents } = ports.catalog;
    const watched = {
      ...documents,
      visibility: async (generation: string, ids: readonly string[]) => {
        const truth = await documents.visibility(generation, ids);
        return world.mutant.visibilityCached ? remembered(world, generation, truth) : truth;
      },
    };
    const release = world.catalog.release!;
    const { candidates, generation } = await retrieve(
      {
        ...ports,
        catalog: { ...ports.catalog, documents: watched },
        analysis: { analyzeQuery: () => ['any'] },
        embedderFor: () => Promise.resolve(ports.embedders.text),
        queryVectors: new QueryVectors(0),
        telemetry: { ...ports.telemetry } as never,
      },
      { caller: READER, collection: COLLECTION, query: 'any', mode: 'lexical', k, wanted: k, signal },
      new Stopwatch(ports.telemetry),
    );
    world.oracle.answered(process, {
      release: release.number,
      generation: generation.id,
      shown: candidates,
      all: candidates.length < k,
    });
  });
}

function remembered(world: World, generation: string, truth: Map<string, Visibility>): Map<string, Visibility> {
  for (const [id, now] of truth) {
    const before = world.remembered.get(`${generation}/${id}`);
    if (before?.visible?.version === now.visible?.version && before) truth.set(id, before);
    else world.remembered.set(`${generation}/${id}`, now);
  }
  return truth;
}

function build(world: World): void {
  const alive = [...world.catalog.generations.values()].filter(({ state }) => state !== 'dropped');
  const building = alive.find(({ state }) => state === 'building');
  if (building) {
    // Another one, of a process that takes the first for dead.
    if (!world.processes.some(({ kind }) => kind === 'builder') || world.random.chance(0.3))
      startBuilder(world, building.id);
    return;
  }
  if (alive.length >= 3) return;
  const target = world.newGeneration('building');
  startBuilder(world, target.id);
}

export function startBuilder(world: World, id: string): void {
  const live = world.catalog.generations.get(world.catalog.release!.generation)!;
  const target = world.catalog.generations.get(id)!;
  world.start(
    'builder',
    id,
    (ports, signal) =>
      buildGeneration(ports, live, target, {
        signal,
        concurrency: 2,
        random: () => world.random.next(),
        ...applying(world),
      }),
    anyParser(world),
  );
}

function release(world: World): Process | undefined {
  const targets = [...world.catalog.generations.values()].filter(
    ({ id, state }) => (state === 'shadow' || state === 'retired') && id !== world.catalog.release?.generation,
  );
  if (targets.length === 0) return undefined;
  const { id } = world.random.pick(targets);
  world.switches += 1;
  const number = world.switches;
  let goal: { event: ChangeEvent; position: Position }[] | undefined;
  const watched = (all: Ports): Ports => ({
    ...all,
    log: {
      ...all.log,
      // The first commits that are asked for are the goal.
      committed: async (stream, group) => {
        const positions = await all.log.committed(stream, group);
        goal ??= below(world, positions);
        world.oracle.goals.set(number, goal);
        return world.mutant.switchAtOnce ? [] : positions;
      },
    },
  });
  return world.start('release', id, (all) =>
    switchRelease(watched(all), id, { waitMs: 2000, pollMs: 200, retrieval: { number } }),
  );
}

function below(world: World, positions: readonly Position[]): { event: ChangeEvent; position: Position }[] {
  return positions.flatMap(({ epoch, partition, offset }) =>
    world.log.partitions[partition]!.slice(0, Number(offset)).map((event, at) => ({
      event,
      position: { epoch, partition, offset: BigInt(at) },
    })),
  );
}

function drop(world: World): void {
  const targets = [...world.catalog.generations.values()].filter(
    ({ state }) => state === 'retired' || state === 'shadow',
  );
  if (targets.length === 0 || !world.random.chance(0.5)) return;
  const { id } = world.random.pick(targets);
  world.start('drop', undefined, (ports) => dropGeneration(ports, id, 'simulation'));
}

/** Whether anything may be at work on a generation besides what its group has acknowledged. */
function inFlight(world: World, generation: string): boolean {
  if (world.mutant.repairAnyTime) return false;
  if (world.catalog.generations.get(generation)?.state === 'building') return true;
  const member = world.log.groups.get(generation)?.member;
  const others = world.processes.some(
    (entry) =>
      entry.generation === generation && !['release', 'drop'].includes(entry.kind) && entry.process !== member?.process,
  );
  return others || world.log.lag(generation) > 0;
}

/**
 * That nobody stands still between looking at the clock and naming a blob, for what is left of the hour: the one thing
 * that the sweep takes on trust.
 */
function sweepable({ scheduler }: World): boolean {
  const naming =
    scheduler.isBefore(opNumber('log.append'), 'listing') ||
    scheduler.isBefore(opNumber('heads.decide')) ||
    scheduler.isBefore(opNumber('revisions.add'));
  return !naming;
}

export function repair(world: World): Process {
  const grace = sweepable(world) ? (world.mutant.sweepAtOnce ? 0 : HOUR) : Number.MAX_SAFE_INTEGER;
  return world.start('verify', undefined, async (ports) => {
    await verify(
      ports,
      { tenant: TENANT, name: COLLECTION },
      {
        repair: true,
        inFlight: (generation) => inFlight(world, generation),
        blobGraceMs: grace,
        prefix: () => undefined,
      },
    );
    await sweepCache(ports);
  });
}

export function replayLetter(world: World, id: string): Process | undefined {
  const letter = world.letters.get(id);
  const generation = letter && world.catalog.generations.get(letter.group);
  if (!letter || !generation || generation.state === 'dropped' || generation.state === 'building') return undefined;
  if (world.mutant.replayAtNewPosition) {
    world.letters.delete(id);
    return world.start('replay', generation.id, (ports) => ports.log.append(STREAM, [letter.event]));
  }
  return world.start(
    'replay',
    generation.id,
    (ports) => replayDeadLetter(ports, generation, id, applying(world)),
    anyParser(world),
  );
}

function replay(world: World): void {
  if (world.random.chance(0.2)) world.stores.healed = true;
  if (world.letters.size > 0) replayLetter(world, world.random.pick([...world.letters.keys()]));
}

/** Retention, as short as it can be set. */
function expire(world: World): void {
  world.start('retention', undefined, async (ports) => {
    const before = new Date(world.scheduler.now()).toISOString();
    for (const record of await ports.revisions.takeExpired(before, 100)) await ports.blobs.delete(record.parsed);
  });
}

import { applyChange } from '../../pipelines/ingest.js';
import { documentId } from '../../src/core/ids.js';
import { exportCanonical } from '../../pipelines/export.js';
import { CatalogModel, catalogPort } from './models/catalog.js';
import { logPort } from './models/log.js';
import { Stores, blobPort, cachePort, processingPorts, vectorPort } from './models/stores.js';
import { list, publish, repair, replayLetter, startBuilder, startWorker } from './operations.js';
import { pipelinePorts } from './ports.js';
import { type Process, type Turns, Violation } from './scheduler.js';
import { SOURCES, type World } from './world.js';

const MAX_STEPS = 120_000;

/** Lets everything end: no more faults, workers for every group, the outbox empty, every source listed once more. */
export async function quiesce(world: World): Promise<void> {
  world.calm = true;
  for (const { process } of world.processes) {
    process.stalledUntil = 0;
    delete process.effectsLeft;
    delete process.stall;
  }
  await drain(world);
  for (const source of SOURCES) {
    world.scheduler.jump(120_000);
    await ended(world, list(world, source));
  }
  await drain(world);
  world.stores.healed = true;
  for (const id of [...world.letters.keys()]) {
    for (let tries = 0; tries < 20 && world.letters.has(id); tries += 1) {
      const process = replayLetter(world, id);
      if (!process) break;
      await ended(world, process);
    }
  }
  await drain(world);
  for (let round = 0; round < 2; round += 1) {
    for (const entry of [...world.processes]) world.kill(entry.process);
    world.scheduler.jump(3 * 3_600_000);
    await ended(world, repair(world));
  }
}

async function step(world: World): Promise<boolean> {
  const more = await world.scheduler.step();
  if (world.scheduler.broken) throw world.scheduler.broken;
  world.oracle.check();
  return more;
}

async function ended(world: World, process: Process): Promise<void> {
  for (let steps = 0; process.alive; steps += 1) {
    if (steps > MAX_STEPS) throw new Violation(`${process.name} does not end`);
    await step(world);
  }
}

async function drain(world: World): Promise<void> {
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    if (await step(world)) continue;
    const building = [...world.catalog.generations.values()].find(({ state }) => state === 'building');
    if (building && !world.processes.some((entry) => entry.kind === 'builder')) startBuilder(world, building.id);
    let idle = !building;
    for (const { id } of world.consuming()) {
      const member = world.log.groups.get(id)?.member;
      if (!member?.process.alive) {
        startWorker(world, id);
        idle = false;
      } else if (world.log.lag(id) > 0) {
        // Unacknowledged and nobody at it: a new member begins at the commit.
        startWorker(world, id);
        idle = false;
      }
    }
    if (world.catalog.outbox.length > 0) {
      publish(world);
      idle = false;
    }
    if (idle) return;
  }
  throw new Violation('no progress');
}

/** Laws 4 to 6 and the accounts, when nothing is under way. */
export async function checkQuiescent(world: World): Promise<void> {
  const { catalog } = world;
  const dumps = new Map<string, { rows: string; lines: string }>();
  for (const { id, state } of catalog.generations.values()) {
    if (state === 'dropped' || state === 'building') continue;
    const clean = await cleanBuild(world, id, dumps);
    const mine = await dump(world, world.catalog, world.stores, id, clean.ids);
    if (mine.rows !== clean.rows)
      throw new Violation(`law 4: rows of ${id} differ from a clean build:\n${difference(mine.rows, clean.rows)}`);
    if (mine.lines !== clean.lines)
      throw new Violation(`law 4: dump of ${id} differs from a clean build:\n${difference(mine.lines, clean.lines)}`);
  }
  checkSources(world);
  checkBlobs(world);
  checkDeleted(world);
  checkPoints(world);
}

function difference(mine: string, clean: string): string {
  const theirs = new Set(clean.split('\n'));
  const ours = new Set(mine.split('\n'));
  return [
    ...[...ours].filter((line) => !theirs.has(line)).map((line) => `- has   ${line}`),
    ...[...theirs].filter((line) => !ours.has(line)).map((line) => `- wants ${line}`),
  ].join('\n');
}

/** The same code over the same log, one event after another, nothing failing, with the parsers that the rows name. */
async function cleanBuild(world: World, generation: string, known: Map<string, { rows: string; lines: string }>) {
  const parsers = new Map<string, number>();
  const ids = new Set<string>();
  for (const [id, of] of world.catalog.rows) {
    ids.add(id);
    const visible = of.get(generation)?.visible;
    if (visible) parsers.set(`${id} ${visible.event.content?.blob ?? ''}`, Number(visible.parser.split('@')[1]));
  }
  const name = [...parsers]
    .map(([version, parser]) => `${version}:${parser}`)
    .sort()
    .join();
  const before = known.get(name);
  if (before) return { ...before, ids };
  const stores = new Stores({ blobDeleted: () => undefined, pointsChanged: () => undefined }, 'clean');
  stores.healed = true;
  stores.read = (ref) => world.stores.originals.get(ref.blob) ?? stores.blobs.get(ref.blob)!.data;
  const catalog = new CatalogModel({
    rowChanged: () => undefined,
    headChanged: () => undefined,
    textChanged: () => undefined,
    forgotten: () => undefined,
    inventoryChanged: () => undefined,
    switched: () => undefined,
  });
  const turns: Turns = {
    call: async (_process, _op, effect) => effect(),
    now: () => 0,
  };
  const process: Process = { id: 0, name: 'clean', startedAt: 0, alive: true, stalledUntil: 0 };
  let version = '';
  const call = <T>(op: number, effect: () => T): Promise<T> => turns.call(process, op, effect);
  const ports = pipelinePorts({
    catalog: catalogPort(catalog, turns, process),
    log: logPort({ log: world.log }, world.scheduler, process, ''),
    blobs: blobPort(stores, turns, process),
    vectors: vectorPort(stores, turns, process),
    cache: cachePort(stores, turns, process),
    ...processingPorts(stores, call, () => parsers.get(version) ?? 1, undefined),
    clock: { now: () => 0, sleep: () => Promise.resolve() },
  });
  const target = world.catalog.generations.get(generation)!;
  const quiet = { ...ports, deadLetters: { removeDocument: () => Promise.resolve(0) } };
  for (const change of world.history) {
    version = `${documentId(change.event)} ${change.event.content?.blob ?? ''}`;
    // In the true order, whatever the mutant's.
    await applyChange(quiet, target, change, { onParseFailure: world.onParseFailure });
  }
  const result = await dump(world, catalog, stores, generation, ids);
  known.set(name, result);
  return { ...result, ids };
}

async function dump(
  { purged }: World,
  catalog: CatalogModel,
  stores: Stores,
  generation: string,
  ids: ReadonlySet<string>,
) {
  const turns: Turns = { call: async (_process, _op, effect) => effect(), now: () => 0 };
  const process: Process = { id: 0, name: 'dump', startedAt: 0, alive: true, stalledUntil: 0 };
  const ports = {
    documents: catalogPort(catalog, turns, process).documents,
    vectors: vectorPort(stores, turns, process),
  };
  const lines: string[] = [];
  for await (const line of exportCanonical(ports, generation)) lines.push(line);
  const rows: string[] = [];
  for (const id of new Set([...ids, ...catalog.rows.keys()])) {
    const row = catalog.row(generation, id);
    // A tombstone that may have been forgotten is as good as none.
    if (!row || (row.state === 'deleted' && purged.has(id))) continue;
    // Each event has a blob of its own: it names the version without depending on how versions are made.
    const shown = row.visible && `${row.visible.event.content?.blob ?? ''} as ${row.visible.revision}`;
    const { source, key, content } = row.seen.event;
    rows.push(`${id} ${source}/${key} ${row.state} ${content?.blob ?? ''} shows ${shown ?? 'nothing'}`);
  }
  return { rows: rows.sort().join('\n'), lines: lines.join('\n') };
}

/** What the sources hold is what is indexed. */
function checkSources(world: World): void {
  const live = world.catalog.release!.generation;
  for (const source of SOURCES) {
    const items = world.sourceItems.get(source)!;
    for (const key of ['a', 'b', 'c']) {
      const row = world.catalog.row(live, world.id(source, key));
      const want = items.get(key);
      const has = row?.state === 'deleted' ? undefined : row?.seen.event.content?.sha256;
      if (has !== want?.sha256) {
        throw new Violation(
          `source ${source}/${key} holds ${want?.sha256 ?? 'nothing'}, indexed is ${has ?? 'nothing'} (${row?.state ?? 'no row'} ${row?.seen.version ?? ''}, inventory ${JSON.stringify(world.catalog.inventory.get(source)?.get(key))}, fence ${world.catalog.sources.get(source)?.fence ?? 0})`,
        );
      }
    }
  }
  if (world.catalog.outbox.length > 0) throw new Violation('the outbox is not empty');
  for (const head of world.catalog.heads.values()) {
    const row = world.catalog.row(live, head.documentId);
    if (row?.seen.version !== head.version) {
      throw new Violation(
        `an accepted write is lost: head of ${head.event.source}/${head.event.key} ${head.version}, row ${row?.seen.version ?? 'none'}`,
      );
    }
  }
}

function checkBlobs(world: World): void {
  const { catalog, stores } = world;
  const needed = new Set<string>();
  for (const id of catalog.rows.keys()) {
    for (const row of catalog.everywhere(id)) {
      if (row.state === 'deleted') continue;
      if (row.seen.event.content) needed.add(row.seen.event.content.blob);
      if (row.visible) {
        const record = catalog.revisions.get(id)?.get(row.visible.revision);
        if (!record) throw new Violation(`law 1: the text of the visible revision of ${id} is not recorded`);
        needed.add(record.parsed.blob);
      }
    }
  }
  for (const name of needed) {
    if (!stores.blobs.has(name)) throw new Violation(`blob ${name} is needed and gone`);
  }
  for (const [name, blob] of stores.blobs) {
    if (needed.has(name)) continue;
    const visible = catalog.everywhere(blob.documentId).some((row) => row.visible?.event.content?.blob === name);
    const kept = [...(catalog.revisions.get(blob.documentId)?.values() ?? [])].some(
      (record) => record.parsed.blob === name,
    );
    if (visible || (kept && !catalog.everywhere(blob.documentId).every((row) => row.state === 'deleted'))) continue;
    throw new Violation(`blob ${name} (${blob.kind}) of ${blob.documentId} is left and nothing needs it`);
  }
}

/** Law 6: nothing is left of what is deleted. */
function checkDeleted(world: World): void {
  const { catalog, stores } = world;
  const deleted = new Set([...world.purged].filter((id) => !catalog.heads.has(id)));
  for (const head of catalog.heads.values()) if (head.deleted) deleted.add(head.documentId);
  for (const id of deleted) {
    for (const entry of stores.cache.values()) {
      if (entry.users.has(id)) throw new Violation(`law 6: cached vectors of the deleted ${id}`);
    }
    for (const letter of world.letters.values()) {
      if (letter.documentId === id) throw new Violation(`law 6: a dead letter of the deleted ${id}`);
    }
    for (const blob of stores.blobs.values()) {
      if (blob.documentId === id)
        throw new Violation(`law 6: blob ${blob.ref.blob} (${blob.kind}) of the deleted ${id}`);
    }
    for (const [generation, documents] of stores.points) {
      if (catalog.generations.get(generation)?.state === 'dropped') continue;
      const left = [...(documents.get(id)?.values() ?? [])];
      if (left.length > 0) throw new Violation(`law 6: ${left.length} points of the deleted ${id} in ${generation}`);
    }
  }
}

/** Points are shown or gone, and the log waits for no generation that is. */
function checkPoints({ catalog, stores, log }: World): void {
  for (const [generation, documents] of stores.points) {
    if (catalog.generations.get(generation)?.state === 'dropped') {
      if ([...documents.values()].some((points) => points.size > 0)) {
        throw new Violation(`points of the dropped ${generation} are left`);
      }
      continue;
    }
    for (const [id, points] of documents) {
      const visible = catalog.row(generation, id)?.visible;
      for (const { version, revision } of points.values()) {
        if (version !== visible?.version || revision !== visible.revision) {
          throw new Violation(`a point of version ${version} of ${id} is left in ${generation}`);
        }
      }
    }
  }
  for (const { id, state } of catalog.generations.values()) {
    if (state !== 'dropped') continue;
    if (log.groups.has(id) || log.holds.has(`build:${id}`)) throw new Violation(`the log waits for the dropped ${id}`);
  }
}

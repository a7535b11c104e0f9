import { mkdir, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { TEST_MODEL } from '../../../src/adapters/models/deterministic.js';
import type { ConfigInput } from '../../../src/core/config.js';
import { asFootnoteError } from '../../../src/core/errors.js';
import { documentId } from '../../../src/core/ids.js';
import type { Caller } from '../../../src/core/policy.js';
import type { WriteOutcome } from '../../../src/core/surface.js';
import type { Engine } from '../../../src/engine/open.js';
import { openEngine } from '../../../src/engine/open.js';
import type { FaultPoints } from '../../../src/runtime/faults.js';
import { type Content, bytesOf } from './corpus.js';
import { Journal } from './journal.js';
import { type Reindexing, beginReindexing, endReindexing } from './reindexing.js';
import { DEFAULT_PRINCIPALS, type Step, type Write } from './script.js';

export const COLLECTION = 'manuals';
export const CALLER: Caller = { tenant: 'default', principals: ['local', 'staff', 'board'] };
const NEVER = new AbortController().signal;
const WAIT_MS = 60_000;

export function testConfig(data: string): ConfigInput {
  return {
    data,
    embedding: { model: TEST_MODEL },
    parsing: { processes: 1 },
    log: { level: 'silent' },
  };
}

export interface Work {
  readonly data: string;
  /** For the folder that is listed and the journal. */
  readonly scratch: string;
  readonly steps: readonly Step[];
  readonly faults: FaultPoints;
  readonly maxInFlight?: number;
  readonly reindex?: Reindexing;
}

/** Works through the script from where the journal says, and returns when all of it was applied. */
export async function work({ data, scratch, steps, faults, maxInFlight, reindex }: Work): Promise<void> {
  const journal = new Journal(join(scratch, 'journal'));
  const engine = await openEngine(
    { ...testConfig(data), ...(maxInFlight === undefined ? {} : { ingest: { maxInFlight } }) },
    { faults },
  );
  try {
    await engine.surface.collections.put(
      CALLER,
      COLLECTION,
      { defaultPolicy: { principals: DEFAULT_PRINCIPALS } },
      NEVER,
    );
    for (const [s, step] of steps.entries()) {
      if (reindex?.at === s) {
        await journal.once('reindex', (again) => beginReindexing(engine, reindex, again));
        // Before anything is there: what follows goes into the one generation that is left.
        if (s === 0) await journal.once('reindexed', () => endReindexing(engine));
      }
      await journal.once(`${s}`, () => doStep(engine, journal, `${s}`, step, join(scratch, 'folder')));
    }
    await settled(engine);
    if (reindex) await journal.once('reindexed', () => endReindexing(engine));
  } finally {
    await engine.close();
    journal.close();
  }
}

async function doStep(engine: Engine, journal: Journal, name: string, step: Step, folder: string): Promise<void> {
  if (!journal.isDone(`${name}.list`)) await makeFolder(folder, step.files);
  for (const key of step.unlisted) {
    await journal.once(`${name}.unlist`, (again) => remove(engine, 'files', key, again, true));
  }
  await Promise.all([
    journal.once(`${name}.list`, () => list(engine, folder, step.files)),
    ...step.writes.map((each, i) => {
      const id = `${name}.${i}`;
      return journal.once(id, (again) => write(engine, each, id, again));
    }),
  ]);
  if (step.replay) await journal.once(`${name}.replay`, () => replayAll(engine));
}

/** Makes the folder hold exactly these files. */
export async function makeFolder(folder: string, files: ReadonlyMap<string, Content>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(path.slice(folder.length + 1))) await rm(path);
  }
  let n = 0;
  for (const [key, content] of files) {
    const path = join(folder, key);
    const bytes = bytesOf(key, content);
    n += 1;
    if ((await readFile(path).catch(() => undefined))?.equals(bytes)) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    // Most were changed long ago; a file that just changed is read again by the next listing, too.
    const changed = 1_700_000_000 + content.version * 60;
    if (n % 8 !== 0) await utimes(path, changed, changed);
  }
}

async function list(engine: Engine, folder: string, files: ReadonlyMap<string, Content>): Promise<void> {
  let ended = false;
  for await (const event of engine.surface.ingest(CALLER, COLLECTION, { paths: [folder] }, NEVER)) {
    if (event.type === 'error') throw new Error(`The listing failed: ${event.error.message}`);
    if (event.type === 'summary') ended = true;
    if (event.type !== 'file') continue;
    const broken = files.get(event.file)?.broken === true;
    if ((event.outcome === 'failed') === broken && event.outcome !== 'skipped') continue;
    throw new Error(`${event.file} is ${event.outcome} (${event.code ?? 'no code'}), broken: ${broken}`);
  }
  if (!ended) throw new Error('The listing ended without a summary.');
}

export async function write(engine: Engine, write: Write, id: string, again: boolean): Promise<void> {
  const { documents } = engine.surface;
  const wait = write.wait ? { waitMs: WAIT_MS } : {};
  const at = { collection: COLLECTION, source: 'api', key: write.key };
  if (write.op === 'delete') return remove(engine, 'api', write.key, again, write.wait);
  if (write.op === 'patch') {
    const patch = {
      ...(write.metadata ? { metadata: write.metadata } : {}),
      ...(write.principals ? { policy: { principals: [...write.principals] } } : {}),
    };
    const of = { collection: COLLECTION, documentId: documentId({ tenant: CALLER.tenant, ...at }) };
    await documents.patch(CALLER, of, patch, wait, NEVER);
    return;
  }
  const bytes = bytesOf(write.key, write.content);
  const fields = {
    name: write.key.split('/').at(-1)!,
    metadata: write.metadata,
    ...(write.principals ? { policy: { principals: [...write.principals] } } : {}),
  };
  const upload = { content: Readable.from([bytes]), maxBytes: 1 << 20, fields: async () => fields };
  const once = write.once ? { idempotencyKey: id } : {};
  checkOutcome(await documents.put(CALLER, at, upload, { ...wait, ...once }, NEVER), write.content);
}

/** Of one that an earlier process may have deleted already: only then it may be missing. */
async function remove(engine: Engine, source: string, key: string, again: boolean, wait: boolean): Promise<void> {
  try {
    const at = { collection: COLLECTION, source, key };
    await engine.surface.documents.delete(CALLER, at, wait ? { waitMs: WAIT_MS } : {}, NEVER);
  } catch (error) {
    if (!again || asFootnoteError(error).code !== 'document_not_found') throw error;
  }
}

function checkOutcome(result: WriteOutcome, { broken }: Content): void {
  if (result.outcome === 'accepted' || (result.outcome === 'failed') === broken) return;
  throw new Error(`A write ended as ${result.outcome}, broken: ${broken}`);
}

/** Those that still cannot be parsed stay; others may go by themselves meanwhile. */
export async function replayAll(engine: Engine): Promise<void> {
  const { dlq } = engine.surface;
  let after: string | undefined;
  do {
    const page = { limit: 100, ...(after === undefined ? {} : { after }) };
    const { deadLetters, next } = await dlq.list(CALLER, COLLECTION, page, NEVER);
    for (const letter of deadLetters) {
      try {
        await dlq.replay(CALLER, COLLECTION, letter.id, NEVER);
      } catch (error) {
        if (asFootnoteError(error).code !== 'not_found') throw error;
      }
    }
    after = next;
  } while (after !== undefined);
}

/**
 * Until everything that was acknowledged has been applied. The outbox keeps its order: once its newest event is applied,
 * the others are in the log, too.
 */
async function settled(engine: Engine): Promise<void> {
  const key = 'the-last.txt';
  const content = { version: 0, broken: false };
  await write(engine, { op: 'put', key, content, metadata: {}, once: false, wait: true }, 'last', false);
  for (;;) {
    const { collections } = await engine.surface.status(CALLER, NEVER);
    if (collections[COLLECTION]?.lag === 0) return;
    await delay(20);
  }
}

import type { JsonObject } from '../../../src/core/json.js';
import { mergePatch } from '../../../src/services/merge-patch.js';
import { Random } from '../../../src/runtime/random.js';
import type { Content } from './corpus.js';

export type Write =
  | {
      readonly op: 'put';
      readonly key: string;
      readonly content: Content;
      readonly metadata: JsonObject;
      /** Absent: the document keeps its policy; a new one gets the collection's. */
      readonly principals?: readonly string[];
      /** Sent with an idempotency key. */
      readonly once: boolean;
      readonly wait: boolean;
    }
  | {
      readonly op: 'patch';
      readonly key: string;
      readonly metadata?: JsonObject;
      readonly principals?: readonly string[];
      readonly wait: boolean;
    }
  | { readonly op: 'delete'; readonly key: string; readonly wait: boolean };

/** What is done at once, each document at most once; the next step begins when all of it was acknowledged. */
export interface Step {
  /** The folder as it is listed. */
  readonly files: ReadonlyMap<string, Content>;
  /** Documents of files that went: deleted by hand before the listing finds out. */
  readonly unlisted: readonly string[];
  readonly writes: readonly Write[];
  /** Dead letters are replayed afterwards. */
  readonly replay: boolean;
}

export interface ScriptOptions {
  readonly seed: number;
  /** Different documents, half of them files, half of them the API's. */
  readonly documents: number;
  readonly steps: number;
  /** No file is ever broken, and none is deleted by hand: for files that a connector reads whenever it comes to it. */
  readonly soundFiles?: boolean;
}

export const DEFAULT_PRINCIPALS = ['local'];
const PRINCIPALS = [['local'], ['staff'], ['local', 'staff'], ['board'], ['staff', 'board']];
const ENDINGS = ['md', 'html', 'txt'];

interface FileState {
  content: Content;
  good?: Content;
  newest: number;
}

interface ApiState {
  content: Content;
  metadata: JsonObject;
  principals: readonly string[];
  /** What is shown: the last state that could be parsed. */
  good?: { content: Content; metadata: JsonObject };
  newest: number;
  deleted: boolean;
}

/** Ingests, edits, breaks and mends, re-permissions and deletes; the same options give the same script. */
export function makeScript(options: ScriptOptions): { steps: Step[]; end: Step[] } {
  const random = new Random(options.seed);
  const files = new Map<string, FileState>();
  const api = new Map<string, ApiState>();
  const steps: Step[] = [];
  let made = 0;
  for (let s = 0; s < options.steps; s += 1) {
    const touched = new Set<string>();
    const due = Math.round((options.documents * (s + 1)) / options.steps);
    const writes: Write[] = [];
    for (; made < due; made += 1) {
      const key = `${made % 7}/${String(made).padStart(4, '0')}.${random.pick(ENDINGS)}`;
      touched.add(key);
      if (made % 2 === 0) setFile(files, key, random.chance(0.1) && options.soundFiles !== true);
      else writes.push(putApi(api, key, random, random.chance(0.1)));
    }
    const untouched = (keys: Iterable<string>) => [...keys].filter((key) => !touched.has(key)).sort();
    const take = (keys: Iterable<string>): string | undefined => {
      const list = untouched(keys);
      const key = list.length > 0 ? random.pick(list) : undefined;
      if (key !== undefined) touched.add(key);
      return key;
    };
    const living = () => [...api].filter(([, state]) => !state.deleted).map(([key]) => key);
    const failing = () => living().filter((key) => api.get(key)!.content.broken);
    const breaks = s % 2;

    for (let i = 0; i < 2; i += 1) {
      const key = take(files.keys());
      if (key !== undefined) editFile(files.get(key)!, random, i === 0 && breaks === 0 && options.soundFiles !== true);
    }
    const mended = take([...files].filter(([, state]) => state.content.broken).map(([key]) => key));
    if (mended !== undefined) editFile(files.get(mended)!, random, false);
    const gone = files.size > 6 ? take(files.keys()) : undefined;
    if (gone !== undefined) files.delete(gone);
    const unlisted = gone !== undefined && random.chance(0.3) && options.soundFiles !== true ? [gone] : [];

    for (let i = 0; i < 2; i += 1) {
      const key = take(living());
      if (key !== undefined) writes.push(putApi(api, key, random, i === 0 && breaks === 1));
    }
    const repaired = take(failing());
    if (repaired !== undefined) writes.push(putApi(api, repaired, random, false));
    for (let i = 0; i < 2; i += 1) {
      const key = take(living());
      if (key !== undefined) writes.push(patchApi(api, key, random, i));
    }
    const dropped = living().length > 6 ? take(living()) : undefined;
    if (dropped !== undefined) {
      api.get(dropped)!.deleted = true;
      writes.push({ op: 'delete', key: dropped, wait: random.chance(0.5) });
    }
    const revived = random.chance(0.2) ? take([...api.keys()].filter((key) => api.get(key)!.deleted)) : undefined;
    if (revived !== undefined) writes.push(putApi(api, revived, random, false));

    steps.push({ files: listing(files, (state) => state.content), unlisted, writes, replay: s % 3 === 2 });
  }
  return { steps, end: endOf(files, api) };
}

/** The shortest way to the same end: what is shown first, then what could not be parsed since. */
function endOf(files: ReadonlyMap<string, FileState>, api: ReadonlyMap<string, ApiState>): Step[] {
  const living = [...api].filter(([, state]) => !state.deleted);
  const put = (key: string, content: Content, metadata: JsonObject, principals: readonly string[]): Write => {
    return { op: 'put', key, content, metadata, principals, once: false, wait: false };
  };
  return [
    {
      files: listing(files, (state) => state.good ?? state.content),
      unlisted: [],
      writes: living.flatMap(([key, { good, principals }]) =>
        good ? [put(key, good.content, good.metadata, principals)] : [],
      ),
      replay: false,
    },
    {
      files: listing(files, (state) => state.content),
      unlisted: [],
      writes: living.flatMap(([key, { content, metadata, principals }]) =>
        content.broken ? [put(key, content, metadata, principals)] : [],
      ),
      replay: false,
    },
  ];
}

function listing(
  files: ReadonlyMap<string, FileState>,
  content: (state: FileState) => Content,
): ReadonlyMap<string, Content> {
  return new Map([...files].map(([key, state]) => [key, content(state)]));
}

function setFile(files: Map<string, FileState>, key: string, broken: boolean): void {
  const content = { version: 0, broken };
  files.set(key, { content, newest: 0, ...(broken ? {} : { good: content }) });
}

function editFile(state: FileState, random: Random, broken: boolean): void {
  state.content = nextContent(state, random, broken);
  if (!broken) state.good = state.content;
}

/** Mostly a new one; sometimes one that the document had before. */
function nextContent(state: { content: Content; newest: number }, random: Random, broken: boolean): Content {
  if (!broken && !state.content.broken && random.chance(0.2)) {
    return { version: random.below(state.newest + 1), broken };
  }
  state.newest += 1;
  return { version: state.newest, broken };
}

function putApi(api: Map<string, ApiState>, key: string, random: Random, broken: boolean): Write {
  const known = api.get(key);
  const content = known ? nextContent(known, random, broken) : { version: 0, broken };
  const metadata = { year: 2000 + random.below(30), tags: ['a', 'b', 'c'].slice(0, random.below(4)) };
  const principals = random.chance(0.5) ? random.pick(PRINCIPALS) : undefined;
  const kept = known && !known.deleted ? known.principals : DEFAULT_PRINCIPALS;
  const shown = known && !known.deleted ? known.good : undefined;
  const good = broken ? shown : { content, metadata };
  api.set(key, {
    content,
    metadata,
    principals: principals ?? kept,
    newest: known?.newest ?? 0,
    deleted: false,
    ...(good ? { good } : {}),
  });
  return {
    op: 'put',
    key,
    content,
    metadata,
    ...(principals ? { principals } : {}),
    once: random.chance(0.5),
    wait: random.chance(0.3),
  };
}

/** Of either sort alone, or of both. */
function patchApi(api: Map<string, ApiState>, key: string, random: Random, sort: number): Write {
  const state = api.get(key)!;
  const principals = sort === 0 || random.chance(0.3) ? random.pick(PRINCIPALS) : undefined;
  const metadata: JsonObject | undefined =
    sort === 1 ? { reviewed: random.below(1000), ...(random.chance(0.3) ? { year: null } : {}) } : undefined;
  if (principals) state.principals = principals;
  if (metadata) state.metadata = mergePatch(state.metadata, metadata) as JsonObject;
  if (!state.content.broken) state.good = { content: state.content, metadata: state.metadata };
  return {
    op: 'patch',
    key,
    ...(principals ? { principals } : {}),
    ...(metadata ? { metadata } : {}),
    wait: random.chance(0.3),
  };
}

import type { Config } from '../core/config.js';
import { FootnoteError } from '../core/errors.js';
import type { EngineProcess } from '../core/ports/catalog.js';
import { BACKUP } from './backup/job.js';
import { MAINTAIN } from './jobs.js';
import { REINDEX } from './reindex.js';
import { isShared } from './stores.js';

/** What a process is there for. `all`: everything, as on the embedded stores. */
export type Role = 'all' | 'serve' | 'worker' | 'connect';

/** Light work that waits for others, or writes what a request would. */
const LIGHT = ['document', 'delete-source'];
const HEAVY = [REINDEX, BACKUP, MAINTAIN];

interface Duties {
  /** Applies what the logs hold. */
  readonly consumes: boolean;
  /** Retention, repair, dropping what is old. */
  readonly maintains: boolean;
  /** Kinds of jobs that it runs. */
  readonly jobs: readonly string[];
}

export const DUTIES: Readonly<Record<Role, Duties>> = {
  all: { consumes: true, maintains: true, jobs: [...LIGHT, ...HEAVY] },
  serve: { consumes: false, maintains: false, jobs: LIGHT },
  worker: { consumes: true, maintains: true, jobs: [...LIGHT, ...HEAVY] },
  connect: { consumes: false, maintains: false, jobs: [] },
};

const CONSUMERS: readonly string[] = ['all', 'worker'];

/** @throws invalid_config for a worker where one process has to do everything */
export function checkRole(config: Config, role: Role | 'command'): void {
  if (role !== 'worker' || isShared(config)) return;
  throw new FootnoteError(
    'invalid_config',
    'A worker works beside other processes, and stores in a data directory belong to one: run footnote serve, which does everything there, or put log, catalog, vectors and blobs on servers (`stores` in the configuration).',
  );
}

/** Why no process follows a generation, when all that are there for it say so. */
export function problemOfAll(processes: readonly EngineProcess[], generation: string): FootnoteError | undefined {
  const told = processes
    .filter(({ role }) => CONSUMERS.includes(role))
    .map(({ detail }) => (detail['problems'] as Problems | undefined)?.[generation]);
  const [first] = told;
  if (first === undefined || told.some((each) => each === undefined)) return undefined;
  return new FootnoteError(first.code, first.message);
}

type Problems = Readonly<Record<string, { readonly code: FootnoteError['code']; readonly message: string }>>;

/** Whether it keeps sources in step now. */
export function keepsSources({ detail }: EngineProcess): boolean {
  return detail['keepsSources'] === true;
}

/** Whether anybody is there to apply what is appended. */
export function hasConsumers(processes: readonly EngineProcess[]): boolean {
  return processes.some(({ role }) => CONSUMERS.includes(role));
}

import { documentFolder } from '../../../src/adapters/blobs/names.js';
import { Disk } from './disk.js';
import type { Call } from './strace.js';

/**
 * Files that need no fsync before a position is committed, each with its reason. What is not named here and does not belong
 * to one document or to a vector table must be clean at every commit.
 */
export const EXEMPT: readonly { readonly files: RegExp; readonly reason: string }[] = [
  {
    files: /\.db-shm$/,
    reason: "SQLite's index of its write-ahead log: shared memory, made anew from the log after a crash",
  },
  {
    files: /^blobs\/\.tmp(\/|$)/,
    reason: 'uploads under way: a blob counts once it was renamed into its place, and opening empties this folder',
  },
];

export interface Proof {
  readonly violations: readonly string[];
  /** How much was looked at. */
  readonly commits: number;
  readonly applied: number;
  readonly storeVersions: number;
  /** Reasons of exemptions that were needed. */
  readonly exempted: ReadonlySet<string>;
}

export interface CheckOptions {
  /** The data directory, absolute. */
  readonly data: string;
  readonly tenant: string;
  readonly collection: string;
  /** The file that fault points are written to: `name document` a line. */
  readonly marks: string;
  /** One change is applied at a time: nobody else writes to the store then. */
  readonly alone: boolean;
}

/** Goes through a trace and says where a position was committed before something that it covers was durable. */
export function check(calls: readonly Call[], options: CheckOptions): Proof {
  const run = new Check(options);
  const moments = calls
    .flatMap((call) => [
      { at: call.begin, call, begins: true },
      { at: call.end, call, begins: false },
    ])
    .sort((a, b) => a.at - b.at || Number(b.begins) - Number(a.begins));
  const pending = new Map<Call, () => void>();
  for (const { call, begins } of moments) {
    if (begins) pending.set(call, run.begin(call));
    else pending.get(call)?.();
  }
  return run.proof();
}

class Check {
  readonly #disk: Disk;
  readonly #violations = new Set<string>();
  /** Documents whose change has been applied since the last commit, and when. */
  readonly #applied = new Map<string, number>();
  /** The last mark of each document. */
  readonly #marks = new Map<string, number>();
  readonly #logs: number[] = [];
  readonly #tables = new Map<string, Table>();
  readonly #exempted = new Set<string>();
  #commits = 0;
  #appliedCount = 0;
  #now = 0;

  constructor(private readonly options: CheckOptions) {
    this.#disk = new Disk(options.data);
    this.#disk.nodes.set(options.data, { folder: true, pending: [] });
  }

  begin(call: Call): () => void {
    this.#now = call.begin;
    const path = call.handles[0]?.path ?? '';
    if (call.name === 'write' && path === this.options.marks) {
      for (const [, name, document] of call.text.matchAll(/(?:"|\\n)([a-z]+:[a-z-]+) ([0-9a-f-]{36})/g)) {
        this.#mark(name!, document!);
      }
      return () => undefined;
    }
    const own = this.#disk.has(path) || call.paths.some((each) => this.#disk.has(each));
    if (!own && call.name !== 'io_uring_setup') return () => undefined;
    if (isWrite(call) && this.#isPositions(call)) this.#commit();
    if (call.name === 'ftruncate' && path.endsWith('.db-wal') && call.text.endsWith(', 0')) return this.#emptied(path);
    const table = this.#disk.name(path).match(/^vectors\/([^/]+)\.durable(?:\.tmp)?$/)?.[1];
    if (table !== undefined && isWrite(call)) this.#record(table, call);
    const end = this.#disk.begin(call);
    return () => {
      end();
      if (call.name === 'openat' && this.#disk.name(call.paths[0]!) === 'log.db-wal') this.#logs.push(call.result);
      if (/^(rename|link)/.test(call.name)) this.#published(call);
      if (table !== undefined && /sync/.test(call.name)) this.#tables.get(table)?.recordSynced(call.begin);
    };
  }

  proof(): Proof {
    for (const each of this.#disk.unseen) {
      if (!this.#isExempt(each.split(' ')[0]!)) this.#violations.add(each);
    }
    if (this.#logs.length !== 2) this.#violations.add(`the log was opened by ${this.#logs.length} connections, not 2`);
    return {
      violations: [...this.#violations],
      exempted: this.#exempted,
      commits: this.#commits,
      applied: this.#appliedCount,
      storeVersions: [...this.#tables.values()].reduce((sum, table) => sum + table.versions.length, 0),
    };
  }

  /** The log's second connection writes nothing but committed positions. */
  #isPositions(call: Call): boolean {
    return this.#disk.name(call.handles[0]!.path) === 'log.db-wal' && call.handles[0]!.fd === this.#logs[1];
  }

  /** A write-ahead log that is emptied stands in the database file: it must be on disk there, then the log counts no more. */
  #emptied(log: string): () => void {
    const database = this.#disk.nodes.get(log.slice(0, -'-wal'.length));
    if (database?.pending.length !== 0) this.#fail(`${this.#disk.name(log)} is emptied before its database is synced`);
    return () => {
      const node = this.#disk.nodes.get(log);
      if (node) node.pending = [];
    };
  }

  #mark(name: string, document: string): void {
    const before = this.#marks.get(document) ?? 0;
    this.#marks.set(document, this.#now);
    if (name === 'apply:points-written' || name === 'apply:pruned') this.#storeUsed(name, document, before);
    if (name !== 'consume:applied') return;
    this.#applied.set(document, this.#now);
    this.#appliedCount += 1;
  }

  /** A change was written to the store since `before`, so some version made since must be recorded as durable. */
  #storeUsed(mark: string, document: string, before: number): void {
    const versions = [...this.#tables.values()].flatMap((table) => table.versions);
    const since = versions.filter((version) => version.published > before);
    if (mark === 'apply:points-written' && !since.some((version) => version.durable)) {
      this.#fail(`${document}: its points were told written and no version since is durable`);
    }
    const open = since.filter((version) => !version.durable);
    if (this.options.alone && open.length > 0) {
      this.#fail(`${document}: ${mark} while version ${open[0]!.number} of the store is not durable`);
    }
  }

  #commit(): void {
    this.#commits += 1;
    const { tenant, collection } = this.options;
    const applied = [...this.#applied].map(([documentId, at]) => {
      return { folder: `blobs/${documentFolder({ tenant, collection, documentId })}`, at };
    });
    for (const [path, node] of this.#disk.nodes) {
      const name = this.#disk.name(path);
      if (node.pending.length === 0 || this.#isExempt(name)) continue;
      // Checked version by version: another document's may be on its way.
      if (/^vectors\/[^/]+\.(lance(\/.*)?|durable)$/.test(name)) continue;
      for (const change of node.pending) {
        const of = node.folder ? this.#disk.name(change.path) : name;
        if (this.#isExempt(of)) continue;
        // Positions themselves: losing the last of them means redelivery.
        if (name === 'log.db-wal' && change.fd === this.#logs[1]) continue;
        // Another document's blob may be on its way, or this one's next; nothing of what was applied, nor a folder above it.
        const late = applied.some(({ folder, at }) => change.at < at && concerns(of, folder));
        if (of.startsWith('blobs/') && !late) continue;
        this.#fail(`${name}: ${of} is not synced`);
      }
    }
    this.#applied.clear();
  }

  /** The store's record of its newest durable version is written: everything of that version must be on disk. */
  #record(name: string, call: Call): void {
    const number = Number(/"(\d+) *\\n/.exec(call.text)?.[1]);
    const table = this.#tables.get(name);
    const version = table?.versions.find((each) => each.number === number);
    if (!table || !version) return this.#fail(`${name}: version ${number} is recorded and was never published`);
    table.recorded = { number, at: call.begin };
    for (const [path, node] of this.#disk.nodes) {
      const of = this.#disk.name(path);
      if (of !== 'vectors' && !of.startsWith(`vectors/${name}.lance`)) continue;
      const open = node.pending.find(
        (change) => change.at <= version.published && this.#disk.name(change.path).startsWith(`vectors/${name}.lance`),
      );
      if (open) this.#fail(`${this.#disk.name(open.path)} of version ${number} is not synced when it is recorded`);
    }
  }

  /** A version of a table becomes visible when its manifest gets its name. */
  #published(call: Call): void {
    const match = /^vectors\/([^/]+)\.lance\/_versions\/(\d+)\.manifest$/.exec(this.#disk.name(call.paths[1] ?? ''));
    if (!match) return;
    const table = this.#tables.get(match[1]!) ?? new Table();
    this.#tables.set(match[1]!, table);
    table.versions.push({
      number: Number(0xffff_ffff_ffff_ffffn - BigInt(match[2]!)),
      published: call.end,
      durable: false,
    });
  }

  #isExempt(name: string): boolean {
    const found = EXEMPT.find(({ files }) => files.test(name));
    if (found) this.#exempted.add(found.reason);
    return found !== undefined;
  }

  #fail(what: string): void {
    this.#violations.add(what);
  }
}

class Table {
  readonly versions: { readonly number: number; readonly published: number; durable: boolean }[] = [];
  recorded: { readonly number: number; readonly at: number } | undefined;

  recordSynced(begin: number): void {
    if (!this.recorded || this.recorded.at > begin) return;
    for (const version of this.versions) if (version.number <= this.recorded.number) version.durable = true;
  }
}

function isWrite({ name }: Call): boolean {
  return name === 'write' || name === 'writev' || name.startsWith('pwrite');
}

/** Whether an entry is below a document's folder of blobs, is that folder, or is a folder above it. */
function concerns(entry: string, folder: string): boolean {
  return entry === folder || entry.startsWith(`${folder}/`) || folder.startsWith(`${entry}/`);
}

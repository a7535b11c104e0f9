import { Readable } from 'node:stream';
import { FootnoteError } from '../../src/core/errors.js';
import { sha256 } from '../../src/core/ids.js';
import type { JsonObject } from '../../src/core/json.js';
import { canonicalJson } from '../../src/core/json.js';
import type { Connector, ReadContext, SourceChange } from '../../src/core/ports/connector.js';
import type { PostgresAddress } from '../../src/runtime/postgres-url.js';
import { PostgresConfig, addressOf } from './config.js';
import { type Cursor, type Moment, cursorJson, cursorOf, settle } from './progress.js';
import { type Content, type Row, Rows } from './rows.js';
import { Session } from './session.js';
import { type Shape, shapeOf } from './shape.js';
import { MAX_CONTENT, type Place, type Range, contentOf, momentOf, pageOf, rowsOf, unnamedRows } from './sql.js';

const SCOPE = 'rows';

/**
 * The rows of a table or query, as documents. A full read lists all keys in their order, page by page; with an incremental
 * column, the reads in between take what has grown since (progress.ts), and a full read opens only what its values say
 * has changed. Every statement is a transaction of its own: no snapshot is held on the server while documents are made.
 */
export const postgres: Connector<PostgresConfig> = {
  name: 'postgres',
  summary:
    'Rows of a PostgreSQL table or query: all of them, then what a growing column says is new, and what was deleted.',
  config: PostgresConfig,
  example: {
    url: 'postgres://reader@db.example.com/crm?sslmode=require',
    table: 'articles',
    key: ['id'],
    text: ['body'],
    title: '{title}',
    uri: 'https://example.com/articles/{id}',
    metadata: ['category', 'tags'],
    incremental: 'updated_at',
  },
  async *read(config, context) {
    const address = addressOf(config.url, context.base);
    const session = new Session(address, config, context.signal);
    try {
      const shape = await shapeOf(config, session);
      yield* new Read(config, context, address, session, shape).changes();
    } finally {
      await session.close();
    }
  },
};

class Read {
  readonly #rows: Rows;
  /** What the contents are made of: part of the quick signs. */
  readonly #form: string;

  constructor(
    private readonly config: PostgresConfig,
    private readonly context: ReadContext,
    private readonly address: PostgresAddress,
    private readonly session: Session,
    private readonly shape: Shape,
  ) {
    this.#rows = new Rows(config, shape);
    const { text, template, content, incremental } = config;
    this.#form = hashOf([text, template, content, incremental]);
  }

  async *changes(): AsyncGenerator<SourceChange> {
    const { context, config, shape } = this;
    const startedAt = context.clock.now();
    if (!shape.incremental) {
      yield* this.#full(false);
      return;
    }
    const rules = rulesOf(config, this.address, shape);
    let before = cursorOf(context.from, rules);
    const { moment, start } = await this.#moment(before);
    // The count of transactions went back: it is another server, by a backup, say.
    if (before?.progress && BigInt(before.progress.next.xid) > moment.next) before = undefined;
    const low = before?.progress?.low;
    const age = startedAt - (before?.fullAt ?? 0);
    const { high } = moment;
    const full = !low || !high || start === null || age >= config.fullEveryMs || age < 0;
    if (full) yield* this.#full(before !== undefined);
    else {
      const from = low.quiet ? { start: low.value, above: true } : { start, above: false };
      yield* this.#pages({ order: 'incremental', ...from, high: high.value }, true);
    }
    const progress = settle(before?.progress, moment);
    const fullAt = full ? startedAt : (before?.fullAt ?? startedAt);
    yield { kind: 'checkpoint', cursor: cursorJson({ rules, progress, fullAt }) };
  }

  /** @param light takes what its value says is known as it is, without its contents */
  async *#full(light: boolean): AsyncGenerator<SourceChange> {
    yield { kind: 'scopes', scopes: [SCOPE] };
    const { rows } = await this.session.ask(unnamedRows(this.config));
    if (rows.length > 0) {
      const message = `There are rows whose key (${this.config.key.join(', ')}) is NULL: they can't be told apart, and are not read.`;
      yield { kind: 'problem', key: 'NULL', scope: SCOPE, code: 'invalid_request', message };
    }
    yield* this.#pages({ order: 'key' }, !light);
    yield { kind: 'complete', scope: SCOPE };
  }

  async *#pages(range: Range, whole: boolean): AsyncGenerator<SourceChange> {
    const { config, shape, session } = this;
    let after: Place | undefined;
    for (;;) {
      const { text, values } = pageOf(config, shape, { range, after, whole });
      const { rows: raw } = await session.ask(text, values);
      const rows = raw.map((each) => this.#rows.row(each));
      this.#requireDistinct(rows);
      const page = rows.slice(0, config.batchRows);
      if (whole) for (const row of page) yield* this.#told(row);
      else yield* this.#changed(page);
      if (rows.length <= config.batchRows) return;
      after = page.at(-1)!;
    }
  }

  /** Rows of a page that came without contents: what has changed is asked for once more, all at once. */
  async *#changed(page: readonly Row[]): AsyncGenerator<SourceChange> {
    const changed: Row[] = [];
    for (const row of page) {
      const known = row.unusable === undefined ? await this.context.known(row.key) : undefined;
      if (known && row.at !== null && known['form'] === this.#form && known['at'] === row.at) {
        yield* this.#told(row, known);
      } else changed.push(row);
    }
    if (changed.length === 0) return;
    const { text, values } = rowsOf(
      this.config,
      this.shape,
      changed.map(({ keys }) => keys),
    );
    const { rows } = await this.session.ask(text, values);
    for (const raw of rows) yield* this.#told(this.#rows.row(raw));
  }

  *#told(row: Row, known?: JsonObject): Generator<SourceChange> {
    const { key, at, content, about, lacks, unusable } = row;
    if (unusable !== undefined) {
      const message = `Its key can't name a document: ${unusable}.`;
      yield { kind: 'problem', key: key.slice(0, 1024), scope: SCOPE, code: 'invalid_request', message };
      return;
    }
    yield {
      kind: 'item',
      key,
      scope: SCOPE,
      quick: known ?? { form: this.#form, at, sign: content?.sign ?? null },
      ...(content === undefined ? {} : { bytes: content.size }),
      open: () => this.#open(row.keys, content),
      ...about,
      observedAt: row.observedAt ?? new Date(this.context.clock.now()).toISOString(),
    };
    for (const message of lacks) yield { kind: 'problem', key, scope: SCOPE, code: 'invalid_request', message };
  }

  /** What did not come with its row is asked for over a connection of its own: the read's may be closed by then. */
  #open(keys: readonly string[], content: Content | undefined): Readable {
    if (content?.bytes) return Readable.from([content.bytes], { objectMode: false });
    return Readable.from(this.#alone(keys), { objectMode: false });
  }

  async *#alone(keys: readonly string[]): AsyncGenerator<Buffer> {
    const session = new Session(this.address, this.config, this.context.signal);
    try {
      const { text, values } = contentOf(this.config, this.shape, keys);
      const { rows } = await session.ask(text, values);
      const [raw] = rows;
      if (!raw) throw new FootnoteError('not_found', 'The row was deleted while it was read.');
      const bytes = this.#rows.bytesOf(raw);
      if (bytes === undefined) {
        throw new FootnoteError('document_too_large', `The row holds more than ${MAX_CONTENT} bytes.`);
      }
      yield bytes;
    } finally {
      await session.close();
    }
  }

  async #moment(before: Cursor | undefined): Promise<{ moment: Moment; start: string | null }> {
    const incremental = this.shape.incremental!;
    const values = [before?.progress?.low?.value ?? null, String(incremental.overlap)];
    const { rows } = await this.session.ask(momentOf(this.config, incremental), values);
    const { xmin, next, high, quiet, start } = rows[0]!;
    const mark = high === null || high === undefined ? null : { value: high, quiet: quiet === 'true' };
    return { moment: { xmin: BigInt(xmin!), next: BigInt(next!), high: mark }, start: start ?? null };
  }

  #requireDistinct(rows: readonly Row[]): void {
    for (const [i, row] of rows.entries()) {
      if (i === 0 || canonicalJson(row.keys) !== canonicalJson(rows[i - 1]!.keys)) continue;
      const message = `key: ${this.config.key.join(', ')} names more than one row (${row.key.slice(0, 200)}): name columns that tell them apart.`;
      throw new FootnoteError('invalid_config', message);
    }
  }
}

/** What a cursor depends on: another source, other values, other documents. A password is not. */
function rulesOf(config: PostgresConfig, { server, user }: PostgresAddress, { incremental }: Shape): string {
  const { url: _, batchRows: _rows, statementTimeoutMs: _statement, connectTimeoutMs: _connect, ...rest } = config;
  const { fullEveryMs: _full, overlap: _overlap, ...rules } = rest;
  return hashOf([server, user, rules, incremental?.type]);
}

function hashOf(value: unknown): string {
  return sha256(canonicalJson(value)).slice(0, 32);
}

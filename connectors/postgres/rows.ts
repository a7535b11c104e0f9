import { Buffer } from 'node:buffer';
import { sha256 } from '../../src/core/ids.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import { canonicalJson } from '../../src/core/json.js';
import { PolicySchema, type Policy } from '../../src/core/policy.js';
import { DocumentKeySchema } from '../../src/core/schemas/common.js';
import type { PostgresConfig } from './config.js';
import { templateOf } from './config.js';
import type { Raw } from './session.js';
import type { Shape } from './shape.js';
import { MAX_METADATA, named } from './sql.js';
import { onlyColumn, render, type Template, type Values } from './template.js';

/** A row in the terms of documents. */
export interface Row {
  readonly keys: readonly string[];
  /** Of the incremental column. */
  readonly at: string | null;
  readonly key: string;
  /** Why no document can have this key. */
  readonly unusable?: string;
  readonly about: {
    readonly title?: string;
    readonly uri?: string;
    readonly mime?: string;
    readonly name?: string;
    readonly metadata?: JsonObject;
    readonly policy?: Policy;
  };
  readonly observedAt: string | undefined;
  /** What of the row could not be taken as it is. */
  readonly lacks: readonly string[];
  /** Absent: only what is about the row was asked for. */
  readonly content?: Content;
}

export interface Content {
  /** Changes with the content. */
  readonly sign: string;
  readonly size: number;
  /** Absent: too large to come with its row. */
  readonly bytes?: Buffer;
}

/** Makes rows of the server's answers. */
export class Rows {
  readonly #title: Template;
  readonly #uri: Template;
  readonly #mime: Template;
  readonly #name: Template;
  readonly #template: Template;

  constructor(
    private readonly config: PostgresConfig,
    private readonly shape: Shape,
  ) {
    this.#title = templateOf(config.title);
    this.#uri = templateOf(config.uri);
    this.#mime = templateOf(config.mime);
    this.#name = templateOf(config.name);
    this.#template = templateOf(config.template);
  }

  row(raw: Raw): Row {
    const keys = this.config.key.map((_, i) => raw[named.key(i)] ?? '');
    const key = keys.length === 1 ? keys[0]! : keys.map(escaped).join('/');
    const checked = DocumentKeySchema.safeParse(key);
    const lacks: string[] = [];
    const metadata = this.#metadata(raw, lacks);
    const policy = this.#policy(raw, lacks);
    const observedAt = timeOf(raw[named.observedAt]);
    return {
      keys,
      at: raw[named.at] ?? null,
      key,
      ...(checked.success ? {} : { unusable: checked.error.issues[0]?.message ?? 'is no key' }),
      about: {
        ...this.#labels(raw),
        ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
        ...(policy === undefined ? {} : { policy }),
      },
      observedAt,
      lacks,
      ...(raw[named.bytes] === undefined ? {} : { content: this.#content(raw) }),
    };
  }

  /** The document's bytes; undefined: they did not come. */
  bytesOf(raw: Raw): Buffer | undefined {
    const { contents, binary } = this.shape;
    const values = contents.map((_, i) => raw[named.content(i)] ?? null);
    if (values.every((value) => value === null) && Number(raw[named.bytes]) > 0) return undefined;
    if (binary) return Buffer.from(values[0] ?? '', 'base64');
    const valueOf: Values = (column) => values[contents.indexOf(column)] ?? null;
    if (this.config.template !== undefined) return Buffer.from(render(this.#template, valueOf));
    return Buffer.from(values.filter((value) => value !== null && value !== '').join('\n\n'));
  }

  #content(raw: Raw): Content {
    const bytes = this.bytesOf(raw);
    const signs = this.shape.contents.map((_, i) => raw[named.sign(i)] ?? null);
    const size = Number(raw[named.bytes]);
    return {
      sign: sha256(canonicalJson([size, signs])).slice(0, 32),
      size: bytes?.length ?? size,
      ...(bytes === undefined ? {} : { bytes }),
    };
  }

  #labels(raw: Raw): Pick<Row['about'], 'title' | 'uri' | 'mime' | 'name'> {
    const valueOf: Values = (column) => raw[named.label(this.shape.labels.indexOf(column))] ?? null;
    // Half of an address is none: where a column of it is NULL there is none.
    const whole = this.#uri.every((part) => typeof part === 'string' || valueOf(part.column) !== null);
    const encode = onlyColumn(this.#uri) === undefined ? encodeURIComponent : undefined;
    const said = {
      title: render(this.#title, valueOf).trim().slice(0, 2000).toWellFormed(),
      uri: whole ? render(this.#uri, valueOf, encode).slice(0, 4096).toWellFormed() : '',
      mime: render(this.#mime, valueOf).trim().slice(0, 256),
      name: render(this.#name, valueOf).slice(0, 1024).toWellFormed(),
    };
    return Object.fromEntries(Object.entries(said).filter(([, text]) => text !== ''));
  }

  #metadata(raw: Raw, lacks: string[]): JsonObject {
    const found = this.config.metadata.flatMap((column, i): [string, Json][] => {
      const json = raw[named.metadata(i)] ?? null;
      if (json === '') {
        lacks.push(`The metadata ${column} is longer than ${MAX_METADATA} bytes: it was left out.`);
        return [];
      }
      return json === null ? [] : [[column, jsonOf(json)]];
    });
    return Object.fromEntries(found);
  }

  /** Nobody may see a row whose permissions are NULL, empty, or not to be understood. */
  #policy(raw: Raw, lacks: string[]): Policy | undefined {
    const { permissions } = this.config;
    if (permissions === undefined) return undefined;
    const json = raw[named.permissions] ?? null;
    const said = json === null ? [] : jsonOf(json);
    const list: readonly unknown[] = Array.isArray(said) ? said : [said];
    const policy = PolicySchema.safeParse({ principals: [...new Set(list)] });
    if (policy.success) return policy.data;
    lacks.push(`The permissions (${permissions}) are no list of up to 1000 names: nobody may see it.`);
    return { principals: [] };
  }
}

/** `/` joins the parts of a key, so inside of one it stands for itself no more. */
function escaped(part: string): string {
  return part.replaceAll('%', '%25').replaceAll('/', '%2F');
}

/** A number that JavaScript would round stays the text that it is. */
function jsonOf(text: string): Json {
  const value = JSON.parse(text) as Json;
  return typeof value === 'number' && !sameNumber(text, value) ? text : value;
}

function sameNumber(text: string, value: number): boolean {
  return decimal(text) === decimal(String(value));
}

/** Digits and exponent, without what does not change the number. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** ISO 8601 of what `to_json` makes of a time; one without a zone is taken as UTC. */
function timeOf(json: string | null | undefined): string | undefined {
  if (json === null || json === undefined) return undefined;
  const text = String(JSON.parse(json));
  const zoned = /T.*(Z|[+-]\d\d(:?\d\d)?)$/.test(text) || !text.includes('T') ? text : `${text}Z`;
  const time = new Date(zoned);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

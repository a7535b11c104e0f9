import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FootnoteError } from '../../core/errors.js';
import type { TokenCounter } from '../../core/ports/models.js';
import { tokenizerFromJson } from '../models/tokenizer.js';
import { OPENAI_ENCODINGS, openOpenAiCounter } from './openai.js';

export interface TokenCountersOptions {
  /** Names that may be asked for, and the `tokenizer.json` behind each. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether a path of a `tokenizer.json` may be given as a name: for commands, never for requests from outside. */
  readonly paths?: boolean;
}

/**
 * The counters an engine offers, as one function of the name. Requests from outside get encodings and named files only;
 * whoever may read any file of the machine may also give a path.
 */
export function createTokenCounters(options: TokenCountersOptions = {}): (name: string) => Promise<TokenCounter> {
  const counters = new TokenCounters(options);
  return (name) => counters.get(name);
}

/** Files opened by path that are kept; named ones and encodings always are. */
const KEPT_PATHS = 8;

/** Token counters of language models by name; each is loaded when first asked for and then kept. */
export class TokenCounters {
  private readonly named = new Map<string, Promise<TokenCounter>>();
  private readonly byPath = new Map<string, Promise<TokenCounter>>();

  constructor(private readonly options: TokenCountersOptions) {}

  /** Everything `get` accepts by name. */
  get names(): string[] {
    return [...OPENAI_ENCODINGS, ...Object.keys(this.options.files ?? {})];
  }

  /** @throws FootnoteError tokenizer_unknown naming what there is */
  get(name: string): Promise<TokenCounter> {
    const encoding = OPENAI_ENCODINGS.find((known) => known === name);
    if (encoding) return keep(this.named, name, () => openOpenAiCounter(encoding));
    const files = this.options.files ?? {};
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    if (file !== undefined) return keep(this.named, name, () => openFileCounter(name, file));
    if (this.options.paths && name.endsWith('.json')) {
      const path = resolve(name);
      const oldest = this.byPath.keys().next();
      if (!this.byPath.has(path) && this.byPath.size >= KEPT_PATHS && !oldest.done) this.byPath.delete(oldest.value);
      return keep(this.byPath, path, () => openFileCounter(name, path));
    }
    return Promise.reject(unknown(name, this.names, this.options.paths ?? false));
  }
}

/** A failed load is forgotten, so that mending the file helps. */
function keep(
  cache: Map<string, Promise<TokenCounter>>,
  key: string,
  open: () => Promise<TokenCounter>,
): Promise<TokenCounter> {
  const known = cache.get(key);
  if (known) return known;
  const opened = open().catch((error: unknown) => {
    cache.delete(key);
    throw error;
  });
  cache.set(key, opened);
  return opened;
}

async function openFileCounter(name: string, path: string): Promise<TokenCounter> {
  let json: string;
  try {
    json = await readFile(path, 'utf8');
  } catch (cause) {
    throw new FootnoteError('tokenizer_unknown', `The tokenizer file ${path} cannot be read.`, { cause });
  }
  try {
    const tokenizer = tokenizerFromJson(json, path);
    return { name, count: (text) => tokenizer.count(text) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FootnoteError('tokenizer_unknown', reason, { cause });
  }
}

function unknown(name: string, names: readonly string[], paths: boolean): FootnoteError {
  const allowed = [...names, ...(paths ? ['the path of a tokenizer.json'] : [])].join(', ');
  return new FootnoteError('tokenizer_unknown', `There is no tokenizer ${JSON.stringify(name)}. Allowed: ${allowed}.`, {
    details: { allowed: names },
  });
}

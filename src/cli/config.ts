import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Document } from 'yaml';
import { LineCounter, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Config, ConfigInput } from '../core/config.js';
import { ConfigSchema } from '../core/config.js';
import { FootnoteError } from '../core/errors.js';
import type { SourceProblem } from '../engine/sources.js';
import type { Host } from './host.js';
import { interpolate } from './interpolate.js';
import { closest, settingsAt } from './suggest.js';
import { UsageError } from './host.js';

const DEFAULT_FILE = 'footnote.yaml';

export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined: defaults only. */
  readonly file: string | undefined;
  /** The file says what is to be logged. */
  readonly logs: boolean;
}

/**
 * Flags, then the environment (FOOTNOTE_DATA, FOOTNOTE_CACHE, FOOTNOTE_OFFLINE, HF_ENDPOINT), then footnote.yaml, then the
 * defaults. Paths in the file are relative to the file, others to the working directory.
 * @throws UsageError when --config names no file; FootnoteError invalid_config with path and line of each problem
 */
export async function loadConfig(
  host: Pick<Host, 'env' | 'cwd'>,
  flags: ConfigFlags,
  change: (config: Config) => Config = (config) => config,
): Promise<LoadedConfig> {
  const file = flags.config === undefined ? join(host.cwd, DEFAULT_FILE) : resolve(host.cwd, flags.config);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && flags.config === undefined) return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`The configuration ${flags.config ?? DEFAULT_FILE} cannot be read: ${reason}.`);
  });
  const fromFile = text === undefined ? ConfigSchema.parse({}) : await parseYaml(text, file, host.env);
  const folder = text === undefined ? host.cwd : dirname(file);
  const { env } = host;
  const from = (base: string, path: string | undefined) => (path === undefined ? undefined : resolve(base, path));
  const cache = from(host.cwd, env['FOOTNOTE_CACHE'] || undefined) ?? from(folder, fromFile.cache);
  const { model } = fromFile.embedding;
  const config: ConfigInput = {
    ...fromFile,
    sources: fromFile.sources.map((source) => ({ ...source, base: resolve(folder, source.base ?? '.') })),
    data:
      from(host.cwd, flags.data) ?? from(host.cwd, env['FOOTNOTE_DATA'] || undefined) ?? resolve(folder, fromFile.data),
    ...(cache === undefined ? {} : { cache }),
    embedding: {
      ...fromFile.embedding,
      model: /[\\/]/.test(model) ? resolve(folder, model) : model,
      hubEndpoint: env['HF_ENDPOINT'] || fromFile.embedding.hubEndpoint,
      offline: flag(env['FOOTNOTE_OFFLINE']) ?? fromFile.embedding.offline,
    },
  };
  const checked = ConfigSchema.safeParse(config);
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new FootnoteError('invalid_config', `In the environment: ${problems.join('; ')}.`);
  }
  return {
    config: change(checked.data),
    file: text === undefined ? undefined : file,
    logs: text !== undefined && /^log:/m.test(text),
  };
}

function flag(value: string | undefined): boolean | undefined {
  if (value === undefined || value === '') return undefined;
  return !/^(0|false|no|off)$/i.test(value);
}

interface Problem {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

/** @throws FootnoteError invalid_config */
async function parseYaml(text: string, file: string, env: Host['env']): Promise<Config> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw refusal(
      file,
      document.errors.map((error) => ({
        path: '',
        line: lines.linePos(error.pos[0]).line,
        message: error.message,
      })),
    );
  }
  const missing = interpolate(document, env, lines);
  if (missing.length > 0) {
    throw refusal(
      file,
      missing.map(({ name, path, line }) => ({
        path: path.join('.'),
        line,
        message: `the environment has no ${name}: set it, or write \${${name}:-otherwise}`,
      })),
    );
  }
  const result = ConfigSchema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  const at = (path: readonly PropertyKey[], message: string): Problem => {
    const line = lineOf(document, lines, path);
    return { path: path.join('.'), message, ...(line === undefined ? {} : { line }) };
  };
  if (result.success) {
    const problems = await problemsOfSources(result.data);
    if (problems.length === 0) return result.data;
    throw refusal(
      file,
      problems.map(({ path, message }) => at(path, lowerFirst(message))),
    );
  }
  throw refusal(
    file,
    result.error.issues.flatMap((issue): Problem[] => {
      const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
      if (issue.code !== 'unrecognized_keys') return paths.map((path) => at(path, lowerFirst(issue.message)));
      return paths.map((path) => at(path, unknownSetting(path)));
    }),
  );
}

function unknownSetting(path: readonly PropertyKey[]): string {
  const known = settingsAt(path.slice(0, -1));
  const meant = closest(String(path.at(-1)), known);
  if (meant !== undefined) return `is not a known setting: did you mean ${meant}?`;
  return `is not a known setting${known.length === 0 ? '' : `; there are ${known.join(', ')}`}`;
}

/** What connectors say of their options. They are loaded only where there are any. */
async function problemsOfSources({ sources }: Config): Promise<readonly SourceProblem[]> {
  if (sources.length === 0) return [];
  const { checkSources } = await import('../engine/sources.js');
  return checkSources(sources).problems;
}

/** Where the innermost part of a path that is there stands. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(name))
      : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

function refusal(file: string, problems: readonly Problem[]): FootnoteError {
  const told = problems.map(({ path, line, message }) => {
    const place = line === undefined ? file : `${file}:${line}`;
    return `${place}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  return new FootnoteError('invalid_config', told.join('\n'), { details: { file, problems } });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config, ConfigInput } from '../core/config.js';
import { ConfigSchema } from '../core/config.js';
import { FootnoteError } from '../core/errors.js';
import type { SourceProblem } from '../engine/sources.js';
import type { Host } from './host.js';
import { UsageError } from './host.js';
import { type SourceFile, addSourceFiles } from './config/source-files.js';
import { type YamlFile, problemsOf, readYaml, refusal } from './config/yaml.js';
import { unknownSetting } from './suggest.js';

const DEFAULT_FILE = 'footnote.yaml';
const NONE: Awaited<ReturnType<typeof addSourceFiles>> = { sources: [], files: [] };

export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined: defaults only. */
  readonly file: string | undefined;
  /** The files of sources beside it. */
  readonly sourceFiles: readonly SourceFile[];
  /** The file says what is to be logged. */
  readonly logs: boolean;
}

/**
 * Flags, then the environment (FOOTNOTE_DATA, FOOTNOTE_CACHE, FOOTNOTE_OFFLINE, HF_ENDPOINT), then footnote.yaml with the
 * files of sources beside it, then the defaults. Paths in the file are relative to the file, others to the working directory.
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
  const folder = text === undefined ? host.cwd : dirname(file);
  const yaml = text === undefined ? undefined : readYaml(text, file, host.env);
  const fromFile = yaml === undefined ? ConfigSchema.parse({}) : await checkedConfig(yaml);
  const beside = yaml === undefined ? NONE : await addSourceFiles(yaml, fromFile, folder, host.env);
  const { env } = host;
  const from = (base: string, path: string | undefined) => (path === undefined ? undefined : resolve(base, path));
  const cache = from(host.cwd, env['FOOTNOTE_CACHE'] || undefined) ?? from(folder, fromFile.cache);
  const { model } = fromFile.embedding;
  const config: ConfigInput = {
    ...fromFile,
    sources: [...fromFile.sources, ...beside.sources].map((source) => ({
      ...source,
      base: resolve(folder, source.base ?? '.'),
    })),
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
    sourceFiles: beside.files,
    logs: text !== undefined && /^log:/m.test(text),
  };
}

function flag(value: string | undefined): boolean | undefined {
  if (value === undefined || value === '') return undefined;
  return !/^(0|false|no|off)$/i.test(value);
}

/** @throws FootnoteError invalid_config */
async function checkedConfig(yaml: YamlFile): Promise<Config> {
  const result = ConfigSchema.safeParse(yaml.value ?? {});
  if (!result.success) throw refusal(yaml.file, problemsOf(yaml, result.error, unknownSetting));
  const problems = await problemsOfSources(result.data);
  if (problems.length === 0) return result.data;
  throw refusal(
    yaml.file,
    problems.map(({ path, message }) => yaml.at(path, message)),
  );
}

/** What connectors say of their options. They are loaded only where there are any. */
async function problemsOfSources({ sources }: Config): Promise<readonly SourceProblem[]> {
  if (sources.length === 0) return [];
  const { checkSources } = await import('../engine/sources.js');
  return checkSources(sources).problems;
}

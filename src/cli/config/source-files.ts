import { readFile, readdir, stat } from 'node:fs/promises';
import { extname, join, relative, resolve } from 'node:path';
import type { Config } from '../../core/config.js';
import { MAX_SOURCES, SourceConfigSchema, SourceFileSchema, sourceNameOf } from '../../core/config/sources.js';
import type { SourceConfig } from '../../core/config/sources.js';
import { FootnoteError } from '../../core/errors.js';
import { SourceNameSchema } from '../../core/schemas/common.js';
import type { Host } from '../host.js';
import { unknownSetting } from '../suggest.js';
import { type Problem, type YamlFile, problemsOf, readYaml, refusal } from './yaml.js';

const DEFAULT_FOLDER = 'connectors';
const MAX_BYTES = 1024 * 1024;
const ENDINGS: ReadonlySet<string> = new Set(['.yaml', '.yml']);

/** One source in a file of its own. */
export interface SourceFile {
  readonly file: string;
  /** One a collection. */
  readonly sources: readonly SourceConfig[];
}

/**
 * Reads the sources that stand in files of their own: the YAML files of one folder, one source each, with the fields of an
 * entry of `sources`. Hidden and other files are passed over.
 * @param folder where the configuration's file is
 * @throws FootnoteError invalid_config with file, line and path of every problem of every file
 */
export async function addSourceFiles(
  yaml: YamlFile,
  { connectors, sources }: Config,
  folder: string,
  env: Host['env'],
): Promise<{ readonly sources: SourceConfig[]; readonly files: SourceFile[] }> {
  const inside = resolve(folder, connectors ?? DEFAULT_FOLDER);
  const names = await namesIn(inside, yaml, connectors);
  const files: SourceFile[] = [];
  const refusals: FootnoteError[] = [];
  for (const name of names) {
    const file = join(inside, name);
    try {
      files.push({ file, sources: await sourcesOf(file, name, env) });
    } catch (error) {
      if (!(error instanceof FootnoteError) || error.code !== 'invalid_config') throw error;
      refusals.push(error);
    }
  }
  refusals.push(...duplicates(yaml, sources, files));
  const all = sources.length + files.reduce((count, each) => count + each.sources.length, 0);
  if (all > MAX_SOURCES)
    refusals.push(problemIn(inside, `with these files there are ${all} sources: ${MAX_SOURCES} at most`));
  if (refusals.length === 1) throw refusals[0]!;
  if (refusals.length > 1) {
    throw new FootnoteError('invalid_config', refusals.map(({ message }) => message).join('\n'), {
      details: { files: refusals.map(({ details }) => details) },
    });
  }
  return { sources: files.flatMap((each) => each.sources), files };
}

/** A folder that is named has to be there; the one by default need not. */
async function namesIn(inside: string, yaml: YamlFile, named: string | undefined): Promise<string[]> {
  try {
    const names = await readdir(inside);
    return names.filter((name) => !name.startsWith('.') && ENDINGS.has(extname(name).toLowerCase())).sort();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (named === undefined && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
    const reason = code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'that is no folder' : message;
    throw refusal(yaml.file, [yaml.at(['connectors'], `${inside} cannot be read: ${reason}`)]);
  }
}

/** @throws FootnoteError invalid_config */
async function sourcesOf(file: string, name: string, env: Host['env']): Promise<SourceConfig[]> {
  const yaml = readYaml(await textOf(file), file, env);
  const { value, at } = yaml;
  if (value === null || value === undefined) throw problemIn(file, 'is empty: write one source, or remove it');
  if (Array.isArray(value)) throw problemIn(file, 'is a list: a file has one source, with its fields at the top');
  const read = SourceFileSchema.safeParse(value);
  if (!read.success) throw refusal(file, problemsOf(yaml, read.error, unknownField));
  const { collection, ...rest } = read.data;
  const source = rest.source ?? name.slice(0, -extname(name).length);
  if (!SourceNameSchema.safeParse(source).success) {
    throw problemIn(file, `its name can't name a source: give it one under \`source\`, or rename the file`);
  }
  const collections = typeof collection === 'string' ? [collection] : collection;
  const twice = collections.findIndex((each, i) => collections.indexOf(each) < i);
  if (twice >= 0) throw refusal(file, [at(['collection', twice], `names ${collections[twice]} twice`)]);
  const sources = collections.map((each) => SourceConfigSchema.parse({ ...rest, source, collection: each }));
  const { checkSources } = await import('../../engine/sources.js');
  const problems = checkSources(sources.slice(0, 1)).problems;
  // Without `sources.0`, which is not in the file.
  if (problems.length > 0)
    throw refusal(
      file,
      problems.map(({ path, message }) => at(path.slice(2), message)),
    );
  return sources;
}

async function textOf(file: string): Promise<string> {
  try {
    const info = await stat(file);
    if (!info.isFile()) throw problemIn(file, 'is no file: rename it, or move it out of this folder');
    if (info.size > MAX_BYTES) throw problemIn(file, `is larger than ${MAX_BYTES} bytes: no source is that long`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof FootnoteError) throw error;
    throw problemIn(file, `cannot be read: ${(error as Error).message}`);
  }
}

function unknownField(path: readonly PropertyKey[]): string {
  if (path.length === 1 && path[0] === 'sources')
    return 'goes into the main file: here the fields of one source stand at the top';
  return unknownSetting(['sources', 0, ...path]);
}

/** Two sources of one name, wherever they stand: both places are named. */
function duplicates(yaml: YamlFile, inline: readonly SourceConfig[], files: readonly SourceFile[]): FootnoteError[] {
  const places = new Map<string, string>();
  const refusals: FootnoteError[] = [];
  const idOf = (source: SourceConfig) => JSON.stringify([source.tenant, source.collection, sourceNameOf(source)]);
  for (const [i, source] of inline.entries()) places.set(idOf(source), `${yaml.file} (sources.${i})`);
  for (const { file, sources } of files) {
    for (const source of sources) {
      const id = idOf(source);
      const other = places.get(id);
      places.set(id, other ?? file);
      if (other === undefined) continue;
      const what = `is source ${sourceNameOf(source)} of ${source.collection}, as ${other} is: give one of them another \`source\``;
      refusals.push(problemIn(file, what));
    }
  }
  return refusals;
}

function problemIn(file: string, message: string): FootnoteError {
  const problem: Problem = { path: '', message };
  return refusal(file, [problem]);
}

/** Where the sources stand, in one line. */
export function sourcesTold(config: Config, files: readonly SourceFile[], folder: string): string {
  const inFiles = files.reduce((count, each) => count + each.sources.length, 0);
  const count = config.sources.length;
  const names = files.map(({ file }) => relative(folder, file)).join(', ');
  const where = inFiles === 0 ? '' : inFiles === count ? `: ${names}` : `: ${count - inFiles} under sources, ${names}`;
  return `${count} source${count === 1 ? '' : 's'}${where}`;
}

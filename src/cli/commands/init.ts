import { access, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { loadConfig } from '../config.js';
import { asCollection } from '../flags.js';
import type { Host } from '../host.js';

const FILE = 'footnote.yaml';
const SCHEMA = fileURLToPath(new URL('../../../../docs/reference/footnote.schema.json', import.meta.url));

interface Answers {
  readonly data: string;
  readonly collection: string;
  readonly principals: readonly string[];
  readonly source?: string;
}

export function init(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'init',
    summary: 'write a commented footnote.yaml',
    description: 'Asks on a terminal, unless --yes or flags say it all. Nothing is overwritten without --force.',
    examples: ['init', 'init --yes --collection handbook --source ./docs --principals staff,board'],
    flags: (command) =>
      command
        .option('--collection <name>', 'the first collection (default: documents)', asCollection)
        .option('--source <dir>', 'a folder that is kept in step with it')
        .option('--principals <names>', 'who may see what says nothing itself, comma-separated (default: local)')
        .option('--yes', 'ask nothing')
        .option('--force', 'overwrite the file'),
    async run(run, _args, flags) {
      const given = flags as Partial<Record<'collection' | 'source' | 'principals' | 'config' | 'data', string>>;
      const file = run.path(given.config ?? FILE);
      if (flags['force'] !== true && (await exists(file))) {
        throw new FootnoteError('already_exists', `${run.shown(file)} is there already: --force writes it anew.`);
      }
      const answers = await ask(run, host, given, flags['yes'] === true);
      const text = fileText(answers, relative(run.path('.'), SCHEMA));
      await writeFile(file, text, { mode: 0o600 });
      // It is held against the schema at once: what is written can be used.
      await loadConfig(host, { config: file });
      if (run.json) return run.out.json({ file, ...answers });
      await run.out.line(`Wrote ${run.shown(file)}. Next:`);
      const { collection, source } = answers;
      await run.out.line('  footnote doctor');
      if (source === undefined) await run.out.line(`  footnote ingest <folder> --collection ${collection}`);
      else await run.out.line('  footnote connect --once');
      await run.out.line(`  footnote search "…" --collection ${collection}`);
      await run.out.line('  footnote serve');
    },
  });
}

async function ask(
  run: Run,
  host: Host,
  given: Partial<Record<'collection' | 'source' | 'principals' | 'data', string>>,
  silent: boolean,
): Promise<Answers> {
  const names = (text: string) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
  const quiet = silent || run.json || host.stdout.isTTY !== true || !process.stdin.isTTY;
  if (quiet) {
    return {
      data: given.data ?? '.footnote',
      collection: given.collection ?? 'documents',
      principals: names(given.principals ?? 'local'),
      ...(given.source === undefined ? {} : { source: given.source }),
    };
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = async (question: string, otherwise: string): Promise<string> =>
    (await terminal.question(`${question} [${otherwise}] `, { signal: run.signal })).trim() || otherwise;
  try {
    const data = given.data ?? (await answer('Where is the data directory?', '.footnote'));
    const collection = asCollection(
      given.collection ?? (await answer('What is the first collection called?', 'documents')),
    );
    const source = given.source ?? (await answer('Which folder is kept in step with it (none: -)?', '-'));
    const principals = names(
      given.principals ?? (await answer('Who may see its documents (comma-separated)?', 'local')),
    );
    return { data, collection, principals, ...(source === '-' ? {} : { source }) };
  } finally {
    terminal.close();
  }
}

/** Strings as JSON, which is YAML whatever they hold. */
function fileText({ data, collection, principals, source }: Answers, schema: string): string {
  const text = (value: string) => JSON.stringify(value);
  const watched =
    source === undefined
      ? `# Sources are kept in step while \`footnote serve\` runs; docs/guides/sources.md has web sites and git, too.
# Each may also stand in a file of its own, beside this one: connectors/NAME.yaml.
# sources:
#   - collection: ${text(collection)}
#     connector: files
#     options: { paths: [./docs] }
`
      : `# Kept in step while \`footnote serve\` runs; web sites and git repositories can be sources, too.
# Further ones may stand in files of their own, beside this one: connectors/NAME.yaml.
sources:
  - collection: ${text(collection)}
    source: files
    connector: files
    watch: true
    options:
      paths: [${text(source)}]
`;
  return `# yaml-language-server: $schema=${schema.replaceAll('\\', '/')}
# Configuration of Footnote. Every setting has a default: this file only says what differs. Paths are relative to it.
# \${NAME} takes a value from the environment, \${NAME:-otherwise} too: keep secrets there.

# Everything that Footnote keeps: log, catalog, vectors, texts. One process owns it.
data: ${text(data)}

http:
  # Beyond loopback only once there is a key: footnote keys create.
  host: 127.0.0.1
  port: 7470

collections:
  - name: ${text(collection)}
    # Who may see documents that say nothing themselves. Without keys the caller is the principal "local".
    defaultPolicy: { principals: [${principals.map(text).join(', ')}] }

${watched}
# embedding:
#   model: all-MiniLM-L6-v2   # or the path of a folder with footnote-model.json
#   offline: true             # download nothing

# retention:
#   revisionDays: 30          # so long replaced texts stay, for citations to be checked

# log:
#   level: info
`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

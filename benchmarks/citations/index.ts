import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { DEFAULT_MODEL } from '../../src/adapters/models/builtin.js';
import type { ModelStore } from '../../src/adapters/models/store.js';
import { openTokenizer } from '../../src/adapters/models/tokenizer.js';
import { createParsing } from '../../src/engine/parsing.js';
import type { ConfigInput } from '../../src/engine.js';
import { FootnoteError, parseConfig } from '../../src/engine.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import { chunkViolations } from '../../src/stages/chunk/check.js';
import { DEFAULT_CHUNKER, chunkDocument } from '../../src/stages/chunk.js';
import { anchorsOf } from '../../src/stages/cite.js';
import { modelInput } from '../../src/stages/model-input.js';
import { violations } from '../../src/stages/parse/check.js';
import { passwordsOf } from '../passwords.js';
import type { BenchResult } from '../result.js';

export interface CitationsBenchOptions {
  readonly store: ModelStore;
  readonly config: ConfigInput;
  /** Folders whose Markdown, HTML and PDF files are read, subfolders included. */
  readonly folders: readonly string[];
}

const KINDS = new Set(['.md', '.html', '.pdf']);
const SHOWN = 20;
const limit = DEFAULT_CHUNKER.maxTokens;

/** Law 1 on every chunk of every file: span, text, selectors, pages and boxes, with the default model's own tokenizer. */
export async function run({ store, config, folders }: CitationsBenchOptions): Promise<BenchResult> {
  const model = await store.resolve(DEFAULT_MODEL);
  const tokenizer = await openTokenizer({ kind: 'file', path: model.paths.tokenizer });
  const count = (texts: readonly string[]): number[] => texts.map((text) => tokenizer.count(text));
  const of = { documentId: '00000000-0000-5000-8000-000000000000', revision: '0'.repeat(32) };
  const parsing = createParsing(parseConfig(config));
  const counts = new Map<string, number>();
  const add = (name: string, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by);
  const broken: string[] = [];
  const unread: string[] = [];
  let chunked = 0;
  let whole = 0;
  try {
    for (const folder of folders) {
      const passwords = await passwordsOf(folder);
      const names = (await readdir(folder, { recursive: true })).filter((name) => KINDS.has(extname(name))).sort();
      await forEachConcurrent(names, 2, async (name) => {
        const kind = extname(name).slice(1);
        add(`${kind}Files`);
        const password = passwords.get(basename(name));
        const hints = { name, ...(password === undefined ? {} : { options: { password } }) };
        let parsed;
        try {
          parsed = await parsing.parse({ path: join(folder, name) }, hints);
        } catch (error) {
          if (!(error instanceof FootnoteError)) throw error;
          add(`${kind}Unread`);
          unread.push(`${name}: ${error.code}`);
          return;
        }
        const chunks = chunkDocument(parsed, of, DEFAULT_CHUNKER, count);
        const spans = chunks.map((chunk) => chunk.span);
        const found = [
          ...violations(parsed),
          ...chunkViolations(parsed, chunks, anchorsOf(parsed.text, spans, parsed.regions), limit),
        ];
        // Counted as the model gets it, not as the chunker says.
        const long = chunks.filter(
          ({ context, text }) => tokenizer.encode(DEFAULT_CHUNKER.prefix + modelInput(context + text)).length > limit,
        );
        if (long.length > 0) found.push(`${long.length} chunks are too long for the model`);
        add(`${kind}Chunks`, chunks.length);
        chunked += chunks.length;
        whole += found.length === 0 ? chunks.length : 0;
        for (const problem of found) broken.push(`${name}: ${problem}`);
      });
    }
  } finally {
    await parsing.close();
  }
  return {
    name: 'citations',
    figures: { ...Object.fromEntries([...counts].sort()), chunks: chunked, violations: broken.length },
    ratios: { chunksOfFilesWithoutViolation: { value: whole / chunked, target: 1 } },
    notes: [
      ...broken.slice(0, SHOWN),
      ...(broken.length > SHOWN ? [`and ${broken.length - SHOWN} more`] : []),
      ...(unread.length > 0 ? [`not read: ${unread.sort().join(', ')}`] : []),
    ],
  };
}

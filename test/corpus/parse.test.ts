import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, describe, expect, it } from 'vitest';
import { createIsolatedParsing } from '../../src/adapters/parsing/isolated.js';
import { FootnoteError } from '../../src/core/errors.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import { chunkViolations } from '../../src/stages/chunk/check.js';
import { DEFAULT_CHUNKER, chunkDocument } from '../../src/stages/chunk.js';
import { anchorsOf } from '../../src/stages/cite.js';
import { violations } from '../../src/stages/parse/check.js';
import { DETECT_BYTES, identify } from '../../src/stages/parse/detect.js';
import { sharedData } from '../support/data.js';

/** Every file of the corpora through the isolated pool: law 1 on what is read, a typed code on what is not. */
const parsing = createIsolatedParsing({
  identify,
  headBytes: DETECT_BYTES,
  processes: 2,
  deadlineMs: 20_000,
  memoryBytes: 2 ** 30,
  maxBytes: 100 * 2 ** 20,
  outputBytes: 64 * 2 ** 20,
});

afterAll(() => parsing.close());

/** What a file of the PDF set may end as; everything else is a fault of the parser. */
const TYPED = new Set([
  'unsupported_media_type',
  'corrupt_document',
  'password_required',
  'password_wrong',
  'parse_timeout',
  'parse_memory',
]);

const OF = { documentId: '00000000-0000-5000-8000-000000000000', revision: '0'.repeat(32) };
/** Words and signs, as the deterministic test embedder counts; the citations benchmark has the model's own tokenizer. */
const roughly = (texts: readonly string[]) =>
  texts.map((text) => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0);

interface Corpus {
  readonly folder: string;
  readonly ending: string;
  /** Files that may fail, each with a typed code. */
  readonly failures: number;
}

describe.each<Corpus>([
  { folder: 'markdown', ending: '.md', failures: 0 },
  { folder: 'html', ending: '.html', failures: 0 },
  { folder: 'pdf', ending: '.pdf', failures: 6 },
  // Five are damaged or hostile, one is encrypted, four are of the formats before 2007.
  { folder: 'office', ending: '', failures: 10 },
])('every file of $folder', ({ folder, ending, failures }) => {
  const root = sharedData(folder);

  it.skipIf(root === undefined)(
    'is parsed within its contract (skipped without the shared test data)',
    async () => {
      const files = list(root!, ending).filter((path) => !/(?:LICENSE|NOTICE|manifest\.jsonl|\.txt)$/.test(path));
      const passwords = folder === 'pdf' ? manifestPasswords(root!) : new Map<string, string>();
      const outcomes = new Map<string, number>();
      const times: number[] = [];
      const broken: string[] = [];
      const delay = monitorEventLoopDelay({ resolution: 2 });
      delay.enable();
      await forEachConcurrent(files, 2, async (path) => {
        const name = basename(path);
        const password = passwords.get(name);
        const started = performance.now();
        try {
          const parsed = await parsing.parse(
            { path },
            { name, ...(password !== undefined && { options: { password } }) },
          );
          count(outcomes, 'ok');
          const chunks = chunkDocument(parsed, OF, DEFAULT_CHUNKER, roughly);
          const spans = chunks.map((chunk) => chunk.span);
          const problems = [
            ...violations(parsed),
            ...chunkViolations(
              parsed,
              chunks,
              anchorsOf(parsed.text, spans, parsed.regions),
              DEFAULT_CHUNKER.maxTokens,
            ),
          ];
          for (const problem of problems) broken.push(`${name}: ${problem}`);
        } catch (error) {
          if (!(error instanceof FootnoteError)) throw error;
          count(outcomes, error.code);
          if (!TYPED.has(error.code)) broken.push(`${name}: ${error.code}: ${error.message}`);
        }
        times.push(performance.now() - started);
      });
      delay.disable();
      times.sort((a, b) => a - b);
      const at = (share: number) => Math.round(times[Math.floor(share * (times.length - 1))]!);
      console.log(
        `${folder}: ${files.length} files, ${JSON.stringify(Object.fromEntries(outcomes))}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
          `event loop p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
      );
      expect(broken).toEqual([]);
      expect(files.length - (outcomes.get('ok') ?? 0)).toBeLessThanOrEqual(failures);
    },
    180_000,
  );
});

describe('encrypted PDFs', () => {
  const root = sharedData('pdf');

  it.skipIf(root === undefined)('need their password (skipped without the shared test data)', async () => {
    const path = join(root!, 'issue3371.pdf');
    await expect(parsing.parse({ path }, {})).rejects.toMatchObject({ code: 'password_required' });
    const wrong = parsing.parse({ path }, { options: { password: 'nonsense' } });
    await expect(wrong).rejects.toMatchObject({ code: 'password_wrong' });
    await parsing.parse({ path }, { options: { password: manifestPasswords(root!).get('issue3371.pdf')! } });
  });
});

function list(folder: string, ending: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? list(path, ending) : name.endsWith(ending) ? [path] : [];
    });
}

function manifestPasswords(root: string): Map<string, string> {
  const rows = readFileSync(join(root, 'manifest.jsonl'), 'utf8').trim().split('\n');
  return new Map(
    rows
      .map((row) => JSON.parse(row) as { file: string; password?: string })
      .flatMap(({ file, password }) => (password === undefined ? [] : [[file, password] as const])),
  );
}

function count(of: Map<string, number>, key: string): void {
  of.set(key, (of.get(key) ?? 0) + 1);
}

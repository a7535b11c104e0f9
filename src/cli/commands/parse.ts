import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Chunk, ParsedDocument } from '../../core/document.js';
import { asFootnoteError } from '../../core/errors.js';
import type { ReportLine } from '../../core/schemas/operations.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import type { FoundFile } from '../files.js';
import { findFiles } from '../files.js';
import { asCollection, given } from '../flags.js';
import type { Host } from '../host.js';
import { count, duration, excerpt, printable } from '../output.js';
import { openReport } from '../report.js';
import { ModelProgress } from '../target.js';
import { outcomeText } from './ingest.js';

/** As `ingest` tells them: nothing here can read these files, which is no failure. */
const SKIPPED: ReadonlySet<string> = new Set(['unknown_type', 'unsupported_media_type', 'document_too_large']);

interface Parsed {
  readonly documentId: string;
  readonly revision: string;
  readonly parsed: ParsedDocument;
  readonly chunks: readonly Chunk[];
}

export function parse(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'parse',
    summary: 'show what would be indexed; nothing is stored',
    description:
      'With --out, each file NAME gives NAME.txt (the normalized text that spans point into) and NAME.json (blocks, pages, ' +
      'chunks …), in the folders that the files are in. Exit code 1 when a file failed.',
    examples: ['parse report.pdf', 'parse ./docs --out ./parsed --report report.jsonl'],
    flags: (command) =>
      command
        .argument('<paths...>', 'files and folders')
        .option('--out <dir>', 'write text and structure there')
        .option('--report <file>', 'write a line of JSON a file')
        .option('--collection <name>', 'collection that the document ids are of (default: default)', asCollection)
        .option('--password <text>', 'password of encrypted files'),
    async run(run, [paths], flags) {
      const { config } = await run.config();
      const files = await findFiles(
        (paths as string[]).map((path) => run.path(path)),
        run.signal,
      );
      const out = flags['out'] === undefined ? undefined : run.path(flags['out'] as string);
      const report = await openReport(flags['report'] === undefined ? undefined : run.path(flags['report'] as string));
      const models = new ModelProgress(host);
      const { openParser } = await import('../../engine.js');
      const parser = await openParser(config, { onModelProgress: models.show });
      const progress = run.progress('Parsing', 'files');
      const began = performance.now();
      const tally = { files: files.length, indexed: 0, skipped: 0, failed: 0, chunks: 0 };
      const told: ReportLine[] = [];
      const lines: ReportLine[] = [];
      const { collection, password } = flags as { collection?: string; password?: string };
      const one = async (file: FoundFile): Promise<void> => {
        const started = performance.now();
        let line: Omit<ReportLine, 'ms'>;
        let result: Parsed | undefined;
        try {
          if (file.problem) throw file.problem;
          const of = { key: file.key, ...given({ collection, password }) };
          result = await parser.parse(file.path, of, run.signal);
          if (out !== undefined) await save(out, file.key, result);
          line = outcomeOf(file.key, result);
        } catch (thrown) {
          run.signal.throwIfAborted();
          const { code, message } = asFootnoteError(thrown);
          line = { file: file.key, outcome: SKIPPED.has(code) ? 'skipped' : 'failed', code, message };
        }
        const whole = { ...line, ms: Math.round((performance.now() - started) * 10) / 10 };
        if (line.outcome !== 'deleted' && line.outcome !== 'unchanged') tally[line.outcome] += 1;
        tally.chunks += line.chunks ?? 0;
        await report.write(whole);
        if (run.json) lines.push(whole);
        else if (line.outcome !== 'indexed' && told.length < 100) told.push(whole);
        progress.update(tally.indexed + tally.skipped + tally.failed, files.length);
        if (result && files.length === 1 && out === undefined && !run.json) await show(run, file, result);
      };
      try {
        await inParallel(files, config.parsing.processes === 'auto' ? 4 : config.parsing.processes, one);
      } finally {
        progress.stop();
        models.stop();
        await parser.close();
        await report.close();
      }
      const summary = { ...tally, ms: Math.round(performance.now() - began) };
      if (tally.failed > 0) run.fail();
      if (run.json) return run.out.json({ ...summary, lines });
      for (const line of told) await run.err.line(outcomeText(run, line));
      await run.out.line(
        `${count(tally.files, 'file')}: ${tally.indexed} would be indexed, ${tally.skipped} skipped, ${tally.failed} failed; ` +
          `${count(tally.chunks, 'chunk')}, ${duration(summary.ms)}`,
      );
    },
  });
}

function outcomeOf(key: string, { documentId, parsed, chunks }: Parsed): Omit<ReportLine, 'ms'> {
  const measures = {
    file: key,
    documentId,
    mime: parsed.mime,
    chars: parsed.text.length,
    chunks: chunks.length,
    ...(parsed.pages === undefined ? {} : { pages: parsed.pages.length }),
  };
  if (chunks.length > 0) return { ...measures, outcome: 'indexed' };
  const code = parsed.warnings.find((warning) => ['empty_document', 'no_text_layer'].includes(warning.code))?.code;
  return { ...measures, outcome: 'skipped', code: code ?? 'empty_document', message: 'It holds no text to index.' };
}

async function save(out: string, key: string, { documentId, revision, parsed, chunks }: Parsed): Promise<void> {
  const path = join(out, ...key.split('/'));
  await mkdir(dirname(path), { recursive: true });
  const { text, ...structure } = parsed;
  await writeFile(`${path}.txt`, text);
  await writeFile(`${path}.json`, `${JSON.stringify({ file: key, documentId, revision, ...structure, chunks })}\n`);
}

async function show({ out }: Run, file: FoundFile, { parsed, chunks, revision }: Parsed): Promise<void> {
  const { paint } = out;
  const about = [
    parsed.mime,
    parsed.parser,
    parsed.language,
    parsed.pages && count(parsed.pages.length, 'page'),
    `${parsed.text.length} characters`,
    count(parsed.blocks.length, 'block'),
  ].filter((part) => part !== undefined);
  await out.line(`${paint.bold(printable(file.key))}  ${about.join(', ')}, revision ${revision}`);
  if (parsed.title !== undefined) await out.line(`  title   ${printable(parsed.title)}`);
  for (const warning of parsed.warnings) {
    await out.line(paint.yellow(`  warning ${printable(warning.message)} (${warning.code})`));
  }
  for (const chunk of chunks) {
    const page = chunk.page === undefined ? '' : `, p. ${chunk.page}`;
    const place = `${chunk.span.start}–${chunk.span.end}, ${chunk.tokens} tokens, ${chunk.kind}${page}`;
    await out.line(paint.cyan(`  #${chunk.ordinal} ${place}  ${printable(chunk.headings.join(' > '))}`));
    await out.line(`     ${excerpt(chunk.text, 160)}`);
  }
}

async function inParallel<T>(items: readonly T[], width: number, use: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await use(item);
  };
  const all = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const each of all) if (each.status === 'rejected') throw each.reason;
}

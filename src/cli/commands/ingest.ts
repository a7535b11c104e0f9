import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { IngestEvent, ReportLine } from '../../core/schemas/operations.js';
import { IngestSchema } from '../../core/schemas/operations.js';
import type { Ending, Run } from '../command.js';
import { addCommand, stateError } from '../command.js';
import { asSource, collectionFlag, given, parseJsonFlag, request } from '../flags.js';
import type { Host } from '../host.js';
import { count, duration, printable } from '../output.js';
import { openReport } from '../report.js';
import type { Target } from '../target.js';

export type IngestSummary = Omit<Extract<IngestEvent, { type: 'summary' }>, 'type'>;

export function ingest(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'ingest',
    summary: 'index files and folders, once',
    description:
      'Files that did not change since the last time are not read again; documents whose files have gone are deleted. ' +
      'The collection is created if it is missing. Exit code 1 when a file failed.',
    examples: ['ingest ./docs --collection handbook', 'ingest ./docs --collection handbook --report report.jsonl'],
    flags: (command) =>
      collectionFlag(command.argument('<paths...>', 'files and folders'))
        .option('--source <name>', 'name of the source within the collection (default: files)', asSource)
        .option('--report <file>', 'write a line of JSON a file')
        .option('--keep-missing', 'keep documents whose files have gone')
        .option('--metadata <json>', 'a JSON object that every document gets'),
    async run(run, [paths], flags) {
      const collection = flags['collection'] as string;
      const body = request(IngestSchema, {
        paths: (paths as string[]).map((path) => run.path(path)),
        ...given({ source: flags['source'] }),
        ...(flags['keepMissing'] === true ? { deleteMissing: false } : {}),
        ...(flags['metadata'] === undefined
          ? {}
          : { metadata: parseJsonFlag(flags['metadata'] as string, '--metadata') }),
      });
      const report = await openReport(flags['report'] === undefined ? undefined : run.path(flags['report'] as string));
      try {
        const summary = await run.on(async (target) => {
          await target.surface.collections.put(target.caller, collection, {}, run.signal);
          const ended = await ingestInto(run, target, collection, body, (line) => report.write(line));
          const { collections } = await target.surface.status(target.caller, run.signal);
          const warnings = collections[collection]?.warnings ?? [];
          return { ...ended, ...(warnings.length > 0 ? { warnings } : {}) };
        });
        if (summary.failed > 0) run.fail();
        if (run.json) await run.out.json({ collection, ...summary });
        else {
          await print(run, collection, summary);
          for (const warning of summary.warnings ?? [])
            await run.err.line(`${run.err.paint.yellow('warning')} ${printable(warning)}`);
        }
      } finally {
        await report.close();
      }
    },
  });
}

/** Ingests with progress; tells failed and skipped files as they come, unless the output is JSON. */
export async function ingestInto(
  run: Run,
  { surface, caller }: Pick<Target, 'surface' | 'caller'>,
  collection: string,
  body: Parameters<Target['surface']['ingest']>[2],
  onLine: (line: ReportLine) => Promise<void>,
): Promise<IngestSummary> {
  const progress = run.progress(`Ingesting into ${collection}`, 'files');
  const told: ReportLine[] = [];
  try {
    for await (const event of surface.ingest(caller, collection, body, run.signal)) {
      if (event.type === 'progress') progress.update(event.done, event.total);
      else if (event.type === 'error') throw stateError(event.error);
      else if (event.type === 'file') {
        const { type: _, ...line } = event;
        await onLine(line);
        if ((line.outcome === 'failed' || line.outcome === 'skipped') && told.length < 100) told.push(line);
      } else {
        progress.stop();
        if (!run.json) for (const line of told) await run.err.line(outcomeText(run, line));
        const { type: _, ...summary } = event;
        return summary;
      }
    }
  } finally {
    progress.stop();
  }
  throw new FootnoteError('unavailable', 'The ingestion ended before it was complete. Run it again: it goes on.');
}

export function outcomeText(run: Run, line: ReportLine): string {
  const { paint } = run.err;
  const word = line.outcome === 'failed' ? paint.red('failed ') : paint.yellow('skipped');
  return `${word} ${printable(line.file)}: ${printable(line.message ?? '')} (${line.code ?? 'unknown'})`;
}

async function print({ out }: Run, collection: string, summary: IngestSummary): Promise<void> {
  await out.line(`${collection}: ${summaryText(summary)}`);
  if (summary.failed > 0) await out.line(`See: footnote dlq list --collection ${collection}`);
}

/** `8 files (7 indexed, 1 skipped), 57 chunks, 57 embedded, 2.3 s` */
export function summaryText(summary: IngestSummary): string {
  const outcomes = (['indexed', 'unchanged', 'skipped', 'failed', 'deleted'] as const)
    .filter((outcome) => summary[outcome] > 0)
    .map((outcome) => `${summary[outcome]} ${outcome}`);
  const made = summary.indexed === 0 ? '' : `, ${count(summary.chunks, 'chunk')}`;
  const embedded = summary.embedded === undefined || made === '' ? '' : `, ${summary.embedded} embedded`;
  return `${count(summary.files, 'file')} (${outcomes.join(', ') || 'nothing to do'})${made}${embedded}, ${duration(summary.ms)}`;
}

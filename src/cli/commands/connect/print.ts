import { FootnoteError } from '../../../core/errors.js';
import type { SourceCounts, SourceList, SourcePreview, SourceView } from '../../../core/schemas/connectors.js';
import type { SourceAt } from '../../../core/surface.js';
import type { Run } from '../../command.js';
import { printable } from '../../output.js';

export async function printSources(run: Run, { running, sources }: SourceList): Promise<void> {
  await run.out.table(
    ['COLLECTION', 'SOURCE', 'CONNECTOR', 'STATE', 'LAST RUN', 'OUTCOME', 'NEXT RUN'],
    sources.map(({ collection, source, connector, state, last, nextAt }) => [
      collection,
      source,
      connector,
      state,
      last?.endedAt,
      last && `${last.outcome}: ${countsOf(last.counts)}`,
      nextAt,
    ]),
    'No sources are configured.',
  );
  for (const each of sources) await printTrouble(run, each);
  if (sources.length > 0 && !running) {
    await run.out.line(run.out.paint.dim('No process keeps them in step: run footnote serve, or footnote connect.'));
  }
}

export async function printSource(run: Run, view: SourceView): Promise<void> {
  const { collection, source, state, last } = view;
  const how = last ? `, last run ${last.outcome}: ${countsOf(last.counts)}` : '';
  await run.out.line(`${collection} ${source}: ${state}${how}`);
  await printTrouble(run, view);
}

async function printTrouble(run: Run, { collection, source, last, stopped }: SourceView): Promise<void> {
  const { paint } = run.out;
  if (stopped) await run.out.line(paint.yellow(`  ${printable(stopped.message)}`));
  else if (last?.error) {
    await run.out.line(`  ${collection} ${source}: ${paint.red(last.error.code)}: ${printable(last.error.message)}`);
  }
  for (const { key, code, message } of last?.problems ?? []) {
    await run.out.line(`  ${printable(key)}: ${code}: ${printable(message)}`);
  }
}

function countsOf(counts: SourceCounts): string {
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  return told.length === 0 ? 'nothing' : told.map(([what, count]) => `${count} ${what}`).join(', ');
}

/** One source's dry run, line by line. */
export async function printPreviews(run: Run, at: SourceAt, lines: AsyncIterable<SourcePreview>): Promise<void> {
  if (!run.json) await run.out.line(`${at.collection} ${at.source}`);
  for await (const line of lines) {
    if (line.type === 'error') {
      throw new FootnoteError(line.error.code as FootnoteError['code'], line.error.message);
    }
    if (run.json) await run.out.row({ ...at, ...line });
    else if (line.type === 'item') {
      const why = line.message ?? line.code;
      await run.out.line(
        `  ${line.action.padEnd(8)}${printable(line.key)}${why === undefined ? '' : `: ${printable(why)}`}`,
      );
    } else {
      const { stopped, type: _, ...counts } = line;
      const told = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
      await run.out.line(`  ${told.join(', ')}`);
      if (stopped) await run.out.line(run.out.paint.yellow(`  The brake would stop it: ${printable(stopped.message)}`));
    }
  }
}

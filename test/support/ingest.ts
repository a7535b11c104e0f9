import type { IngestEvent, ReportLine } from '../../src/core/schemas/operations.js';
import type { Engine } from '../../src/engine.js';

export type IngestSummary = Extract<IngestEvent, { type: 'summary' }>;

/** One `ingest` of paths through the engine; its lines by file name. */
export async function ingest(
  { surface, caller }: Pick<Engine, 'surface' | 'caller'>,
  collection: string,
  ...paths: string[]
): Promise<{ summary: IngestSummary; lines: Record<string, ReportLine> }> {
  const { signal } = new AbortController();
  const lines: Record<string, ReportLine> = {};
  for await (const event of surface.ingest(caller, collection, { paths }, signal)) {
    if (event.type === 'file') {
      const { type: _, ...line } = event;
      lines[line.file] = line;
    } else if (event.type === 'summary') return { summary: event, lines };
  }
  throw new Error('the ingestion ended without a summary');
}

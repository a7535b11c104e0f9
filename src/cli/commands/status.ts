import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import type { Host } from '../host.js';
import { NO_COLLECTIONS, printable } from '../output.js';

export function status(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'status',
    summary: 'collections with their counts, generations and lag',
    examples: ['status', 'status --json'],
    async run(run) {
      await run.on(async ({ surface, caller, server }, config) => {
        const result = await surface.status(caller, run.signal);
        if (run.json) return run.out.json(result);
        const { out } = run;
        const where = server === undefined ? 'no server runs' : `served at ${server}`;
        await out.line(`footnote ${result.version} · ${run.shown(config.data)} · ${where}`);
        for (const [name, { ok, detail = '' }] of Object.entries(result.stores ?? {})) {
          if (!ok) await out.line(`${out.paint.red('away')} ${name}: ${printable(detail)}`);
        }
        await out.table(
          ['COLLECTION', 'LIVE', 'PENDING', 'FAILED', 'DELETED', 'CHUNKS', 'LAG', 'DEAD LETTERS', 'GENERATION'],
          Object.entries(result.collections).map(([name, of]) => [
            name,
            of.documents.live,
            of.documents.pending,
            of.documents.failed,
            of.documents.deleted,
            of.chunks,
            of.lag,
            of.deadLetters ?? 0,
            of.generation ?? undefined,
          ]),
          NO_COLLECTIONS,
        );
        for (const { role, host, pid, problems } of result.processes ?? []) {
          await out.line(`${role} on ${printable(host)}, process ${pid}`);
          for (const [generation, { message }] of Object.entries(problems))
            await out.line(`  ${out.paint.red('does not follow')} ${generation}: ${printable(message)}`);
        }
        for (const warning of result.warnings ?? [])
          await out.line(`${out.paint.yellow('warning')} ${printable(warning)}`);
        for (const [name, { warnings = [] }] of Object.entries(result.collections)) {
          for (const warning of warnings)
            await out.line(`${out.paint.yellow('warning')} ${name}: ${printable(warning)}`);
        }
      });
    },
  });
}

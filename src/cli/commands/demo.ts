import { join } from 'node:path';
import type { Command } from 'commander';
import { ContextSchema } from '../../core/schemas/query.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { asCount, request } from '../flags.js';
import type { Host } from '../host.js';
import { count } from '../output.js';
import { stopped } from '../signals.js';
import type { Target } from '../target.js';
import { openLocal } from '../target.js';
import { packageFolder } from '../version.js';
import { printContext } from './context.js';
import { ingestInto, summaryText } from './ingest.js';

const COLLECTION = 'demo';
/** Its answer stands in a row of the data sheet's mooring table. */
const QUESTION = 'Which anchor and chain does the buoy need at a depth of 50 m?';
const BUDGET = 400;

export function demo(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'demo',
    summary: 'ingest the sample documents, ask a question, serve the API',
    description: 'Keeps its data in .footnote/demo unless --data says otherwise.',
    examples: ['demo', 'demo --once'],
    flags: (command) =>
      command
        .option('--once', 'end after the answer instead of serving')
        .option('--port <n>', 'port on loopback; 0 takes a free one (default: 7470)', asCount(0, 65535)),
    async run(run, _args, flags) {
      const loaded = await run.config();
      const port = flags['port'] as number | undefined;
      const config = {
        ...loaded.config,
        ...(flags['data'] === undefined ? { data: run.path('.footnote/demo') } : {}),
        ...(port === undefined ? {} : { http: { ...loaded.config.http, port } }),
      };
      const engine = await openLocal(host, config);
      try {
        await showcase(run, engine);
        if (flags['once'] === true) return;
        const { url } = await engine.serve();
        await tell(run, url, run.shown(config.data));
        await stopped(run.signal);
      } finally {
        await engine.close();
      }
    },
  });
}

async function showcase(run: Run, target: Pick<Target, 'surface' | 'caller'>): Promise<void> {
  const { surface, caller } = target;
  const { out } = run;
  const folder = join(packageFolder(), 'samples');
  await surface.collections.put(caller, COLLECTION, {}, run.signal);
  const summary = await ingestInto(run, target, COLLECTION, { paths: [folder] }, async () => undefined);
  if (summary.failed > 0) run.fail();
  const body = request(ContextSchema, { query: QUESTION, budget: { tokens: BUDGET } });
  const answer = await surface.context(caller, COLLECTION, body, run.signal);
  const ids = answer.citations.map(({ id }) => id);
  const checks =
    ids.length === 0
      ? []
      : (await surface.citations.verify(caller, COLLECTION, { citations: ids }, run.signal)).results;
  const good = checks.filter(({ valid, current }) => valid && current).length;
  if (good < checks.length || checks.length === 0) run.fail();
  if (run.json) return run.out.json({ ingest: summary, question: QUESTION, answer, checks });
  const { paint } = out;
  await out.line(`${paint.bold('1. Ingest')}    ${run.shown(folder)}: ${summaryText(summary)}`);
  await out.line(`${paint.bold('2. Question')}  ${QUESTION}`);
  await out.line(`${paint.bold('3. Context')}   what a language model would be given:\n`);
  await printContext(out, answer, BUDGET);
  await out.line(
    `\n${paint.bold('4. Check')}     ${good === checks.length ? paint.green('ok') : paint.red('failed')}: ` +
      `${good} of ${count(checks.length, 'citation')} stand in the stored text, byte for byte`,
  );
}

async function tell({ out, json }: Run, url: string, data: string): Promise<void> {
  if (json) return out.row({ url });
  const { paint } = out;
  await out.line(`${paint.bold('5. Serve')}     ${url}   reference: ${url}/docs   data: ${data}\n`);
  const post = (path: string, body: object) =>
    `curl -s ${url}/v1/collections/${COLLECTION}/${path} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
  await out.line(post('search', { query: 'how do I keep gulls away?', limit: 3 }));
  await out.line(post('context', { query: 'when do I replace the anode?', budget: { tokens: 300 } }));
  await out.line(`curl -s ${url}/v1/collections/${COLLECTION}/documents`);
  await out.line('\nCtrl-C stops it.');
}

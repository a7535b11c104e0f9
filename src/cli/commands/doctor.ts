import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { loadConfig } from '../config.js';
import { examine } from '../doctor.js';
import type { Finding } from '../doctor.js';
import type { Host } from '../host.js';
import { printable } from '../output.js';

export function doctor(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'doctor',
    summary: 'check everything that Footnote stands on, and say how to mend it',
    description:
      'Node.js, native modules, configuration, disk, data directory, stores, model and port. Changes nothing. Exit code 1 when ' +
      'something is wrong; warnings alone are 0.',
    examples: ['doctor', 'doctor --json --config /etc/footnote.yaml'],
    async run(run, _args, flags) {
      const findings: Finding[] = [];
      const { paint } = run.out;
      const signs = { ok: paint.green('ok  '), warn: paint.yellow('warn'), fail: paint.red('fail') };
      const load = () => loadConfig(host, flags);
      for await (const finding of examine(load, run.signal)) {
        findings.push(finding);
        if (run.json) continue;
        await run.out.line(`${signs[finding.state]}  ${finding.check}: ${printable(finding.message)}`);
        if (finding.advice !== undefined) await run.out.line(paint.dim(`      ${printable(finding.advice)}`));
      }
      const ok = findings.every(({ state }) => state !== 'fail');
      if (!ok) run.fail();
      if (run.json) await run.out.json({ ok, checks: findings });
    },
  });
}

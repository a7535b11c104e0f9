import { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { Host } from '../../src/cli/host.js';
import { createProgram, runProgram } from '../../src/cli/program.js';
import { GENERATED } from './generated.js';

/** Commands that only hold others. */
const GROUPS = ['collections', 'dlq', 'jobs', 'release', 'keys', 'models'];

/** The help of every command, exactly as it is printed. */
export async function cliPage(): Promise<string> {
  const sections: string[] = [];
  for (const path of commandsOf(createProgram(hostInto([])))) {
    const title = ['footnote', ...path].join(' ');
    const help = await helpOf(path);
    sections.push(`${'#'.repeat(path.length + 1)} ${path.length === 0 ? title : `\`${title}\``}`, fenced(help));
  }
  const [whole, ...commands] = [sections.slice(0, 2), sections.slice(2)];
  return [
    '# Command line',
    GENERATED,
    'In a clone, `npx footnote` runs the command that `npm install` built.',
    whole[1],
    ...commands.flat(),
  ].join('\n\n');
}

/** Every command that does something by itself, as it is typed. */
export function commandPaths(): string[] {
  const groups = new Set(['', ...GROUPS]);
  return commandsOf(createProgram(hostInto([])))
    .map((path) => path.join(' '))
    .filter((path) => !groups.has(path));
}

/** Every command's names from the top, the whole program's first. */
function commandsOf(command: Command, path: readonly string[] = []): (readonly string[])[] {
  const below = command.commands.filter((each) => each.name() !== 'help');
  return [path, ...below.flatMap((each) => commandsOf(each, [...path, each.name()]))];
}

async function helpOf(path: readonly string[]): Promise<string> {
  const written: string[] = [];
  await runProgram([...path, '--help'], hostInto(written));
  return written.join('').trimEnd();
}

function hostInto(written: string[]): Host {
  const stream = () =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString());
        done();
      },
    });
  const stdout = Object.assign(stream(), { columns: 100 });
  return { env: {}, cwd: '.', stdout, stderr: stream(), signal: new AbortController().signal };
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

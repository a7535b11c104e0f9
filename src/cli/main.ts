#!/usr/bin/env node
import { FootnoteError } from '../core/errors.js';
import type { Host } from './host.js';
import { ReaderGone } from './host.js';
import { runProgram } from './program.js';

const stop = new AbortController();

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second one ends it at once.
    if (stop.signal.aborted) process.exit(1);
    stop.abort(new FootnoteError('cancelled', `Stopped by ${name}.`));
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    stop.abort(new ReaderGone('The reader of the output went away.'));
  });
}

const host: Host = {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
};
// The command ends the process, not an event loop that happens to be empty while it waits.
setInterval(() => undefined, 2 ** 30);
const code = await runProgram(process.argv.slice(2), host);
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit(code);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((done) => {
    if (stream.destroyed || stream.writableEnded) done();
    else stream.write('', () => done());
  });
}

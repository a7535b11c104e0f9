import { resolve } from 'node:path';
import { SERVERS } from './all.js';
import { startServers } from './start.js';

/**
 * `npm run servers [-- NAME …]`: the servers of the distributed setting on loopback, for development. Their data stays in
 * `.servers/`, so that what was ingested is there the next time. Ends them all on Ctrl-C.
 */
const only = process.argv.slice(2);
const unknown = only.filter((name) => !SERVERS.some((kind) => kind.name === name));
if (unknown.length > 0) {
  console.error(`There is no server ${unknown.join(', ')}; there are ${SERVERS.map((kind) => kind.name).join(', ')}.`);
  process.exit(2);
}
const started = await startServers(resolve('.servers'), {
  ...(only.length > 0 ? { only } : {}),
  onStarted: (name) => console.error(`${name} is up`),
});
for (const { name, reason } of started.missing) console.error(`${name} is not started: ${reason}`);
for (const [name, value] of Object.entries(started.environment)) console.log(`export ${name}='${value}'`);
console.error('Ctrl-C stops them.');
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    started.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
setInterval(() => undefined, 1 << 30);

import { openLanceVectors } from '../../src/adapters/vectors/lancedb/index.js';
import { point, unitVector } from './points.js';

/** Writes points to `g-1` below the given directory until it is killed; prints each id once its write has returned. */
const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: vector-writer DIRECTORY');
const store = await openLanceVectors({ directory });
const run = process.pid;
async function writeForever(writer: number): Promise<never> {
  for (let n = 0; ; n++) {
    const one = point({ doc: `${run}-${writer}-${n}`, vectors: { text: unitVector(n, 8) } });
    await store.write('g-1', [one]);
    process.stdout.write(`${one.id}\n`);
    // Kills should meet compactions, too.
    if (n % 8 === 7) await store.optimize('g-1');
  }
}
await Promise.all([0, 1, 2].map(writeForever));

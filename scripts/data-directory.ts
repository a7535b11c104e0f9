/**
 * Writes a data directory with something of everything that this version stores, with what must be found in it, into one
 * file. Run once a change of a stored shape, and keep the older files: node dist/scripts/data-directory.js OUT.json.gz
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packFolder } from './data-directory/archive.js';
import { makeDirectory } from './data-directory/make.js';
import { takePlace } from './data-directory/place.js';

const out = process.argv[2];
if (out === undefined) throw new Error('Say where to write: node dist/scripts/data-directory.js OUT.json.gz');
const place = await takePlace();
const folder = await mkdtemp(join(tmpdir(), 'footnote-data-'));
try {
  const data = join(folder, 'data');
  const facts = await makeDirectory(data, place.sources);
  const packed = await packFolder(data, facts);
  await writeFile(out, packed);
  console.log(`${out}: ${packed.length} bytes, ${JSON.stringify(facts.collections)}`);
} finally {
  await rm(folder, { recursive: true, force: true });
  await place.release();
}

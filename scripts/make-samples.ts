/**
 * Makes the PDFs that are committed: the demo's data sheet and the fixtures of the parser tests. The other samples are
 * written by hand, the other fixtures anew in each test. Run: npm run -s build && node dist/scripts/make-samples.js
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { specificationSheet } from './samples/specification-sheet.js';
import { fixturePdfs } from './samples/fixtures.js';

const root = process.cwd();
writeFileSync(join(root, 'samples/petrel-b2-data-sheet.pdf'), specificationSheet());
for (const [name, bytes] of Object.entries(fixturePdfs()))
  writeFileSync(join(root, 'test/fixtures/parse', name), bytes);

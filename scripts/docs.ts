/**
 * Writes the generated files of docs/reference, then checks what is written by hand: links, file names, fault points and
 * the list of dependencies. Run: npm run -s build && node dist/scripts/docs.js [--check]
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { packageFolder } from '../src/cli/version.js';
import { checkHandwritten } from './docs/checks.js';
import { cliPage } from './docs/cli.js';
import { configurationPage, configurationSchema, sourceSchema } from './docs/configuration.js';
import { connectorsPage } from './docs/connectors.js';
import { errorsPage } from './docs/errors.js';
import { metricsPage } from './docs/metrics.js';

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/reference/cli.md': cliPage,
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/connectors.md': connectorsPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/footnote.schema.json': configurationSchema,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/source.schema.json': sourceSchema,
};

const root = packageFolder();
const check = process.argv.includes('--check');
const style = await resolveConfig(join(root, 'docs/reference/any.md'));
const problems: string[] = [];

for (const [path, page] of Object.entries(PAGES)) {
  const wanted = await format(await page(), { ...style, parser: path.endsWith('.json') ? 'json' : 'markdown' });
  const file = join(root, path);
  const found = await readFile(file, 'utf8').catch(() => undefined);
  if (found === wanted) continue;
  if (check) {
    problems.push(`${path} is ${found === undefined ? 'missing' : 'stale'}: run node dist/scripts/docs.js`);
    continue;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, wanted);
  console.log(`wrote ${path}`);
}
problems.push(...(await checkHandwritten(root)));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

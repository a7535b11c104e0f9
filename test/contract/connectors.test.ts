import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnySchema } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { connectors } from '../../connectors/registry.js';
import { loadConfig } from '../../src/cli/config.js';
import type { Connector } from '../../src/core/ports/connector.js';
import { temporaryFolder } from '../support/fixtures.js';

const FOLDER = 'connectors';
const folders = (await readdir(FOLDER, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const registered: Readonly<Record<string, Connector<unknown>>> = connectors;
const text = (path: string) => readFile(path, 'utf8').catch(() => '');

describe('every connector', () => {
  it('has a line in the registry', () => {
    const missing = folders.filter((name) => !(name in registered));
    expect(missing, `add a line for each to ${FOLDER}/registry.ts`).toEqual([]);
    expect(Object.keys(registered).filter((name) => !folders.includes(name))).toEqual([]);
  });

  it.each(Object.entries(registered))('%s is registered under its own name, in one sentence', (name, connector) => {
    expect(connector.name, `call it ${name} in ${FOLDER}/${name}/index.ts`).toBe(name);
    expect(connector.summary, `give ${FOLDER}/${name}/index.ts a summary that ends with a full stop`).toMatch(/^.+\.$/);
  });

  it.each(folders)('%s has its files', (name) => {
    const wanted = ['index.ts', `${name}.test.ts`, 'example.yaml'].map((file) => join(FOLDER, name, file));
    expect(
      wanted.filter((path) => !existsSync(path)),
      'write these (docs/connectors.md, rule 1)',
    ).toEqual([]);
  });

  it.each(folders)('%s runs the contract suite', async (name) => {
    const path = `test/contract/connector.${name}.test.ts`;
    expect(await text(path), `write ${path} with describeConnectorContract`).toContain(
      `describeConnectorContract('${name}'`,
    );
  });

  it.each(Object.entries(registered))('%s has an example that its schema takes', (name, { config, example }) => {
    const { error } = config.safeParse(example);
    expect(error?.issues ?? [], `mend \`example\` in ${FOLDER}/${name}/index.ts`).toEqual([]);
  });

  it.each(folders)('%s has an example that is a file of one source, and loads', async (name) => {
    const path = join(FOLDER, name, 'example.yaml');
    const schema = '# yaml-language-server: $schema=../../docs/reference/source.schema.json\n';
    expect((await text(path)).startsWith(schema), `begin ${path} with the line for editors`).toBe(true);
    const folder = await temporaryFolder();
    await writeFile(join(folder.path, 'footnote.yaml'), '');
    await mkdir(join(folder.path, 'connectors'));
    await copyFile(path, join(folder.path, 'connectors', 'example.yaml'));
    const { config } = await loadConfig({ cwd: folder.path, env: {} }, {});
    expect(config.sources.map(({ connector }) => connector)).toEqual([name]);
    await folder.remove();
  });

  it('has an example that the schema for editors takes, and no other', async () => {
    const schema = JSON.parse(await text('docs/reference/source.schema.json')) as AnySchema;
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    const check = ajv.compile(schema);
    for (const name of folders) {
      const example = parse(await text(join(FOLDER, name, 'example.yaml'))) as { options: object };
      expect([name, check(example), check.errors]).toEqual([name, true, null]);
      expect(check({ ...example, options: { ...example.options, noSuchOption: 1 } })).toBe(false);
    }
  });

  it.each(Object.keys(registered))('%s stands in the reference', async (name) => {
    const page = await text('docs/reference/connectors.md');
    expect(page, 'run npm run build && node dist/scripts/docs.js').toContain(`## ${name}\n`);
  });
});

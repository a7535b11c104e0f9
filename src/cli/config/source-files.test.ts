import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/fixtures.js';
import { loadConfig } from '../config.js';
import { sourcesTold } from './source-files.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'connectors'));
  await write('footnote.yaml', '');
});
afterEach(() => folder.remove());

const write = (name: string, text: string) => writeFile(join(folder.path, name), text);
const load = (env: Record<string, string> = {}) => loadConfig({ cwd: folder.path, env }, {});
const FILES = 'connector: files\noptions: { paths: [docs] }\n';

describe('sources in files of their own', () => {
  it('are called as their files are, of one collection or several, with values of the environment', async () => {
    await write(
      'footnote.yaml',
      `sources: [{ collection: a, source: inline, connector: files, options: { paths: [x] } }]\n`,
    );
    await write('connectors/docs.yaml', `collection: [a, b]\n${FILES}`);
    await write(
      'connectors/repo.yml',
      'collection: a\nsource: code\nconnector: git\noptions: { url: "${URL}" }\neveryMs: 1000\n',
    );
    await write('connectors/.hidden.yaml', 'nonsense: [');
    await write('connectors/README.md', 'nonsense');
    await mkdir(join(folder.path, 'connectors', 'more'));
    const { config, sourceFiles } = await load({ URL: 'https://example.org/x.git' });
    expect(config.sources.map(({ collection, source, connector }) => [collection, source, connector])).toEqual([
      ['a', 'inline', 'files'],
      ['a', 'docs', 'files'],
      ['b', 'docs', 'files'],
      ['a', 'code', 'git'],
    ]);
    // As under `sources`: relative to the main file's folder.
    expect(config.sources[1]).toMatchObject({ base: folder.path, everyMs: 900_000 });
    expect(config.sources[3]).toMatchObject({ options: { url: 'https://example.org/x.git' }, everyMs: 1000 });
    const told = '4 sources: 1 under sources, connectors/docs.yaml, connectors/repo.yml';
    expect(sourcesTold(config, sourceFiles, folder.path)).toBe(told);
  });

  it('may stand in another folder, and behind links', async () => {
    await mkdir(join(folder.path, 'etc'));
    await write('footnote.yaml', 'connectors: etc\n');
    await write('connectors/a.yaml', 'not read');
    await write('b.yaml', `collection: c\n${FILES}`);
    await symlink(join(folder.path, 'b.yaml'), join(folder.path, 'etc', 'b.yaml'));
    expect((await load()).config.sources.map(({ source }) => source)).toEqual(['b']);
    await write('footnote.yaml', 'data: x\nconnectors: none\n');
    await expect(load()).rejects.toThrow(
      /footnote\.yaml:2: connectors: .*none cannot be read: there is no such folder/,
    );
  });

  it('are not looked for where there is no configuration', async () => {
    await mkdir(join(folder.path, 'bare', 'connectors'), { recursive: true });
    await write('bare/connectors/a.yaml', 'nonsense');
    expect((await loadConfig({ cwd: join(folder.path, 'bare'), env: {} }, {})).config.sources).toEqual([]);
  });

  it.each([
    ['', /a\.yaml: is empty/],
    ['- collection: c\n', /a\.yaml: is a list/],
    ['text', /a\.yaml: invalid input/],
    [`sources:\n  - collection: c\n`, /a\.yaml:1: sources: goes into the main file/],
    [`collection: c\n${FILES}evryMs: 5\n`, /a\.yaml:4: evryMs: is not a known setting: did you mean everyMs/],
    [`collection: c\n${FILES}brake: { least: 0 }\n`, /a\.yaml:4: brake\.least: /],
    [`collection: c\nconnector: gopher\n`, /a\.yaml:2: connector: there is no connector gopher/],
    [
      `collection: c\nconnector: files\noptions:\n  paths: [x]\n  globs: y\n`,
      /a\.yaml:5: options\.globs: is not a known setting/,
    ],
    [
      `collection: c\nconnector: git\noptions:\n  url: \${NOWHERE}\n`,
      /a\.yaml:4: options\.url: the environment has no NOWHERE/,
    ],
    [`collection: [c, d, c]\n${FILES}`, /a\.yaml:1: collection\.2: names c twice/],
    [`collection: c\n${FILES}---\ncollection: d\n`, /a\.yaml:4: /],
    ['a: [\n', /a\.yaml:\d: /],
    ['#'.repeat(1024 * 1024 + 1), /a\.yaml: is larger than/],
  ])('are refused with file and field: %s', async (text, says) => {
    await write('connectors/a.yaml', text);
    await expect(load()).rejects.toMatchObject({ code: 'invalid_config' });
    await expect(load()).rejects.toThrow(says);
  });

  it('are refused for their names, for what is no file, and all at once', async () => {
    await write('connectors/-odd name.yaml', `collection: c\n${FILES}`);
    await mkdir(join(folder.path, 'connectors', 'folder.yaml'));
    await write('connectors/bad.yaml', 'collection: 7\n');
    const message = await load().then(
      () => '',
      (error: Error) => error.message,
    );
    expect(message).toMatch(/-odd name\.yaml: its name can't name a source/);
    expect(message).toMatch(/folder\.yaml: is no file/);
    expect(message).toMatch(/bad\.yaml:1: collection: /);
    expect(message).toMatch(/bad\.yaml: connector: /);
  });

  it('are refused when two have one name, with both places', async () => {
    await write('footnote.yaml', `sources: [{ collection: c, connector: files, options: { paths: [x] } }]\n`);
    await write('connectors/files.yaml', `collection: [b, c]\n${FILES}`);
    await write('connectors/files.yml', `collection: b\n${FILES}`);
    const refused = load();
    await expect(refused).rejects.toThrow(/files\.yaml: is source files of c, as .*footnote\.yaml \(sources\.0\) is/);
    await expect(refused).rejects.toThrow(/files\.yml: is source files of b, as .*files\.yaml is/);
  });
});

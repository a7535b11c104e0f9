import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { loadConfig } from './config.js';
import { UsageError } from './host.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const load = (flags: { config?: string; data?: string } = {}, env: Record<string, string> = {}) =>
  loadConfig({ cwd: folder.path, env }, flags);
const write = (text: string, name = 'footnote.yaml') => writeFile(join(folder.path, name), text);

describe('configuration', () => {
  it('has a default for everything', async () => {
    const { config, file } = await load();
    expect(file).toBeUndefined();
    expect(config.data).toBe(join(folder.path, '.footnote'));
    expect(config.http.port).toBe(7470);
  });

  it('prefers the flag to the environment to the file', async () => {
    await write('data: from-file\n');
    expect((await load()).config.data).toBe(join(folder.path, 'from-file'));
    expect((await load({}, { FOOTNOTE_DATA: 'from-env' })).config.data).toBe(join(folder.path, 'from-env'));
    expect((await load({ data: 'from-flag' }, { FOOTNOTE_DATA: 'x' })).config.data).toBe(
      join(folder.path, 'from-flag'),
    );
  });

  it('reads paths of a file relative to the file', async () => {
    await mkdir(join(folder.path, 'etc'));
    await write('data: index\ncache: ../models\nembedding: {model: ./mine}\n', join('etc', 'f.yaml'));
    const { config } = await load({ config: join('etc', 'f.yaml') });
    expect(config.data).toBe(join(folder.path, 'etc', 'index'));
    expect(config.cache).toBe(join(folder.path, 'models'));
    expect(config.embedding.model).toBe(join(folder.path, 'etc', 'mine'));
    await write('sources: [{collection: c, connector: files, options: {paths: [docs]}}]\n', join('etc', 'g.yaml'));
    expect((await load({ config: join('etc', 'g.yaml') })).config.sources[0]?.base).toBe(join(folder.path, 'etc'));
  });

  it('takes cache, hub and offline from the environment', async () => {
    const env = { FOOTNOTE_CACHE: '/models', HF_ENDPOINT: 'https://hub.example', FOOTNOTE_OFFLINE: '1' };
    const { config } = await load({}, env);
    expect(config.cache).toBe('/models');
    expect(config.embedding).toMatchObject({ hubEndpoint: 'https://hub.example', offline: true });
    expect((await load({}, { FOOTNOTE_OFFLINE: '0' })).config.embedding.offline).toBe(false);
    await expect(load({}, { HF_ENDPOINT: 'nowhere' })).rejects.toThrow(/embedding.hubEndpoint/);
  });

  it('takes values of the environment where the file names them', async () => {
    const hosts = '["$${not}", "${HOST}"]';
    await write(`data: ${'${BASE}'}/index\nhttp:\n  port: ${'${PORT:-7500}'}\n  hosts: ${hosts}\n`);
    const env = { BASE: '/srv', HOST: 'a.example' };
    const { config } = await load({}, env);
    expect(config.data).toBe('/srv/index');
    expect(config.http).toMatchObject({ port: 7500, hosts: ['${not}', 'a.example'] });
    expect((await load({}, { ...env, PORT: '80' })).config.http.port).toBe(80);
    await expect(load({}, { BASE: 'secret' })).rejects.toThrow(/HOST: set it/);
    await expect(load({}, { BASE: 'secret' })).rejects.not.toThrow(/secret/);
  });

  it.each([
    { text: 'http:\n  prot: 1\n', says: 'footnote.yaml:2: http.prot: is not a known setting' },
    { text: 'a: 1\nhttp: {}\n', says: 'footnote.yaml:1: a: is not a known setting' },
    { text: 'http:\n  hosts:\n    - fine\n    - 7\n', says: 'footnote.yaml:4: http.hosts.1: invalid input' },
    {
      text: 'sources:\n  - collection: c\n    connector: files\n    options:\n      paths: [a]\n      globs: x\n',
      says: 'footnote.yaml:6: sources.0.options.globs: is not a known setting',
    },
    {
      text: 'sources:\n  - collection: c\n    connector: gopher\n',
      says: 'footnote.yaml:3: sources.0.connector: there is no connector gopher: one of files, git, kafka, postgres, web',
    },
    {
      text: 'sources:\n  - collection: c\n    connector: git\n    options:\n      url: git@example.org:x\n',
      says: 'footnote.yaml:5: sources.0.options.url: not an https:// or file:// address, nor a path',
    },
    { text: 'htpt: {}\n', says: 'footnote.yaml:1: htpt: is not a known setting: did you mean http?' },
    { text: 'reindex: {speed: 1}\n', says: 'is not a known setting; there are concurrency, searchP95Ratio' },
    { text: 'embedding: {device: gpu}\n', says: /device: invalid option: expected one of "cpu"\|"cuda"/ },
    {
      text: 'data: a\nhttp:\n  host: ${NOWHERE}\n',
      says: 'footnote.yaml:3: http.host: the environment has no NOWHERE',
    },
    { text: 'collections: [{name: c}]\n', says: 'collections.0.defaultPolicy: ' },
    { text: 'http: 7\n', says: 'footnote.yaml:1: http: invalid input' },
    { text: 'http:\n  port: 1\n  port: 2\n', says: 'footnote.yaml:3: Map keys must be unique' },
    { text: 'data: [\n', says: /footnote\.yaml:\d: / },
    { text: '- a\n', says: 'footnote.yaml: invalid input' },
  ])('tells where $text is wrong', async ({ text, says }) => {
    await write(text);
    await expect(load()).rejects.toMatchObject({ code: 'invalid_config' });
    await expect(load()).rejects.toThrow(says);
  });

  it('refuses a named file that is not there', async () => {
    await expect(load({ config: 'absent.yaml' })).rejects.toBeInstanceOf(UsageError);
  });
});

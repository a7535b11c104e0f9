import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

let place: Awaited<ReturnType<typeof temporaryFolder>>;
const below = (name: string) => join(place.path, name);
const cli = (...args: string[]) =>
  endOf(startCli(args, { cwd: place.path, env: { FOOTNOTE_TEST_MODEL: 'test-hash' } }));

interface Doctor {
  readonly ok: boolean;
  readonly checks: readonly { check: string; state: string; message: string; advice?: string }[];
}
const doctor = async (...args: string[]) => {
  const { code, stdout } = await cli('doctor', '--json', ...args);
  const found = JSON.parse(stdout) as Doctor;
  const states = Object.fromEntries(found.checks.map(({ check, state }) => [check, state]));
  return { code, states, ...found };
};

beforeAll(async () => {
  place = await temporaryFolder();
  await mkdir(below('docs'));
  await writeFile(below('docs/a.md'), '# Lamps\n\nThe lamp is oiled at dusk.\n');
});
afterAll(() => place.remove());

describe('the first day', () => {
  it('init writes a commented configuration that is valid, once', async () => {
    const args = ['init', '--collection', 'handbook', '--source', './docs', '--principals', 'local, staff'];
    const made = await cli(...args);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain('footnote connect --once');
    const text = await readFile(below('footnote.yaml'), 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=.*footnote\.schema\.json/);
    expect(text).toContain('principals: ["local", "staff"]');
    expect(await cli(...args)).toMatchObject({ code: 1 });
    expect((await cli(...args, '--force', '--json')).code).toBe(0);
    expect((await cli('init', '--collection', 'no good', '--force')).code).toBe(2);
    await writeFile(below('footnote.yaml'), `${text}\nembedding: { model: "\${FOOTNOTE_TEST_MODEL}" }\n`);
  });

  it('doctor finds a good place good', async () => {
    await writeFile(
      below('footnote.yaml'),
      (await readFile(below('footnote.yaml'), 'utf8')).replace('port: 7470', 'port: 0'),
    );
    const found = await doctor();
    expect(found.checks.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(found.code).toBe(0);
    expect(found.states).toMatchObject({
      node: 'ok',
      libsql: 'ok',
      configuration: 'ok',
      'data directory': 'ok',
      stores: 'ok',
    });
  });

  it('what the configuration names is there, with its permissions', async () => {
    expect(await cli('connect', '--once')).toMatchObject({ code: 0 });
    const { stdout } = await cli('search', 'lamp', '--collection', 'handbook', '--mode', 'lexical', '--json');
    expect((JSON.parse(stdout) as { hits: { key: string }[] }).hits.map(({ key }) => key)).toEqual(['a.md']);
    const shown = JSON.parse((await cli('collections', 'list', '--json')).stdout) as { collections: object[] };
    expect(shown.collections).toMatchObject([{ name: 'handbook', defaultPolicy: { principals: ['local', 'staff'] } }]);
    expect((await doctor()).states['stores']).toBe('ok');
  });

  it('doctor says what is wrong, and how to mend it', async () => {
    const good = await readFile(below('footnote.yaml'), 'utf8');
    await writeFile(below('footnote.yaml'), good.replace('http:', 'htpp:'));
    const broken = await doctor();
    expect(broken.code).toBe(1);
    expect(broken.checks.find(({ check }) => check === 'configuration')!.message).toContain('did you mean http?');

    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    await writeFile(below('footnote.yaml'), good.replace('port: 0', `port: ${port}`));
    const blocked = await doctor();
    expect(blocked.checks.find(({ check }) => check === 'port')).toMatchObject({
      state: 'fail',
      advice: expect.stringContaining('http.port') as string,
    });
    taken.close();

    await writeFile(below('footnote.yaml'), good);
    await writeFile(below('file'), '');
    expect((await doctor('--data', below('file/data'))).states['data directory']).toBe('fail');
    const log = await readFile(below('.footnote/log.db'));
    await rm(below('.footnote/log.db'));
    for (const more of ['-wal', '-shm']) await rm(below(`.footnote/log.db${more}`), { force: true });
    const lost = await doctor();
    expect(lost.checks.find(({ check }) => check === 'stores')).toMatchObject({ state: 'fail' });
    expect(lost.checks.find(({ check }) => check === 'stores')!.message).toContain('log_mismatch');
    await writeFile(below('.footnote/log.db'), log);
    expect((await doctor()).states['stores']).toBe('ok');
  });
});

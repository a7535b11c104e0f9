import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../../test/support/cli.js';
import { temporaryFolder } from '../../test/support/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const run = (...args: string[]) => runCli(args, { cwd: folder.path });

describe('usage', () => {
  it.each([
    { args: [], says: 'Usage: footnote' },
    { args: ['nope'], says: "unknown command 'nope'" },
    { args: ['dlq'], says: 'Usage: footnote dlq' },
    { args: ['search', '--collection', 'c'], says: "missing required argument 'query'" },
    { args: ['search', 'x'], says: "required option '--collection <name>'" },
    { args: ['search', 'x', 'y', '--collection', 'c'], says: 'too many arguments' },
    { args: ['search', 'x', '--collection', 'c', '--nope'], says: "unknown option '--nope'" },
    { args: ['search', 'x', '--collection', 'a b'], says: 'letters, digits' },
    { args: ['search', 'x', '--collection', 'c', '--limit', '0'], says: 'whole number from 1 to 1000' },
    { args: ['search', 'x', '--collection', 'c', '--mode', 'psychic'], says: 'hybrid, dense, lexical' },
    { args: ['search', 'x', '--collection', 'c', '--filter', '{'], says: '--filter is not JSON' },
    { args: ['search', 'x', '--collection', 'c', '--filter', '{"like": ["a", "b"]}'], says: 'filter.like' },
    { args: ['search', ' ', '--collection', 'c'], says: 'is blank' },
    { args: ['context', 'x', '--collection', 'c'], says: "required option '--budget <tokens>'" },
    { args: ['export', '--collection', 'c'], says: "required option '--canonical'" },
    { args: ['delete', '--collection', 'c'], says: 'Give either --document' },
    { args: ['delete', '--collection', 'c', '--source', 's'], says: 'Give either --document' },
    { args: ['delete', '--collection', 'c', '--source', 's', '--key', 'k', '--all'], says: 'Give either --document' },
    { args: ['eval'], says: 'Give either --dataset' },
    { args: ['eval', '--qa', 'q.jsonl'], says: 'Give either --dataset' },
    { args: ['status', '--config', 'absent.yaml'], says: 'absent.yaml cannot be read' },
  ])('$args is exit code 2', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  it.each([
    { args: ['--help'], says: 'Commands:' },
    { args: ['help', 'search'], says: 'Usage: footnote search' },
    { args: ['dlq', 'replay', '--help'], says: '$ footnote dlq replay --all --collection handbook' },
    { args: ['--version'], says: '0.' },
    { args: ['openapi'], says: '"openapi": "3.1.0"' },
    { args: ['bench'], says: 'npm run bench' },
  ])('$args is exit code 0', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(says);
  });

  it('tells what is wrong in the configuration with file and line, as text and as JSON', async () => {
    await writeFile(
      join(folder.path, 'bad.yaml'),
      'embedding:\n  model: test-hash\n  devise: cpu\nhttp:\n  port: many\n',
    );
    const text = await run('status', '--config', 'bad.yaml');
    expect(text.code).toBe(1);
    expect(text.stderr).toContain('bad.yaml:3: embedding.devise: is not a known setting');
    expect(text.stderr).toContain('bad.yaml:5: http.port:');
    const json = await run('status', '--config', 'bad.yaml', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: {
        code: 'invalid_config',
        details: {
          problems: expect.arrayContaining([
            { path: 'embedding.devise', line: 3, message: 'is not a known setting: did you mean device?' },
          ]) as unknown,
        },
      },
    });
  });

  it('writes no colours into a pipe, and takes the flags before the command too', async () => {
    const { code, stdout } = await run('--json', 'bench');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ command: 'npm run bench' });
    const failed = await run('status', '--config', 'bad.yaml');

    expect(failed.stderr).not.toMatch(/\u001b/);
  });

  it('tells where it looked for a collection, and how to come by one', async () => {
    const search = await run('search', 'x', '--collection', 'nope', '--data', 'elsewhere');
    expect(search).toMatchObject({ code: 1, stdout: '' });
    expect(search.stderr).toContain('no collection "nope" in elsewhere. Ingest into it to create it');
    const { stdout } = await run('collections', 'list', '--data', 'elsewhere');
    expect(stdout).toContain('footnote ingest FOLDER --collection NAME');
  });

  it('ends quietly when nobody reads on', async () => {
    const child = startCli(['openapi'], { cwd: folder.path });
    child.stdout?.destroy();
    let stderr = '';
    child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('refuses a data directory that is no folder', async () => {
    await mkdir(join(folder.path, 'in'), { recursive: true });
    await writeFile(join(folder.path, 'in', 'file'), '');
    const { code, stderr } = await run('status', '--data', join('in', 'file'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .+ \(\w+\)\n$/);
  });
});

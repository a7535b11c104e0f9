import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../src/runtime/random.js';
import { attack } from './attack.js';
import { MUTANTS } from './mutants.js';
import type { TenantWorld } from './world.js';
import { COLLECTION, openWorld } from './world.js';

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '20' },
    queries: { type: 'string', default: '2000' },
    pairs: { type: 'string', default: '2000' },
    mutants: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});

/** The AUC of one kind of latency against the other: 0.5 when time tells nothing. */
function auc(foreign: readonly number[], missing: readonly number[]): number {
  const all = [...foreign.map((ms) => ({ ms, foreign: true })), ...missing.map((ms) => ({ ms, foreign: false }))];
  all.sort((a, b) => a.ms - b.ms);
  let below = 0;
  let sum = 0;
  for (const each of all) {
    if (each.foreign) sum += below;
    else below += 1;
  }
  return sum / (foreign.length * missing.length);
}

/** Asks for foreign and for non-existent documents in turn, in random order within each pair. */
async function timing(world: TenantWorld, pairs: number): Promise<{ auc: number; low: number; high: number }> {
  const random = new Random(1);
  const [me, ...others] = world.tenants;
  const foreign: number[] = [];
  const missing: number[] = [];
  const get = async (id: string): Promise<number> =>
    (await world.ask(me!.staff.secret, 'GET', `/v1/collections/${COLLECTION}/documents/${id}`)).ms;
  const noId = (): string =>
    '00000000-0000-5000-8000-000000000000'
      .replaceAll('0', () => random.below(16).toString(16))
      .replace(/-.{4}-.{4}-/, (part) => part);
  for (let n = -200; n < pairs; n += 1) {
    const theirs = random.pick([...random.pick(others).documents.values()]);
    const first = random.chance(0.5);
    const nothing = noId();
    const a = await get(first ? theirs : nothing);
    const b = await get(first ? nothing : theirs);
    if (n < 0) continue;
    foreign.push(first ? a : b);
    missing.push(first ? b : a);
  }
  const samples = Array.from({ length: 1000 }, () => {
    const picked = Array.from({ length: pairs }, () => random.below(pairs));
    return auc(
      picked.map((i) => foreign[i]!),
      picked.map((i) => missing[i]!),
    );
  }).sort((x, y) => x - y);
  return { auc: auc(foreign, missing), low: samples[25]!, high: samples[974]! };
}

async function run(): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'footnote-tenants-'));
  const [tenants, queries, pairs] = [Number(values.tenants), Number(values.queries), Number(values.pairs)];
  const began = performance.now();
  const world = await openWorld(data, tenants);
  try {
    const found = await Promise.all(world.tenants.map((tenant, n) => attack(world, tenant, queries, 1000 + n)));
    const leaks = found.flat();
    for (const leak of leaks.slice(0, 10)) console.log(JSON.stringify(leak));
    const time = pairs > 0 ? await timing(world, pairs) : undefined;
    const seconds = (performance.now() - began) / 1000;
    console.log(`${tenants} tenants x ${queries} queries: ${leaks.length} leaks, ${seconds.toFixed(0)} s`);
    if (time) {
      const { auc: value, low, high } = time;
      console.log(
        `time of foreign against missing ids, ${pairs} pairs: AUC ${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
      );
    }
    if (values.out !== undefined) {
      const result = { name: 'tenants', tenants, queries: tenants * queries, leaks: leaks.length, pairs, timing: time };
      await writeFile(values.out, `${JSON.stringify(result, undefined, 2)}\n`);
    }
    process.exitCode = leaks.length === 0 ? 0 : 1;
  } finally {
    await world.close();
    await rm(data, { recursive: true, force: true });
  }
}

/** Runs this program on a copy of the built code without one check each. */
async function mutants(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'footnote-mutants-'));
  try {
    await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
    await cp('package.json', join(root, 'package.json'));
    await cp('dist', join(root, 'dist'), { recursive: true });
    let missed = 0;
    for (const [name, { file, find, replace, redundant }] of Object.entries(MUTANTS)) {
      const path = join(root, 'dist', file);
      const source = await readFile(path, 'utf8');
      await writeFile(
        path,
        source.replace(find, () => replace),
      );
      const code = await exitOf([
        join(root, 'dist/test/tenants/main.js'),
        '--tenants',
        '4',
        '--queries',
        '300',
        '--pairs',
        '0',
      ]);
      await writeFile(path, source);
      const caught = code !== 0;
      if (!caught && redundant === undefined) missed += 1;
      console.log(
        `${name.padEnd(24)} ${caught ? 'caught' : redundant === undefined ? 'NOT CAUGHT' : `redundant: ${redundant}`}`,
      );
    }
    process.exitCode = missed === 0 ? 0 : 1;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function exitOf(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

await (values.mutants ? mutants() : run());

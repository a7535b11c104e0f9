import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/core/schemas/operations.js';
import { endOf, startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { writeTinyModel } from '../support/tiny-model.js';

const FRENCH = `La lampe du phare est allumée chaque soir par le gardien, qui monte l’escalier avec son seau d’huile. Quand le
brouillard vient de la mer, il sonne la corne deux fois par minute, et les bateaux savent où sont les rochers.\n`;
const ENGLISH = `The lamp of the lighthouse is lit each evening by the keeper, who climbs the stairs with his pail of oil. When
the fog comes in from the sea he sounds the horn twice a minute, and the boats know where the rocks are.\n`;

let place: Awaited<ReturnType<typeof temporaryFolder>>;
const cli = (...args: string[]) => endOf(startCli(args, { cwd: place.path }));

beforeAll(async () => {
  place = await temporaryFolder();
  await writeTinyModel(join(place.path, 'model'), { pooling: 'mean', manifest: { languages: ['en'] } });
  await writeFile(join(place.path, 'footnote.yaml'), 'embedding: { model: ./model }\nhttp: { port: 0 }\n');
  await mkdir(join(place.path, 'docs'));
  for (const n of [1, 2, 3]) await writeFile(join(place.path, `docs/en${n}.txt`), `${n}. ${ENGLISH}`);
});
afterAll(() => place.remove());

describe('documents in languages that the model was not trained on', () => {
  it('are told by ingest, status and doctor; others are not', async () => {
    const quiet = await cli('ingest', 'docs', '--collection', 'lights');
    expect(quiet).toMatchObject({ code: 0 });
    expect(quiet.stderr).not.toContain('warning');
    await writeFile(join(place.path, 'docs/fr.txt'), FRENCH);
    const told = await cli('ingest', 'docs', '--collection', 'lights');
    expect(told.stderr).toContain('was not trained on (en): 25 % fr');
    const { collections } = JSON.parse((await cli('status', '--json')).stdout) as Status;
    expect(collections['lights']).toMatchObject({ languages: { en: 0.75, fr: 0.25 } });
    expect(collections['lights']!.warnings).toHaveLength(1);
    expect((await cli('status')).stdout).toContain('25 % fr');
    const { checks } = JSON.parse((await cli('doctor', '--json')).stdout) as {
      checks: { check: string; state: string }[];
    };
    expect(checks.find(({ check }) => check === 'languages')).toMatchObject({ state: 'warn' });
  }, 180_000);
});

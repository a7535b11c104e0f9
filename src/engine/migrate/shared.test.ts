import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/fixtures.js';
import { parseConfig, type ConfigInput } from '../../core/config.js';
import { refuseShared } from './shared.js';

type Stores = NonNullable<ConfigInput['stores']>;

const SERVERS: Stores = {
  log: { kind: 'kafka', brokers: ['a:9092', 'b:9092'], prefix: 'p' },
  catalog: { kind: 'postgres', url: 'postgres://u:secret@db:5432/f', schema: 's' },
  vectors: { kind: 'qdrant', url: 'http://q:6333', prefix: 'p-' },
  blobs: { kind: 's3', bucket: 'b', prefix: 'p' },
};
const between = (from: ConfigInput, to: ConfigInput) => refuseShared(parseConfig(from), parseConfig(to));
const refused = (message: RegExp) => ({ code: 'invalid_request', message: expect.stringMatching(message) as string });

describe('two configurations', () => {
  it('are told apart, also with one data directory as long as no file in it serves both', async () => {
    expect(await between({ data: 'a' }, { data: 'b' })).toBe(false);
    expect(await between({ data: 'a' }, { data: 'b', stores: SERVERS })).toBe(false);
    expect(await between({ data: 'a' }, { data: './a', stores: SERVERS })).toBe(true);
    const log: Stores['log'] = { kind: 'kafka', brokers: ['c:9092'], prefix: 'p' };
    const others: Stores = {
      log,
      catalog: { kind: 'postgres', url: 'postgres://u@db/f', schema: 'other' },
      vectors: { kind: 'qdrant', url: 'http://q:6333', prefix: 'other-' },
      blobs: { kind: 's3', bucket: 'b', prefix: 'other' },
    };
    expect(await between({ stores: SERVERS }, { stores: others })).toBe(true);
  });

  it('are refused as one, by whatever names', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder.path, 'real'));
    await symlink(join(folder.path, 'real'), join(folder.path, 'other'));
    const [a, b] = ['real', 'other'].map((name) => ({ data: join(folder.path, name) })) as [ConfigInput, ConfigInput];
    await expect(between(a, b)).rejects.toMatchObject(refused(/target is the source/));
    await folder.remove();
    const again: Stores = {
      ...SERVERS,
      log: { kind: 'kafka', brokers: ['B:9092'], prefix: 'p' },
      catalog: { kind: 'postgres', url: 'postgresql://other@DB/f', schema: 's' },
    };
    await expect(between({ stores: SERVERS }, { data: 'x', stores: again })).rejects.toMatchObject(
      refused(/target is the source/),
    );
  });

  it('are refused with a store in common, which is named', async () => {
    const { vectors: _, ...rest } = SERVERS;
    await expect(between({ data: 'a' }, { data: 'a', stores: rest })).rejects.toMatchObject(
      refused(/stores\.vectors in the same place/),
    );
    const half: Stores = { blobs: SERVERS.blobs, catalog: SERVERS.catalog };
    await expect(between({ data: 'a', stores: SERVERS }, { data: 'b', stores: half })).rejects.toMatchObject(
      refused(/stores\.catalog, stores\.blobs/),
    );
  });
});

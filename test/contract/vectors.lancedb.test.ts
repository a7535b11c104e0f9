import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLanceVectors } from '../../src/adapters/vectors/lancedb/index.js';
import { describeVectorsContract } from './vectors.js';

describeVectorsContract('LanceDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'footnote-vectors-'));
  const failures: unknown[] = [];
  const open = () => openLanceVectors({ directory, onMaintenanceError: (_, error) => failures.push(error) });
  let store = await open();
  return {
    store,
    async reopen() {
      await store.close();
      return (store = await open());
    },
    async dispose() {
      await store.close();
      await rm(directory, { recursive: true, force: true });
      if (failures.length > 0) throw failures[0];
    },
  };
});

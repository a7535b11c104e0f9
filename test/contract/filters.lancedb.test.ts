import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLanceVectors } from '../../src/adapters/vectors/lancedb/index.js';
import { describeFiltersContract } from './filters.js';

describeFiltersContract(
  'a LanceDB table',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'footnote-filter-'));
    const store = await openLanceVectors({ directory });
    return {
      store,
      async dispose() {
        await store.close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  },
  0.25,
);

import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { connectors } from '../../connectors/registry.js';
import { temporaryFolder } from '../support/fixtures.js';
import { GitRepository } from '../support/git-repository.js';
import type { TestSource } from './connector/harness.js';
import { describeConnectorContract } from './connector.js';

async function make(): Promise<TestSource> {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'repository');
  const repository = await GitRepository.make(path);
  return {
    connector: connectors.git,
    options: { url: path },
    put: (name, text) => repository.write(name, text),
    rename: (from, to) => repository.rename(from, to),
    remove: (name) => repository.remove(name),
    async publish() {
      await repository.commit().catch((error: unknown) => {
        // Moved away by the test that breaks it off.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    },
    keyOf: (name) => name,
    async breakOff() {
      await repository.commit();
      await rename(path, `${path}-away`);
      return () => rename(`${path}-away`, path);
    },
    close: () => folder.remove(),
  };
}

describeConnectorContract('git', make);

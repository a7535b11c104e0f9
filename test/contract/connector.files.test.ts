import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { connectors } from '../../connectors/registry.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { TestSource } from './connector/harness.js';
import { describeConnectorContract } from './connector.js';

/** Two folders, so that one can go away in the middle of a listing. */
async function make(): Promise<TestSource> {
  const folder = await temporaryFolder();
  const docs = join(folder.path, 'docs');
  const more = join(folder.path, 'more');
  await mkdir(docs);
  await mkdir(more);
  let minutes = 0;
  const path = (name: string): string => join(docs, name);
  return {
    connector: connectors.files,
    options: { paths: [docs, more] },
    async put(name, text) {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), text);
      // Each an own time, older than the grain of time stamps.
      minutes += 1;
      const at = new Date(Date.UTC(2026, 0, 1) + minutes * 60_000);
      await utimes(path(name), at, at);
    },
    async rename(from, to) {
      await mkdir(dirname(path(to)), { recursive: true });
      await rename(path(from), path(to));
    },
    remove: (name) => rm(path(name)),
    keyOf: (name) => name,
    async breakOff() {
      await rename(more, `${more}-away`);
      return () => rename(`${more}-away`, more);
    },
    close: () => folder.remove(),
  };
}

describeConnectorContract('files', make);

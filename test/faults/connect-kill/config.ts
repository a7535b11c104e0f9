import type { ConfigInput } from '../../../src/core/config.js';
import type { ConnectWorkerOptions } from '../connect-kill-worker.js';
import { COLLECTION, testConfig } from '../kill/work.js';

export const FILES = 'folders';
export const GIT = 'repository';

export function connectConfig(of: Pick<ConnectWorkerOptions, 'data' | 'folders' | 'repository'>): ConfigInput {
  // What would be stopped by the brake is not what is looked at here.
  const common = { collection: COLLECTION, brake: { share: 1 } };
  return {
    ...testConfig(of.data),
    sources: [
      { ...common, source: FILES, connector: 'files', options: { paths: [...of.folders] } },
      { ...common, source: GIT, connector: 'git', options: { url: of.repository } },
    ],
  };
}

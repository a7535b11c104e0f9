import { homedir } from 'node:os';
import { join } from 'node:path';
import { ModelStore } from '../../src/adapters/models/store.js';

/** The cache that users have too, so that the default model is fetched once a machine. */
export function userModelStore(): ModelStore {
  return new ModelStore({ cache: process.env.FOOTNOTE_CACHE ?? join(homedir(), '.cache', 'footnote') });
}

export { openQdrantVectors } from './store.js';
export type { QdrantOptions } from './options.js';

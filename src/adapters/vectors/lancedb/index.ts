export { openLanceVectors } from './store.js';
export type { LanceVectorStore } from './store.js';

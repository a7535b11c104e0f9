export { openLanceVectors } from './store.js';

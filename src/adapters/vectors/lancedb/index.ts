export { openLanceVectors, type LanceOptions } from './store.js';

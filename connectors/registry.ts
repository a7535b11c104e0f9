import { files } from './files/index.js';

/** Every connector, by name. */
export const connectors = { files } as const;

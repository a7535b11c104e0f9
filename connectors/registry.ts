import type { Connector } from '../src/core/ports/connector.js';
import { files } from './files/index.js';
import { git } from './git/index.js';
import { kafka } from './kafka/index.js';
import { postgres } from './postgres/index.js';
import { web } from './web/index.js';

/** Every connector, by name. A new one: its folder, and its line here (docs/connectors.md). */
export const connectors = { files, git, kafka, postgres, web } as const satisfies Readonly<
  Record<string, Connector<unknown>>
>;

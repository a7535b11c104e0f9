import type { ConfigInput } from '../../src/core/config.js';
import { openEngine } from '../../src/engine/open.js';
import type { Role } from '../../src/engine/roles.js';
import { killAt, noFaults } from '../../src/runtime/faults.js';

/** One process of a cluster, as `footnote worker` and `footnote connect` are: its one argument is JSON of this. */
export interface MemberOptions {
  readonly config: ConfigInput;
  readonly role: Role;
  readonly kill?: { readonly point: string; readonly count: number };
}

const { config, role, kill } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const engine = await openEngine(config, { role, faults: kill ? killAt(kill.point, kill.count) : noFaults });
const end = (): void => void engine.close().then(() => process.exit(0));
process.once('SIGTERM', end);
// Whoever started it is gone.
process.once('disconnect', end);
if (role === 'connect') await engine.connect.start();
process.send?.('ready');

import { dropSchema } from '../../../support/postgres.js';
import { postgresFaults } from '../../../support/postgres-faults.js';
import { FaultPlan } from '../plan.js';
import type { WireKind } from '../wires.js';
import { TCP_FAULTS, tcpRule } from './tcp.js';

/** Of a transaction's statements each can be struck, and then all of it is done again. */
const SHARE = 0.2;

const schemaOf = (own: string): string => own.replaceAll('-', '_');

export const postgresWire: WireKind = {
  variable: 'POSTGRES_URL',
  faults: TCP_FAULTS,
  async open() {
    const plan = new FaultPlan();
    const direct = process.env['POSTGRES_URL']!;
    const address = new URL(direct);
    const proxy = await postgresFaults(Number(address.port));
    proxy.decide(tcpRule(plan, (name) => (name === 'commit' ? 1 : SHARE)));
    address.port = String(proxy.port);
    return {
      plan,
      stores: (own) => ({
        catalog: { kind: 'postgres', url: address.href, schema: schemaOf(own), statementTimeoutMs: 5000 },
      }),
      idle: () => Promise.resolve(),
      // Everything else is counted by the catalog itself.
      left: () => Promise.resolve([]),
      remove: (own) => dropSchema(direct, schemaOf(own)),
      close: () => proxy.close(),
    };
  },
};

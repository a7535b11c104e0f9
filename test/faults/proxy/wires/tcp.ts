import type { Unit } from '../../../support/framing.js';
import type { TcpFault } from '../../../support/tcp-faults.js';
import type { FaultName, FaultPlan } from '../plan.js';

export const TCP_FAULTS = ['delay', 'drop', 'reset_after_apply', 'truncate'] as const satisfies readonly FaultName[];

/** @param share that a request of this name gets of the seed's faults */
export function tcpRule(plan: FaultPlan, share: (name: string) => number): (request: Unit) => TcpFault | undefined {
  return ({ name }) => {
    const fault = plan.decide(name, TCP_FAULTS, share(name));
    return fault && { kind: fault.name as (typeof TCP_FAULTS)[number], ms: fault.ms };
  };
}

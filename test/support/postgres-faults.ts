import { POSTGRES, type Unit } from './framing.js';
import { tcpFaults, type TcpFault, type TcpFaults } from './tcp-faults.js';

/** A proxy before a PostgreSQL on loopback that breaks what it is told to break. */
export function postgresFaults(target: number): Promise<TcpFaults> {
  return tcpFaults(target, POSTGRES);
}

/** The fault for the next statement that holds this text, and for no other. */
export function onceAt(
  text: string,
  fault: TcpFault,
): { rule: (request: Unit) => TcpFault | undefined; times: () => number } {
  let times = 0;
  return {
    rule(request) {
      if (times > 0 || !request.bytes.includes(text)) return undefined;
      times += 1;
      return fault;
    },
    times: () => times,
  };
}

import type { HttpAnswer, HttpFault } from '../../../support/http-faults.js';
import type { FaultName, PlannedFault } from '../plan.js';

export const HTTP_FAULTS = [
  'delay',
  'drop',
  'reset_after_apply',
  'truncate',
  'status_429',
  'status_503',
  'status_503_after_apply',
] as const satisfies readonly FaultName[];

/** How a server of this protocol says that it does not do something. */
export type Refusal = (status: 429 | 500 | 503) => Omit<HttpAnswer, 'status'>;

/** For what every HTTP server can do. */
export function httpFault({ name, ms, seconds }: PlannedFault, refusal: Refusal): HttpFault {
  const answer = (status: 429 | 500 | 503): HttpAnswer => {
    const { headers, body } = refusal(status);
    return { status, headers: { ...headers, 'retry-after': String(seconds) }, ...(body === undefined ? {} : { body }) };
  };
  switch (name) {
    case 'status_429':
      return { kind: 'answer', ...answer(429) };
    case 'status_503':
      return { kind: 'answer', ...answer(503) };
    case 'status_503_after_apply':
      return { kind: 'answer_after_apply', ...answer(503) };
    case 'delay':
      return { kind: 'delay', ms };
    case 'drop':
    case 'reset_after_apply':
    case 'truncate':
      return { kind: name };
    default:
      throw new Error(`no HTTP fault: ${name}`);
  }
}

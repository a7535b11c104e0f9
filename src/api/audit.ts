import type { Logger } from 'pino';
import type { Session } from './access.js';
import type { RouteSpec } from './route.js';

export interface AuditedAct {
  readonly spec: RouteSpec;
  readonly session: Session;
  readonly requestId: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** `ok`, or the code of the refusal. */
  readonly outcome: string;
}

/** One line for each administrative act, tried or done: who, what, on what, how it went. Never what was in the body. */
export function audit(logger: Logger, { spec, session, requestId, params, outcome }: AuditedAct): void {
  const reading = spec.method === 'get';
  if ((spec.scope !== 'admin' && spec.scope !== 'machine') || reading) return;
  logger.info(
    {
      audit: spec.operationId,
      tenant: session.caller.tenant,
      by: session.key ?? (session.machine ? 'operator' : 'local'),
      on: params,
      outcome,
      requestId,
    },
    'administrative act',
  );
}

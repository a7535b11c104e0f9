import { FootnoteError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { canonicalJson } from '../core/json.js';
import type { Caller } from '../core/policy.js';
import type { Jobs } from '../core/ports/catalog.js';
import type { JobView } from '../core/schemas/jobs.js';
import type { JobRunner } from '../services/jobs.js';
import { jobView } from './surface/jobs.js';

/**
 * Begins a job of which there is one at a time; who asks for the very one that is under way (after a crash, say) is given it.
 * @param busy what another one is doing, for the error
 * @throws conflict
 */
export async function beginSingle(
  runner: JobRunner,
  jobs: Jobs,
  caller: Caller,
  { kind, request, busy }: { readonly kind: string; readonly request: object; readonly busy: string },
): Promise<JobView> {
  const wanted = JSON.parse(JSON.stringify(request)) as JsonObject;
  for (const state of ['queued', 'running', 'paused'] as const) {
    const [other] = await jobs.list({ kind, state, limit: 1 });
    if (other && canonicalJson(other.detail['request']) === canonicalJson(wanted)) return jobView(other);
    if (other) throw new FootnoteError('conflict', `Job ${other.id} is ${busy}: wait, or cancel it.`);
  }
  return jobView(await runner.create({ tenant: caller.tenant, kind, detail: { request: wanted } }));
}

import { httpFaults, type Asked, type HttpAnswer, type HttpFault } from '../../../support/http-faults.js';
import { FaultPlan, type FaultName, type PlannedFault } from '../plan.js';
import type { WireKind } from '../wires.js';
import { HTTP_FAULTS, httpFault, type Refusal } from './http.js';

/** A write may be answered `wait_timeout` and applied later still, or in a part. */
const WRITE_FAULTS = [...HTTP_FAULTS, 'wait_timeout', 'wait_timeout', 'partial', 'partial'] as const;
const FAULTS: readonly FaultName[] = [...new Set(WRITE_FAULTS)];
/** How much later: other versions of the document may have been written and removed by then. */
const LATER = 30;

const JSON_TYPE = { 'content-type': 'application/json' };
const refusal: Refusal = (status) => ({
  headers: JSON_TYPE,
  body: JSON.stringify({ status: { error: `answered ${status} by the test` }, time: 0 }),
});
const WAIT_TIMEOUT: HttpAnswer = {
  status: 200,
  headers: JSON_TYPE,
  body: JSON.stringify({ result: { operation_id: 1, status: 'wait_timeout' }, status: 'ok', time: 0 }),
};

export const qdrantWire: WireKind = {
  variable: 'QDRANT_URL',
  faults: FAULTS,
  async open() {
    const plan = new FaultPlan();
    const url = process.env['QDRANT_URL']!;
    const apiKey = process.env['QDRANT_API_KEY'];
    const proxy = await httpFaults(url);
    proxy.decide((asked) => {
      const name = requestName(asked);
      const fault = plan.decide(name, /upsert|delete points/.test(name) ? WRITE_FAULTS : HTTP_FAULTS);
      return fault && faultOf(fault);
    });
    const ask = async (method: string, path: string): Promise<unknown> => {
      const answer = await fetch(`${url}${path}`, { method, ...(apiKey ? { headers: { 'api-key': apiKey } } : {}) });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
      return ((await answer.json()) as { result: unknown }).result;
    };
    const collections = async (own: string): Promise<string[]> => {
      const found = (await ask('GET', '/collections')) as { collections: { name: string }[] };
      return found.collections.map(({ name }) => name).filter((name) => name.startsWith(own));
    };
    return {
      plan,
      stores: (own) => ({
        vectors: { kind: 'qdrant', url: proxy.endpoint, prefix: `${own}-`, ...(apiKey ? { apiKey } : {}) },
      }),
      idle: () => proxy.idle(),
      left: collections,
      async remove(own) {
        for (const name of await collections(own)) await ask('DELETE', `/collections/${name}`);
      },
      close: () => proxy.close(),
    };
  },
};

function faultOf(fault: PlannedFault): HttpFault {
  if (fault.name === 'wait_timeout') return { kind: 'answer_before_apply', ms: LATER * fault.ms, ...WAIT_TIMEOUT };
  if (fault.name === 'partial') return { kind: 'answer_after_part', part: firstHalf, status: 500, ...refusal(500) };
  return httpFault(fault, refusal);
}

/** Of the points that are written, or of the ids that are deleted. One alone stays. */
function firstHalf(body: Buffer): Buffer {
  const { points, ...rest } = JSON.parse(body.toString()) as { points: unknown[] };
  return Buffer.from(JSON.stringify({ ...rest, points: points.slice(0, Math.ceil(points.length / 2)) }));
}

function requestName({ method, url }: Asked): string {
  const [, , , ...rest] = url.split('?')[0]!.split('/');
  const path = rest.join('/');
  if (path === '') return `${method} collection`;
  if (path === 'points') return method === 'PUT' ? 'upsert points' : 'get points';
  if (path === 'points/delete') return 'delete points';
  return path.replace('points/', '');
}

import type { Schemas } from '@qdrant/js-client-rest';
import { FootnoteError } from '../../../core/errors.js';

type UpdateAnswer = { readonly data: { readonly result?: Schemas['UpdateResult'] } };

/**
 * `acknowledged` is in the log of one node and not yet to be found; after `wait_timeout` nobody knows.
 * @throws unavailable
 */
export function completed(answer: UpdateAnswer): UpdateAnswer {
  const status = answer.data.result?.status;
  if (status === 'completed') return answer;
  throw new FootnoteError('unavailable', `Qdrant has not applied a write: its status is ${status ?? 'unknown'}.`);
}

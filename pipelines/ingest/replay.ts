import { streamOf } from '../../src/core/generation.js';
import type { Generation } from '../../src/core/generation.js';
import { FootnoteError } from '../../src/core/errors.js';
import type { DeadLetters } from '../../src/core/ports/log.js';
import { applyChange } from '../ingest.js';
import type { ApplyOptions, ApplyOutcome, IngestPorts } from './ports.js';

export interface ReplayPorts extends IngestPorts {
  readonly deadLetters: Pick<DeadLetters, 'get' | 'remove' | 'removeDocument'>;
}

/**
 * Applies a dead letter's event again, at its own version, so that it can never go back in time: what is newer stays,
 * and the outcome says `superseded`. The letter goes unless the event failed again.
 * @throws not_found
 */
export async function replayDeadLetter(
  ports: ReplayPorts,
  generation: Generation,
  id: string,
  options: ApplyOptions = {},
): Promise<ApplyOutcome> {
  const letter = await ports.deadLetters.get(id);
  const stream = streamOf(generation.tenant, generation.collection);
  if (!letter || letter.stream !== stream || letter.group !== generation.id) {
    throw new FootnoteError('not_found', `There is no dead letter ${id} of generation ${generation.id}.`);
  }
  const outcome = await applyChange(ports, generation, letter, options);
  if (outcome.kind !== 'failed') await ports.deadLetters.remove(id);
  return outcome;
}

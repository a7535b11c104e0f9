import { readFormat } from '../../core/format.js';
import type { Generation } from '../../core/generation.js';
import { ANALYZER_VERSION } from '../analyze.js';

/**
 * To be called before a generation's terms are searched or added to: those of another analyzer would match by chance.
 * @throws FootnoteError data_newer, data_corrupt
 */
export function requireKnownTerms({ id, spec }: Pick<Generation, 'id' | 'spec'>): void {
  readFormat(spec.analyzer.version, {
    what: `The lexical index of generation ${id}`,
    newest: ANALYZER_VERSION,
    orElse: 'or reindex the collection',
    mend: 'reindex the collection',
  });
}

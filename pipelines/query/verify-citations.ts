import { asFootnoteError } from '../../src/core/errors.js';
import type { Caller } from '../../src/core/policy.js';
import { mayRead, narrowCaller } from '../../src/core/policy.js';
import type { Catalog, Head } from '../../src/core/ports/catalog.js';
import type {
  CitationCheck,
  CitationChecks,
  CitationClaim,
  VerifyCitations,
} from '../../src/core/schemas/citations.js';
import type { CitationTarget } from '../../src/stages/cite.js';
import { decodeCitationId, encodeCitationId } from '../../src/stages/cite.js';
import type { ParsedTexts } from './texts.js';

export interface CitationPorts {
  readonly catalog: Pick<Catalog, 'heads' | 'documents' | 'releases'>;
  readonly texts: ParsedTexts;
}

interface Claim extends CitationTarget {
  readonly quote?: string;
}

/**
 * Checks citations against the stored texts, in the order asked. Needs no model. `valid`: the words stand there in that
 * revision; `current`: that revision is what is searchable now. What the caller may not read is `not_found`.
 */
export async function verifyCitations(
  ports: CitationPorts,
  caller: Caller,
  collection: string,
  request: VerifyCitations,
): Promise<CitationChecks> {
  const reader = narrowCaller(caller, request.as);
  const claims = request.citations.map(readClaim);
  const ids = [...new Set(claims.flatMap((claim) => (claim ? [claim.documentId] : [])))];
  const heads = await ports.catalog.heads.get(ids, { tenant: caller.tenant, collection });
  const generation = (await ports.catalog.releases.current(caller.tenant, collection))?.generation;
  const results: CitationCheck[] = [];
  for (const claim of claims) {
    const head = claim && heads.get(claim.documentId);
    const known = head && head.event.collection === collection && mayRead(reader, head.event.tenant, head.event.policy);
    results.push(
      claim && known
        ? await check(ports, claim, head, generation)
        : { valid: false, current: false, reason: 'not_found' },
    );
  }
  return {
    results: results.map((result, index) => {
      const asked = request.citations[index]!;
      const id = typeof asked === 'string' ? asked : asked.id;
      return id === undefined ? result : { id, ...result };
    }),
  };
}

async function check(
  ports: CitationPorts,
  claim: Claim,
  head: Head,
  generation: string | undefined,
): Promise<CitationCheck> {
  if (head.deleted) return { valid: false, current: false, reason: 'deleted' };
  const row = generation === undefined ? undefined : await ports.catalog.documents.get(generation, claim.documentId);
  const current = row?.visible?.revision === claim.revision;
  const text = (await ports.texts.find(claim.documentId, claim.revision))?.text;
  if (text === undefined) return { valid: false, current: false, reason: 'expired' };
  const { start, end } = claim.span;
  const stands =
    start <= end && end <= text.length && (claim.quote === undefined || text.slice(start, end) === claim.quote);
  if (!stands) return { valid: false, current, reason: 'mismatch' };
  return current ? { valid: true, current } : { valid: true, current, reason: 'superseded' };
}

/** Undefined for what names nothing: no id of ours, or an id that the other fields contradict. */
function readClaim(asked: string | CitationClaim): Claim | undefined {
  if (typeof asked === 'string') return decode(asked);
  const { documentId, revision, span, quote } = asked;
  const fromFields =
    documentId !== undefined && revision !== undefined && span ? { documentId, revision, span } : undefined;
  const target = asked.id === undefined ? fromFields : decode(asked.id);
  if (!target || (fromFields && encodeCitationId(fromFields) !== encodeCitationId(target))) return undefined;
  return quote === undefined ? target : { ...target, quote };
}

function decode(id: string): CitationTarget | undefined {
  try {
    return decodeCitationId(id);
  } catch (error) {
    if (asFootnoteError(error).code !== 'invalid_request') throw error;
    return undefined;
  }
}

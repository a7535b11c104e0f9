import type { Schemas } from '@qdrant/js-client-rest';
import type { FilterField } from '../../../core/filter.js';
import type { SearchFilter } from '../../../core/ports/vectors.js';
import { boundsOf, exactly, isFaithful, type ConditionLanguage, type FieldConditions } from '../bounds.js';
import { LABELS, OBSERVED_ORDER } from './schema.js';
import { timeOrder } from './time-order.js';

/** A condition of Qdrant's, or what is always or never true. */
type Clause = Schemas['Condition'] | boolean;

const NEVER = exactly<Clause>(false);

/**
 * Lets every point through that has one of the principals and meets the filter; maybe more.
 * @returns undefined when no point can pass
 */
export function compileSearchFilter({ principals, filter }: SearchFilter): Schemas['Filter'] | undefined {
  const readable = isAnyOf('principals', principals);
  const clause = filter === undefined ? readable : CONDITIONS.and([readable, boundsOf(filter, CONDITIONS).over]);
  if (typeof clause === 'boolean') return clause ? {} : undefined;
  return { must: [clause] };
}

/** The points of these documents. */
export const ofDocuments = (documentIds: readonly string[]): Schemas['Filter'] => ({
  must: [{ key: 'documentId', match: { any: [...documentIds] } }],
});

const CONDITIONS: ConditionLanguage<Clause> = {
  and(parts) {
    if (parts.includes(false)) return false;
    const rest = parts.filter(isCondition);
    return rest.length === 0 ? true : rest.length === 1 ? rest[0]! : { must: rest };
  },
  or(parts) {
    if (parts.includes(true)) return true;
    const rest = parts.filter(isCondition);
    return rest.length === 0 ? false : rest.length === 1 ? rest[0]! : { should: rest };
  },
  not: (part) => (isCondition(part) ? { must_not: [part] } : !part),
  hasLabel: (labels) => isAnyOf(LABELS, labels),
  field: (name) => (name === 'page' ? pageField : name === 'observedAt' ? timeField : textField(name)),
};

const isCondition = (clause: Clause): clause is Schemas['Condition'] => typeof clause !== 'boolean';

/** A value, or one of a list, is one of these. What is not well-formed was stored with U+FFFD in its place. */
function isAnyOf(key: string, texts: readonly string[]): Clause {
  return texts.length === 0 ? false : { key, match: { any: [...new Set(texts.map((text) => text.toWellFormed()))] } };
}

const isThere = (key: string): Clause => ({ must_not: [{ is_empty: { key } }] });

/** Qdrant has no order of texts: a comparison lets all through that have the field. */
function textField(key: FilterField): FieldConditions<Clause> {
  const exists = isThere(key);
  return {
    exists: () => exactly(exists),
    isOneOf(values) {
      const texts = values.filter((value) => typeof value === 'string');
      return { over: isAnyOf(key, texts), under: isAnyOf(key, texts.filter(isFaithful)) };
    },
    contains(value) {
      if (typeof value !== 'string') return NEVER;
      if (value === '') return exactly(exists);
      if (!isFaithful(value)) return { over: exists, under: false };
      // A part of the text, as the field has no full-text index.
      return exactly<Clause>({ key, match: { text: value } });
    },
    compares: (_, value) => (typeof value === 'string' ? { over: exists, under: false } : NEVER),
  };
}

/** Times compare as texts here, so Qdrant's own datetimes would differ; a number of ours orders them to the second. */
const timeField: FieldConditions<Clause> = {
  ...textField('observedAt'),
  compares(operator, value) {
    if (typeof value !== 'string') return NEVER;
    const at = timeOrder(value);
    const range = (of: Schemas['Range']): Clause => ({ key: OBSERVED_ORDER, range: of });
    return operator.startsWith('>')
      ? { over: range({ gte: at }), under: range({ gt: at }) }
      : { over: range({ lte: at }), under: range({ lt: at }) };
  },
};

const RANGES = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' } as const;

const pageField: FieldConditions<Clause> = {
  exists: () => exactly(isThere('page')),
  isOneOf(values) {
    const pages = values.filter((value) => typeof value === 'number' && Number.isSafeInteger(value)) as number[];
    return pages.length === 0 ? NEVER : exactly<Clause>({ key: 'page', match: { any: [...new Set(pages)] } });
  },
  contains: () => NEVER,
  compares(operator, value) {
    if (typeof value !== 'number') return NEVER;
    return exactly<Clause>({ key: 'page', range: { [RANGES[operator]]: value } });
  },
};

import type { Filter, FilterField, FilterValue } from '../../core/filter.js';
import { elementLabel, existsLabel, numberLabel, OVERFLOW, rangePrefixes, stringLabel, valueLabel } from './labels.js';

/**
 * A condition as two of a store's around it: every point that meets the condition meets `over`, and every point that
 * meets `under` meets the condition. They are equal where the store says it exactly. Negation swaps them, so the whole
 * `over` is always a superset, whatever is below a `not`.
 */
export interface Bounds<C> {
  readonly over: C;
  readonly under: C;
}

export type Operator = '>' | '>=' | '<' | '<=';

/** The conditions that one field can be asked for. */
export interface FieldConditions<C> {
  exists(): Bounds<C>;
  isOneOf(values: readonly FilterValue[]): Bounds<C>;
  contains(value: FilterValue): Bounds<C>;
  compares(operator: Operator, value: FilterValue): Bounds<C>;
}

/** How a store writes conditions `C`. */
export interface ConditionLanguage<C> {
  /** Of no parts: true. */
  and(parts: readonly C[]): C;
  /** Of no parts: false. */
  or(parts: readonly C[]): C;
  not(part: C): C;
  /** Points whose metadata have one of these labels (`labelsOf`). */
  hasLabel(labels: readonly string[]): C;
  /** A field beside the metadata. */
  field(name: FilterField): FieldConditions<C>;
}

export const exactly = <C>(condition: C): Bounds<C> => ({ over: condition, under: condition });

/** False for what UTF-8 can't hold exactly: lone surrogates become U+FFFD, so such texts are not told apart in a store. */
export function isFaithful(value: FilterValue): boolean {
  return typeof value !== 'string' || (value.isWellFormed() && !value.includes('\ufffd'));
}

/** @param filter as `parseFilter` returned it */
export function boundsOf<C>(filter: Filter, language: ConditionLanguage<C>): Bounds<C> {
  const all = (parts: readonly Bounds<C>[]): Bounds<C> => ({
    over: language.and(parts.map((part) => part.over)),
    under: language.and(parts.map((part) => part.under)),
  });
  const any = (parts: readonly Bounds<C>[]): Bounds<C> => ({
    over: language.or(parts.map((part) => part.over)),
    under: language.or(parts.map((part) => part.under)),
  });
  const not = (part: Bounds<C>): Bounds<C> => ({ over: language.not(part.under), under: language.not(part.over) });

  const metadataField = (path: string): FieldConditions<C> => {
    // A point with too many labels lacks some: it must pass where a label is asked for.
    const labelled = (over: readonly string[], under: readonly string[] = over): Bounds<C> => ({
      over: over.length === 0 ? language.or([]) : language.hasLabel([...over, OVERFLOW]),
      under: under.length === 0 || !isFaithful(path) ? language.or([]) : language.hasLabel(under),
    });
    return {
      exists: () => labelled([existsLabel(path)]),
      isOneOf: (values) =>
        labelled(
          values.map((value) => valueLabel(path, value)),
          values.filter(isFaithful).map((value) => valueLabel(path, value)),
        ),
      contains(value) {
        const element = elementLabel(path, value);
        const under = isFaithful(value) ? [element] : [];
        // Whether a string has the part is not known here.
        return typeof value === 'string' ? labelled([element, stringLabel(path)], under) : labelled([element], under);
      },
      compares(operator, value) {
        if (typeof value === 'string') return labelled([stringLabel(path)], []);
        if (typeof value !== 'number') return any([]);
        const upwards = operator.startsWith('>');
        const { inside, edges } = rangePrefixes(
          upwards ? value : -Number.MAX_VALUE,
          upwards ? Number.MAX_VALUE : value,
        );
        // JSON numbers end at the largest double, so that edge is inside. The value's own edge is only in part.
        const open = upwards ? edges.at(-1) : edges[0];
        const whole = edges.length === 2 && open !== undefined ? [...inside, open] : inside;
        const near = labelled(
          [...inside, ...edges].map((prefix) => numberLabel(path, prefix)),
          whole.map((prefix) => numberLabel(path, prefix)),
        );
        // Equality is known exactly, which settles the edge for all but numbers of many digits.
        const equal = labelled([valueLabel(path, value)]);
        return operator.endsWith('=') ? any([near, equal]) : all([near, not(equal)]);
      },
    };
  };
  const field = (path: string): FieldConditions<C> =>
    path.startsWith('metadata.') ? metadataField(path.slice('metadata.'.length)) : language.field(path as FilterField);

  const compile = (of: Filter): Bounds<C> => {
    if ('and' in of) return all(of.and.map(compile));
    if ('or' in of) return any(of.or.map(compile));
    if ('not' in of) return not(compile(of.not));
    if ('exists' in of) return field(of.exists[0]).exists();
    if ('in' in of) return field(of.in[0]).isOneOf(of.in[1]);
    if ('eq' in of) return field(of.eq[0]).isOneOf([of.eq[1]]);
    if ('ne' in of) {
      const asked = field(of.ne[0]);
      return all([asked.exists(), not(asked.isOneOf([of.ne[1]]))]);
    }
    if ('contains' in of) return field(of.contains[0]).contains(of.contains[1]);
    if ('gt' in of) return field(of.gt[0]).compares('>', of.gt[1]);
    if ('gte' in of) return field(of.gte[0]).compares('>=', of.gte[1]);
    if ('lt' in of) return field(of.lt[0]).compares('<', of.lt[1]);
    return field(of.lte[0]).compares('<=', of.lte[1]);
  };
  return compile(filter);
}

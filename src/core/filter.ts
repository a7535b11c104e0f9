/** Scalars that a filter compares with. */
export type FilterValue = string | number | boolean;

/**
 * The one filter language (design section 6). Paths: `source`, `key`, `documentId`, `mime`, `language`, `kind`, `title`,
 * `uri`, `page`, `observedAt` and `metadata.<name>[.<name>…]`.
 */
export type Filter =
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter }
  | { readonly eq: readonly [string, FilterValue] }
  | { readonly ne: readonly [string, FilterValue] }
  | { readonly in: readonly [string, readonly FilterValue[]] }
  | { readonly gt: readonly [string, FilterValue] }
  | { readonly gte: readonly [string, FilterValue] }
  | { readonly lt: readonly [string, FilterValue] }
  | { readonly lte: readonly [string, FilterValue] }
  | { readonly contains: readonly [string, FilterValue] }
  | { readonly exists: readonly [string] };

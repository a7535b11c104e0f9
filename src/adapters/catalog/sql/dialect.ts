/** What the databases under the catalog differ in. */
export interface Dialect {
  /** Type of text compared by code point. */
  readonly text: string;
  /** Type of a whole number up to 2^53. */
  readonly integer: string;
  /** Primary key that the database counts up and never gives out twice. */
  readonly serial: string;
  /** Characters that an index takes of a document's key or an inventory's scope; absent: all of them. */
  readonly indexedChars?: number;
}

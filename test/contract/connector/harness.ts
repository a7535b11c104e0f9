import type { JsonObject } from '../../../src/core/json.js';
import type { Connector } from '../../../src/core/ports/connector.js';

/** A source of one connector that a test can change. Names look like `guide/a.md`; texts are short Markdown. */
export interface TestSource {
  readonly connector: Connector<unknown>;
  /** The connector's options for this source, as they stand in a configuration. */
  readonly options: JsonObject;
  /** Adds the item or replaces its text. Old enough that the connector may trust its quick signs. */
  put(name: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes what was changed since the last call visible to the connector at once (a commit); where that is needed. */
  publish?(): Promise<void>;
  /** The key that the connector gives to the item of this name. */
  keyOf(name: string): string;
  /** Makes a read fail after it has begun, or come to a part only, until the returned function is called. */
  breakOff(): Promise<() => Promise<void>>;
  /** The texts that the connector may give for an item, where it changes them on the way; default: the text as it was put. */
  textOf?(text: string): string;
  close(): Promise<void>;
}

export type MakeSource = () => Promise<TestSource>;

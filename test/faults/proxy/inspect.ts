import { createLogger } from '../../../src/engine/logger.js';
import { openStorage } from '../../../src/engine/storage.js';
import { verifyCollection } from '../../../src/engine/surface/operations.js';
import { parseConfig, type ConfigInput } from '../../../src/core/config.js';
import { UNNAMED_BLOB_GRACE_MS } from '../../../src/core/ports/blobs.js';
import type { CanonicalChunk } from '../../../src/core/schemas/operations.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { stored, type Contents } from '../kill/inspect.js';

/** A collection as it is in the end. */
export interface End extends Pick<Contents, 'points' | 'blobs' | 'letters'> {
  readonly canonical: readonly CanonicalChunk[];
  /** What `verify` found and removed, by kind: leftovers of writes whose answers were lost, which no reader ever sees. */
  readonly leftovers: Readonly<Record<string, number>>;
  /** What `verify` could not repair, or found again after it had. */
  readonly problems: readonly string[];
}

/** By collection, from what no engine has open; `canonical` is what readers saw before. */
export async function inspect(
  config: ConfigInput,
  exported: ReadonlyMap<string, readonly CanonicalChunk[]>,
): Promise<Map<string, End>> {
  const parsed = parseConfig(config);
  const storage = await openStorage(parsed, createLogger(parsed));
  const never = new AbortController().signal;
  // The sweep leaves blobs alone for an hour, lest they belong to a write under way: here nothing is.
  const clock = { ...systemClock, now: () => systemClock.now() + 2 * UNNAMED_BLOB_GRACE_MS };
  const parts = {
    storage,
    clock,
    quietly: <T>(_: unknown, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>) => work(signal),
  };
  const ends = new Map<string, End>();
  try {
    for (const [name, canonical] of exported) {
      const leftovers: Record<string, number> = {};
      const problems: string[] = [];
      const of = { tenant: 'default', name };
      await verifyCollection(parts, of, true, never, ({ kind, repaired, message }) => {
        leftovers[kind] = (leftovers[kind] ?? 0) + 1;
        if (!repaired) problems.push(`${kind}: ${message}`);
      });
      await verifyCollection(parts, of, false, never, ({ kind, message }) =>
        problems.push(`still ${kind}: ${message}`),
      );
      ends.set(name, { canonical, leftovers, problems, ...(await stored(storage, name)) });
    }
  } finally {
    await storage.close();
  }
  return ends;
}

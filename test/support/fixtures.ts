import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVENT_VERSION, type ChangeEvent, type ContentRef } from '../../src/core/event.js';
import { documentId } from '../../src/core/ids.js';
import { versionKey, type VersionKey } from '../../src/core/version.js';

/** A folder for one test, and what removes it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'footnote-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** An upsert of tenant `t`, collection `c`, source `s` unless told otherwise. */
export function makeEvent(key: string, change: Partial<ChangeEvent> = {}): ChangeEvent {
  return {
    v: EVENT_VERSION,
    tenant: 't',
    collection: 'c',
    source: 's',
    key,
    op: 'upsert',
    fence: 1,
    policy: { principals: ['local'] },
    observedAt: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

export function idOf(key: string, change: Partial<ChangeEvent> = {}): string {
  return documentId(makeEvent(key, change));
}

/** A version key from its number alone. */
export function version(n: number | bigint, fence = 1, epoch = 1): VersionKey {
  return versionKey({ fence, epoch, n: BigInt(n) });
}

export function contentRef(blob: string): ContentRef {
  return { blob, bytes: 10, sha256: '0'.repeat(64) };
}

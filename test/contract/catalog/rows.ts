import type { Generation, GenerationSpec } from '../../../src/core/generation.js';
import type { DocumentRow, Head, VisibleVersion } from '../../../src/core/ports/catalog.js';
import type { ChangeEvent } from '../../../src/core/event.js';
import { idOf, makeEvent, version } from '../../support/fixtures.js';

/** When everything here was made. */
export const AT = '2026-01-01T00:00:00.000Z';

export const SPEC: GenerationSpec = {
  chunker: { options: { size: 256 }, fingerprint: 'f' },
  analyzer: { version: '1' },
  models: { text: { model: 'm', space: 's', build: 'b', dims: 3, maxTokens: 8 } },
};

export function makeHead(key: string, n: number, change: Partial<ChangeEvent> = {}): Head {
  const event = makeEvent(key, change);
  return { documentId: idOf(key, change), version: version(n), deleted: event.op === 'delete', event, updatedAt: AT };
}

export type RowOptions = Partial<Omit<DocumentRow, 'seen' | 'visible' | 'documentId'>> & {
  event?: Partial<ChangeEvent>;
  /** Number of the visible version; null for none. Default: the version seen. */
  visible?: number | null;
  revision?: string;
  partition?: number;
  language?: string;
};

export function makeRow(key: string, n: number, options: RowOptions = {}): Omit<DocumentRow, 'token'> {
  const { event: change = {}, visible, revision, partition, language, ...rest } = options;
  const event = makeEvent(key, change);
  const position = { epoch: 1, partition: partition ?? 0, offset: BigInt(n) };
  const at = (number: number) => ({ version: version(number), event, position });
  const shown: VisibleVersion | undefined =
    visible === null
      ? undefined
      : {
          ...at(visible ?? n),
          revision: revision ?? 'r1',
          chunks: 3,
          chars: 100,
          mime: 'text/plain',
          parser: 'text@1',
          warnings: ['w'],
          ...(language === undefined ? {} : { language }),
        };
  return {
    generation: 'g-1',
    documentId: idOf(key, change),
    state: 'live',
    seen: at(n),
    ...(shown ? { visible: shown } : {}),
    updatedAt: AT,
    ...rest,
  };
}

export function makeGeneration(id: string): Omit<Generation, 'history'> {
  return { id, tenant: 't', collection: 'c', state: 'draft', spec: SPEC, createdAt: AT };
}

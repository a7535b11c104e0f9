import type { SimPorts } from '../ports.js';
import type { Mutant } from './mutant.js';
import { wrapRevisions } from './wrap.js';

/** What is freed, and when. */
export const FREE: Readonly<Record<string, Mutant>> = {
  use_not_raised: {
    removes: 'raising a revision when it is used: an older tombstone frees the text of a newer event',
    law: '1, 4',
    ports: useNotRaised,
    harmless:
      'Whoever shows a revision looks afterwards whether its text is still recorded, and stores it again. use_not_raised_not_ensured removes both.',
  },
  use_not_raised_not_ensured: {
    removes: 'both that protect a text which comes into use again',
    law: '1, 4',
    ports: (ports) => textNotEnsured(useNotRaised(ports)),
  },
  free_listed: {
    removes: 'taking revisions out atomically: they are listed first and removed later',
    law: '1, 4',
    ports: (ports) =>
      wrapRevisions(ports, {
        takeFreeable: async (documentId, below) => {
          const all = await ports.catalog.revisions.list(documentId);
          const rows = await ports.catalog.documents.everywhere(documentId);
          const shown = new Set(rows.map((row) => row.visible?.revision));
          const free = all.filter((record) => record.version < below && !shown.has(record.revision));
          for (const { revision, parsed } of free) {
            await ports.catalog.revisions.forget(documentId, revision, parsed.blob);
          }
          return free;
        },
      }),
  },
  text_not_ensured: {
    removes: 'looking whether the text is still there once the row shows it',
    law: '1',
    ports: textNotEnsured,
  },
  free_early: {
    removes: "the rows' say in freeing an original: gone as soon as one row is newer",
    law: '4',
    ports: (ports) => {
      const { contents, documents } = ports.catalog;
      return {
        ...ports,
        catalog: {
          ...ports.catalog,
          contents: {
            ...contents,
            record: (...args) => contents.record(...args),
            freeable: async (documentId) => {
              const rows = await documents.everywhere(documentId);
              const free = await contents.freeable(documentId);
              const failed = rows.filter((row) => row.state === 'failed' && row.visible?.event.content);
              return [...free, ...failed.map((row) => row.visible!.event.content!)];
            },
          },
        },
      };
    },
  },
  no_content_record: {
    removes: 'recording contents before anything else',
    law: 'blob accounting',
    ports: (ports) => ({
      ...ports,
      catalog: { ...ports.catalog, contents: { ...ports.catalog.contents, record: () => Promise.resolve() } },
    }),
  },
  letters_stay: {
    removes: "the tombstone's removal of dead letters",
    law: '6',
    ports: (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        deadLetters: {
          ...ports.log.deadLetters,
          removeDocument: () => Promise.resolve(0),
          remove: () => Promise.resolve(),
        },
      },
    }),
  },
  texts_stay: {
    removes: "the tombstone's removal of normalized texts",
    law: '6',
    ports: (ports) => wrapRevisions(ports, { takeFreeable: () => Promise.resolve([]) }),
  },
  originals_stay: {
    removes: 'freeing originals',
    law: '6',
    ports: (ports) => ({
      ...ports,
      catalog: { ...ports.catalog, contents: { ...ports.catalog.contents, freeable: () => Promise.resolve([]) } },
    }),
  },
  points_stay: {
    removes: 'pruning',
    law: '6',
    ports: (ports) => ({ ...ports, vectors: { ...ports.vectors, prune: () => Promise.resolve() } }),
  },
  cache_stays: {
    removes: "the tombstone's removal of cached vectors",
    law: '6',
    ports: (ports) => ({ ...ports, cache: { ...ports.cache, forget: () => Promise.resolve() } }),
  },
  repair_in_flight: {
    removes: 'repair waiting until nothing is in flight before it takes points without a row',
    law: '4',
    repairAnyTime: true,
  },
  free_unseen: {
    removes: 'waiting, before an original is freed, for generations that have not come to its document',
    law: '4',
    catalog: { freeUnseen: true },
  },
  sweep_at_once: {
    removes: 'the hour that an unnamed blob is left alone',
    law: 'blob accounting (an original is lost)',
    sweepAtOnce: true,
  },
  sweep_unapplied: {
    removes:
      'the sweep waiting until some generation has applied all of the log: it names blobs that the catalog does not know',
    law: 'blob accounting (an original is lost)',
    ports: (ports) => ({
      ...ports,
      log: { ...ports.log, end: async (stream) => (await ports.log.end(stream)).map((p) => ({ ...p, offset: 0n })) },
    }),
  },
  name_any_time: {
    removes: 'looking at the clock before a blob is named: it may have been swept while the machine slept',
    law: 'blob accounting (an original is lost)',
    ports: (ports) => ({ ...ports, clock: { ...ports.clock, now: () => 0 } }),
    only: ['listing', 'api'],
  },
};

function useNotRaised(ports: SimPorts): SimPorts {
  const { revisions } = ports.catalog;
  return wrapRevisions(ports, {
    use: (documentId, revision) => revisions.get(documentId, revision),
    add: async (record) => (await revisions.get(record.documentId, record.revision)) ?? revisions.add(record),
  });
}

function textNotEnsured(ports: SimPorts): SimPorts {
  const { revisions } = ports.catalog;
  const nothing = { blob: '', bytes: 0, sha256: '' };
  return wrapRevisions(ports, {
    get: async (documentId, revision) =>
      (await revisions.get(documentId, revision)) ?? {
        documentId,
        revision,
        version: '',
        parsed: nothing,
        createdAt: '',
      },
  });
}

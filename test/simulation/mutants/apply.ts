import type { SimPorts } from '../ports.js';
import type { Mutant } from './mutant.js';
import { wrapDeliveries, wrapDocuments, wrapHeads } from './wrap.js';

/** Applying one event, and acknowledging it. */
export const APPLY: Readonly<Record<string, Mutant>> = {
  prune_eq: {
    removes: 'the order in prune: it removes every version but the one it was told',
    law: '4',
    ports: (ports) => ({
      ...ports,
      vectors: {
        ...ports.vectors,
        prune: (generation, documentId, below) =>
          // The model's prune with a bound above everything, then what was meant to stay is written back by nobody.
          pruneAllBut(ports, generation, documentId, below),
      },
    }),
  },
  prune_one_parser: {
    removes: "pruning another revision at the row's own version (two parsers at once)",
    law: '4 (points are left for good)',
    ports: (ports) => ({
      ...ports,
      vectors: {
        ...ports.vectors,
        prune: (generation, documentId, below, keep) =>
          ports.vectors.prune(generation, documentId, below, keep === '' ? keep : undefined),
      },
    }),
  },
  undo: { removes: 'letting stand: the one who finds newer state removes its own points', law: '4', undo: true },
  fail_reset: {
    removes: 'the last good version of a failed row: it points at the version that failed',
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        compareAndSet: (row, expected) =>
          ports.catalog.documents.compareAndSet(
            row.state === 'failed' && row.visible ? { ...row, visible: { ...row.visible, ...row.seen } } : row,
            expected,
          ),
      }),
  },
  failed_is_settled: {
    removes: 'going on at a failed row of the same version: a replay never heals it',
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        get: async (generation, documentId) => {
          const row = await ports.catalog.documents.get(generation, documentId);
          return row?.state === 'failed' ? { ...row, state: 'live' } : row;
        },
      }),
  },
  missing_is_superseded: {
    removes: 'asking the head when content is gone: it is taken for superseded',
    law: '4',
    ports: (ports) =>
      wrapHeads(ports, {
        get: async (ids) => {
          const found = await ports.catalog.heads.get(ids);
          return new Map([...found].map(([id, head]) => [id, { ...head, version: 'z' }]));
        },
      }),
    only: ['worker', 'replay', 'builder'],
    harmless:
      'Content that is needed is never freed, so it is only ever gone where the head is newer: the question guards against files lost from outside, which would otherwise pass in silence.',
  },
  parser_unnamed: {
    removes: "the parser's version in revisions: two parsers' texts go by one name",
    law: '1, 2, 4',
    ports: (ports) => ({
      ...ports,
      parsing: {
        ...ports.parsing,
        identify: async (...args) => ({ ...(await ports.parsing.identify(...args)), parser: 'sim@1' }),
      },
    }),
  },
  commit_gap: { removes: 'the durable prefix: an ack commits everything below it', law: '5', log: { commitGap: true } },
  ack_first: {
    removes: 'the order of effect and acknowledgement',
    law: '5',
    ports: (ports) =>
      wrapDeliveries(ports, async (delivery) => {
        await delivery.ack();
        return delivery;
      }),
  },
  commit_when_revoked: {
    removes: "the log's refusal of commits from a revoked member",
    law: '5',
    log: { commitWhenRevoked: true },
    harmless:
      'A zombie acknowledges what is durable, without gaps from a commit on, and commits never fall: it only saves a redelivery. revoked_rewinds removes both.',
  },
  revoked_rewinds: {
    removes:
      'that refusal, and that commits only rise: a stalled member sets its group back to where the log is trimmed',
    law: '4, 5',
    log: { commitWhenRevoked: true, commitsFall: true },
  },
};

async function pruneAllBut(ports: SimPorts, generation: string, documentId: string, keep: string): Promise<void> {
  const kept = await ports.vectors.document(generation, documentId, keep);
  await ports.vectors.prune(generation, documentId, 'z');
  await ports.vectors.write(generation, kept);
}

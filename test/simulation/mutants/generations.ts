import type { SimPorts } from '../ports.js';
import type { Mutant } from './mutant.js';
import { wrapDocuments } from './wrap.js';

/** Building, releasing and dropping generations. */
export const GENERATIONS: Readonly<Record<string, Mutant>> = {
  no_tomb_backfill: {
    removes: 'tombstones in the backfill of a new generation',
    law: '4, 6',
    ports: (ports) =>
      wrapDocuments(ports, {
        list: async (generation, options) => {
          const rows = await ports.catalog.documents.list(generation, options);
          return rows.filter((row) => row.state !== 'deleted');
        },
      }),
  },
  no_last_good_backfill: {
    removes: 'the last good version of failed rows in the backfill',
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        list: async (generation, options) => {
          const rows = await ports.catalog.documents.list(generation, options);
          return rows.map(({ visible, ...row }) => (row.state === 'failed' || !visible ? row : { ...row, visible }));
        },
      }),
  },
  backfill_newer: {
    removes: "a backfilled document's own version: it takes one of the log's end",
    law: '4',
    ports: (ports) =>
      wrapDocuments(ports, {
        list: async (generation, options) => {
          const rows = await ports.catalog.documents.list(generation, options);
          const [end] = await ports.log.end('');
          return rows.map((row) => ({
            ...row,
            seen: { ...row.seen, position: { ...row.seen.position, offset: end!.offset + 1000n } },
          }));
        },
      }),
  },
  build_from_gone_group: {
    removes: 'asking whether the generation that one is built from was dropped before its commits were read',
    law: '4',
    only: ['builder'],
    ports: (ports) => takenForLive(ports, 0),
  },
  build_from_gone_rows: {
    removes: 'asking whether the generation that one is built from was dropped before all of its rows were read',
    law: '4',
    only: ['builder'],
    ports: (ports) => takenForLive(ports, 1),
  },
  consume_early: {
    removes: 'the order of backfill and consumption: a generation consumes while it is backfilled',
    law: '4',
    consumeEarly: true,
  },
  no_hold: {
    removes: 'the hold on the log while a generation is built, and its group',
    law: '4',
    log: { holdsIgnored: true },
  },
  build_moves_start: {
    removes: 'the one beginning of a generation: a second build moves it past what the first one still counts on',
    law: '4, 9',
    ports: (ports) => ({
      ...ports,
      log: { ...ports.log, seek: (stream, group, positions) => ports.log.seek(stream, group, positions) },
    }),
  },
  switch_at_once: {
    removes: 'waiting until the target has what the live generation had shown',
    law: '9 (readers lose what they have seen)',
    switchAtOnce: true,
  },
  switch_blind: {
    removes: 'the compare-and-set of a switch',
    law: '9',
    catalog: { switchBlind: true },
  },
  drop_blind: {
    removes: 'deciding switch and drop of one generation against each other',
    law: '9',
    catalog: { dropBlind: true },
  },
  retired_deaf: {
    removes: 'consumption by retired generations: deletions do not reach them',
    law: '6',
    retiredDeaf: true,
  },
};

/** The nth look of a process at a generation tells it nothing of its end. */
function takenForLive(ports: SimPorts, nth: number): SimPorts {
  const { generations } = ports.catalog;
  let looks = 0;
  const get: typeof generations.get = async (id) => {
    const generation = await generations.get(id);
    looks += 1;
    return generation && looks === nth + 1 ? { ...generation, state: 'live' } : generation;
  };
  return { ...ports, catalog: { ...ports.catalog, generations: { ...generations, get } } };
}

import { connectors } from '../../connectors/registry.js';
import { describeWith } from '../support/needs.js';
import { testSchema } from '../support/postgres-table.js';
import type { MakeSource } from './connector/harness.js';
import { describeConnectorContract } from './connector.js';

/** A table whose rows are the items, keyed by two columns as their folders and names are. */
const make =
  (url: string, options: Record<string, string | number>): MakeSource =>
  async () => {
    const { name: schema, ask, drop } = await testSchema(url);
    await ask(`create sequence $S.changes; create table $S.docs (
      folder text, name text, body text, changed bigint default nextval('$S.changes'), primary key (folder, name))`);
    const parts = (name: string) => {
      const slash = name.lastIndexOf('/');
      return [name.slice(0, Math.max(slash, 0)), name.slice(slash + 1)] as const;
    };
    const changed = `changed = nextval('$S.changes')`;
    return {
      connector: connectors.postgres,
      options: { url, schema, table: 'docs', key: ['folder', 'name'], text: ['body'], batchRows: 2, ...options },
      put: async (name, text) => {
        const put = `insert into $S.docs values ($1, $2, $3) on conflict (folder, name) do update set body = $3, ${changed}`;
        await ask(put, [...parts(name), text]);
      },
      async rename(from, to) {
        const values = [...parts(from), ...parts(to)];
        await ask(`update $S.docs set folder = $3, name = $4, ${changed} where folder = $1 and name = $2`, values);
      },
      remove: async (name) => void (await ask('delete from $S.docs where folder = $1 and name = $2', parts(name))),
      keyOf: (name) =>
        parts(name)
          .map((part) => part.replaceAll('/', '%2F'))
          .join('/'),
      async breakOff() {
        await ask('alter table $S.docs rename to away');
        return async () => void (await ask('alter table $S.away rename to docs'));
      },
      close: drop,
    };
  };

describeWith('POSTGRES_URL', 'connector contract: postgres', (url) => {
  describeConnectorContract('postgres', make(url, {}));
  describeConnectorContract('postgres, incremental', make(url, { incremental: 'changed', fullEveryMs: 0 }));
});

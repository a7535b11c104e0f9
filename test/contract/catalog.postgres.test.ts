import { openPostgresCatalog } from '../../src/adapters/catalog/postgres/index.js';
import type { Catalog } from '../../src/core/ports/catalog.js';
import { describeWith } from '../support/needs.js';
import { describeCatalogContract } from './catalog.js';
import type { Made } from './catalog/maker.js';
import { dropSchema, newSchema } from '../support/postgres.js';

describeWith('POSTGRES_URL', 'Catalog: PostgreSQL', (url) => {
  async function make(): Promise<Made<Catalog>> {
    const schema = newSchema();
    const open = async (): Promise<Made<Catalog>> => {
      const port = await openPostgresCatalog({ url, schema });
      return {
        port,
        close: async () => {
          await port.close();
          await dropSchema(url, schema);
        },
        reopen: async () => {
          await port.close();
          return open();
        },
      };
    };
    return open();
  }

  describeCatalogContract('PostgreSQL', make);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../../src/adapters/catalog/sqlite/index.js';
import type { Catalog } from '../../src/core/ports/catalog.js';
import { temporaryFolder } from '../support/fixtures.js';
import { describeCatalogContract } from './catalog.js';
import type { Made } from './catalog/maker.js';

async function make(): Promise<Made<Catalog>> {
  const folder = await temporaryFolder();
  const open = async (): Promise<Made<Catalog>> => {
    const port = await openSqliteCatalog(join(folder.path, 'catalog.db'));
    return {
      port,
      close: async () => {
        await port.close();
        await folder.remove();
      },
      reopen: async () => {
        await port.close();
        return open();
      },
    };
  };
  return open();
}

describeCatalogContract('SQLite', make);

describe('SQLite catalog file', () => {
  it('refuses data of newer software', async () => {
    const folder = await temporaryFolder();
    const file = join(folder.path, 'catalog.db');
    const catalog = await openSqliteCatalog(file);
    await catalog.meta.set('catalog.format', '99');
    await catalog.close();
    await expect(openSqliteCatalog(file)).rejects.toMatchObject({ code: 'data_newer' });
    await folder.remove();
  });

  it('tells a damaged file', async () => {
    const folder = await temporaryFolder();
    const file = join(folder.path, 'catalog.db');
    await writeFile(file, 'no database at all '.repeat(500));
    await expect(openSqliteCatalog(file)).rejects.toMatchObject({ code: 'data_corrupt' });
    await folder.remove();
  });
});

import { describe } from 'vitest';
import { describeDocuments } from './catalog/documents.js';
import { describeHeads } from './catalog/heads.js';
import type { MakeCatalog } from './catalog/maker.js';
import { describeMany } from './catalog/many.js';
import { describeOwnership } from './catalog/ownership.js';
import { describeProcesses } from './catalog/processes.js';
import { describeRecords } from './catalog/records.js';
import { describeRevisions } from './catalog/revisions.js';

/** What every catalog owes (src/core/ports/catalog.ts). */
export function describeCatalogContract(name: string, make: MakeCatalog): void {
  describe(`Catalog: ${name}`, () => {
    describeHeads(make);
    describeDocuments(make);
    describeRevisions(make);
    describeMany(make);
    describeOwnership(make);
    describeRecords(make);
    describeProcesses(make);
  });
}

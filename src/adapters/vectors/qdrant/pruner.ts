import type { Schemas } from '@qdrant/js-client-rest';
import { GroupedCoalescer } from '../../../runtime/coalescer.js';
import { isDoomed, type Prune } from '../prune.js';
import { ofDocuments } from './compile.js';
import type { Connection } from './connection.js';
import { pages } from './scroll.js';
import type { Collection } from './search.js';
import { completed } from './updates.js';
import { APPLIED } from './writer.js';

interface Asked {
  readonly collection: Collection;
  readonly prune: Prune;
}

/** Documents of one listing. */
const MOST = 128;
/** Points of one deletion. */
const BATCH_POINTS = 1000;

/** Removes points of versions that nothing shows any more; of many documents at once together. */
export class Pruner {
  private readonly asked: GroupedCoalescer<Asked, void>;

  constructor(private readonly connection: Connection) {
    this.asked = new GroupedCoalescer((all) => this.pruneAll(all), { most: MOST });
  }

  /**
   * Lists the document's versions and deletes those that are to go by their ids: no filter of the server's compares
   * versions, and one that is wrong, or meets a newer write, would delete what must stay.
   */
  prune(collection: Collection, prune: Prune): Promise<void> {
    return this.asked.ask(collection.name, { collection, prune });
  }

  /** All of one collection. */
  private async pruneAll(all: readonly Asked[]): Promise<void[]> {
    const { collection } = all[0]!;
    const byDocument = new Map<string, Prune[]>();
    for (const { prune } of all) {
      byDocument.set(prune.documentId, [...(byDocument.get(prune.documentId) ?? []), prune]);
    }
    const asked = {
      filter: ofDocuments([...byDocument.keys()]),
      with_payload: ['documentId', 'version', 'revision'],
      with_vector: false,
    };
    let doomed: Schemas['ExtendedPointId'][] = [];
    for await (const page of pages(this.connection, collection, asked)) {
      for (const { id, payload } of page) {
        const { documentId, version, revision } = payload as Record<'documentId' | 'version' | 'revision', string>;
        if (byDocument.get(documentId)?.some((prune) => isDoomed(prune, version, revision))) doomed.push(id);
      }
      if (doomed.length < BATCH_POINTS) continue;
      await this.delete(collection, doomed);
      doomed = [];
    }
    if (doomed.length > 0) await this.delete(collection, doomed);
    return all.map(() => undefined);
  }

  private async delete(collection: Collection, points: Schemas['ExtendedPointId'][]): Promise<void> {
    await this.connection.call(collection.generation, async (api, init) =>
      completed(await api.deletePoints({ collection_name: collection.name, ...APPLIED, points }, init)),
    );
  }
}

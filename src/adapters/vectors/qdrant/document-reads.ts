import type { Point } from '../../../core/ports/vectors.js';
import { Coalescer } from '../../../runtime/coalescer.js';
import { ofDocuments } from './compile.js';
import type { Connection } from './connection.js';
import { decodePoint, WHOLE_PAYLOAD } from './points.js';
import { pages } from './scroll.js';
import type { Collection } from './search.js';

interface Asked {
  readonly collection: Collection;
  readonly documentId: string;
}

/** Documents of one listing. */
const MOST = 64;

/** Documents' points of all versions, without their vectors; those of many documents at once are read together. */
export class DocumentReads {
  private readonly asked: Coalescer<Asked, Point[]>;

  constructor(private readonly connection: Connection) {
    this.asked = new Coalescer((all) => this.read(all), { most: MOST });
  }

  points(collection: Collection, documentId: string): Promise<Point[]> {
    return this.asked.ask({ collection, documentId });
  }

  private async read(all: readonly Asked[]): Promise<Point[][]> {
    const found = new Map<string, Point[]>();
    const placeOf = ({ collection, documentId }: Asked): string => `${collection.name} ${documentId}`;
    for (const each of all) found.set(placeOf(each), []);
    for (const collection of new Map(all.map((each) => [each.collection.name, each.collection])).values()) {
      const ids = all.flatMap((each) => (each.collection.name === collection.name ? [each.documentId] : []));
      const asked = { filter: ofDocuments(ids), with_payload: WHOLE_PAYLOAD, with_vector: false };
      for await (const page of pages(this.connection, collection, asked)) {
        for (const record of page) {
          const point = decodePoint(record, []);
          found.get(placeOf({ collection, documentId: point.documentId }))?.push(point);
        }
      }
    }
    // Whoever asked for the same document gets a list of their own.
    return all.map((each) => [...found.get(placeOf(each))!]);
  }
}

import type { Schemas } from '@qdrant/js-client-rest';
import type { Point } from '../../../core/ports/vectors.js';
import type { VersionKey } from '../../../core/version.js';
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

type Input = Pick<Point, 'documentId' | 'version' | 'ordinal' | 'inputSha256'>;

/** Documents of one listing. */
const MOST = 128;

/** Documents' points of all versions, without their vectors; those of many documents at once are read together. */
export class DocumentReads {
  private readonly wholes: Coalescer<Asked, Point[]>;
  private readonly shorts: Coalescer<Asked, Input[]>;

  constructor(private readonly connection: Connection) {
    this.wholes = new Coalescer((all) => this.read(all, WHOLE_PAYLOAD, (record) => decodePoint(record, [])), {
      most: MOST,
    });
    const fields = ['documentId', 'version', 'ordinal', 'inputSha256'];
    this.shorts = new Coalescer((all) => this.read(all, fields, ({ payload }) => payload as unknown as Input), {
      most: MOST,
    });
  }

  async points(collection: Collection, documentId: string, version: VersionKey): Promise<Point[]> {
    return ofVersion(await this.wholes.ask({ collection, documentId }), version);
  }

  async inputs(collection: Collection, documentId: string, version: VersionKey): Promise<string[]> {
    const points = await this.shorts.ask({ collection, documentId });
    return ofVersion(points, version).map(({ inputSha256 }) => inputSha256);
  }

  private async read<T extends Input>(
    all: readonly Asked[],
    with_payload: Schemas['WithPayloadInterface'],
    decode: (record: Schemas['Record']) => T,
  ): Promise<T[][]> {
    const found = new Map<string, T[]>();
    const placeOf = ({ collection, documentId }: Asked): string => `${collection.name} ${documentId}`;
    for (const each of all) found.set(placeOf(each), []);
    for (const collection of new Map(all.map((each) => [each.collection.name, each.collection])).values()) {
      const ids = all.flatMap((each) => (each.collection.name === collection.name ? [each.documentId] : []));
      const asked = { filter: ofDocuments(ids), with_payload, with_vector: false };
      for await (const page of pages(this.connection, collection, asked)) {
        for (const record of page) {
          const point = decode(record);
          found.get(placeOf({ collection, documentId: point.documentId }))?.push(point);
        }
      }
    }
    return all.map((each) => found.get(placeOf(each))!);
  }
}

/** Other versions are few and short-lived, so the version has no index. */
function ofVersion<T extends Input>(points: readonly T[], version: VersionKey): T[] {
  return points.filter((point) => point.version === version).sort((a, b) => a.ordinal - b.ordinal);
}

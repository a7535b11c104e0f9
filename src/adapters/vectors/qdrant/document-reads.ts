import type { Schemas } from '@qdrant/js-client-rest';
import type { Point } from '../../../core/ports/vectors.js';
import type { VersionKey } from '../../../core/version.js';
import { GroupedCoalescer } from '../../../runtime/coalescer.js';
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
  private readonly wholes: GroupedCoalescer<Asked, Point[]>;
  private readonly shorts: GroupedCoalescer<Asked, Input[]>;

  constructor(private readonly connection: Connection) {
    this.wholes = new GroupedCoalescer((all) => this.read(all, WHOLE_PAYLOAD, (record) => decodePoint(record, [])), {
      most: MOST,
    });
    const fields = ['documentId', 'version', 'ordinal', 'inputSha256'];
    this.shorts = new GroupedCoalescer((all) => this.read(all, fields, ({ payload }) => payload as unknown as Input), {
      most: MOST,
    });
  }

  async points(collection: Collection, documentId: string, version: VersionKey): Promise<Point[]> {
    return ofVersion(await this.wholes.ask(collection.name, { collection, documentId }), version);
  }

  async inputs(collection: Collection, documentId: string, version: VersionKey): Promise<string[]> {
    const points = await this.shorts.ask(collection.name, { collection, documentId });
    return ofVersion(points, version).map(({ inputSha256 }) => inputSha256);
  }

  /** All of one collection. */
  private async read<T extends Input>(
    all: readonly Asked[],
    with_payload: Schemas['WithPayloadInterface'],
    decode: (record: Schemas['Record']) => T,
  ): Promise<T[][]> {
    const { collection } = all[0]!;
    const found = new Map<string, T[]>(all.map(({ documentId }) => [documentId, []]));
    const asked = { filter: ofDocuments([...found.keys()]), with_payload, with_vector: false };
    for await (const page of pages(this.connection, collection, asked)) {
      for (const record of page) {
        const point = decode(record);
        found.get(point.documentId)?.push(point);
      }
    }
    return all.map(({ documentId }) => found.get(documentId)!);
  }
}

/** Other versions are few and short-lived, so the version has no index. */
function ofVersion<T extends Input>(points: readonly T[], version: VersionKey): T[] {
  return points.filter((point) => point.version === version).sort((a, b) => a.ordinal - b.ordinal);
}

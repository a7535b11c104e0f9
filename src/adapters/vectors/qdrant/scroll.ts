import type { Schemas } from '@qdrant/js-client-rest';
import type { Connection } from './connection.js';
import type { Collection } from './search.js';

/** Points of one page. */
const PAGE_POINTS = 256;

/**
 * Points by id, a page at a time: what was there when it began comes once, whatever others write meanwhile; what they
 * write may come or not.
 */
export async function* pages(
  connection: Connection,
  collection: Collection,
  asked: Pick<Schemas['ScrollRequest'], 'filter' | 'with_payload' | 'with_vector'>,
  signal?: AbortSignal,
): AsyncGenerator<Schemas['Record'][]> {
  let offset: Schemas['ScrollResult']['next_page_offset'];
  do {
    const request = { ...asked, limit: PAGE_POINTS, ...(offset === undefined || offset === null ? {} : { offset }) };
    const page = await connection.call(
      collection.generation,
      (api, init) => api.scrollPoints({ collection_name: collection.name, ...request }, init),
      signal,
    );
    yield page.points;
    offset = page.next_page_offset;
  } while (offset !== undefined && offset !== null);
}

import type { JobView } from '../../src/core/schemas/jobs.js';
import type { GenerationList, Reindex } from '../../src/core/schemas/reindex.js';

/** The endpoints of one collection that the benchmark needs. */
export class CollectionApi {
  constructor(
    private readonly server: string,
    /** From server.json. */
    private readonly token: string,
    private readonly collection: string,
  ) {}

  url(path: string): string {
    return `${this.server}/v1/collections/${this.collection}${path}`;
  }

  create(): Promise<unknown> {
    return this.#json('PUT', '', {});
  }

  /** Resolves when all of the folder is searchable. */
  async ingest(folder: string): Promise<void> {
    const request = json('POST', { paths: [folder] });
    // Folders of the server's own machine are for whoever holds its token.
    const headers = { ...request.headers, authorization: `Bearer ${this.token}` };
    const response = await fetch(this.url('/ingest'), { ...request, headers });
    const lines = (await response.text()).trim().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '{}') as { type?: string; failed?: number };
    if (!response.ok || last.type !== 'summary') throw new Error(`The ingestion ended with ${lines.at(-1)}`);
  }

  async put(source: string, key: string, text: string): Promise<void> {
    const path = `/sources/${source}/documents/${encodeURIComponent(key)}?wait=true`;
    const response = await fetch(this.url(path), {
      method: 'PUT',
      headers: { 'content-type': 'text/markdown' },
      body: text,
    });
    if (response.status !== 200) throw new Error(`PUT ${key}: ${response.status} ${await response.text()}`);
  }

  search<T>(body: object): Promise<T> {
    return this.#json('POST', '/search', body);
  }

  reindex(request: Partial<Reindex>): Promise<JobView> {
    return this.#json('POST', '/reindex', request);
  }

  async job(id: string): Promise<JobView> {
    return (await (await fetch(`${this.server}/v1/jobs/${id}`)).json()) as JobView;
  }

  /** Releases the generation that is not served, of two. */
  async rollBack(): Promise<void> {
    const { generations } = await this.#json<GenerationList>('GET', '/generations');
    const other = generations.find(({ served }) => !served)!;
    await this.#json('PUT', '/release', { generation: other.id });
  }

  async dropOthers(): Promise<void> {
    const { generations } = await this.#json<GenerationList>('GET', '/generations');
    for (const { id, served } of generations) {
      if (!served) await fetch(this.url(`/generations/${id}`), { method: 'DELETE' });
    }
  }

  async #json<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.url(path), body === undefined ? { method } : json(method, body));
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

function json(method: string, body: object) {
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

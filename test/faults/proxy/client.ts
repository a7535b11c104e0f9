import { setTimeout as sleep } from 'node:timers/promises';
import { documentId } from '../../../src/core/ids.js';
import { bytesOf } from '../kill/corpus.js';
import type { Step, Write } from './history.js';

/** One request; beyond it something hangs. */
const ANSWER_MS = 60_000;
const TRIES = 100;
const PAUSE_MS = 50;
/** More than the smallest part of an upload. */
const LARGE_BYTES = (5 << 20) + 300_000;

/** How it went until now. */
export interface Told {
  /** Answers 503 with a Retry-After. */
  refused: number;
  readonly violations: string[];
}

/**
 * A client of the HTTP API that does what a good one does: sends again whatever was refused for now, until it is
 * accepted. Everything else but an acceptance is a violation.
 */
export class Client {
  constructor(
    private readonly url: string,
    private readonly collection: string,
    private readonly told: Told,
  ) {}

  create(): Promise<Response> {
    return this.#until('create', () => [200, 201], { method: 'PUT', body: '{}', type: 'application/json' }, '');
  }

  /** Also its data, on every store. */
  remove(): Promise<Response> {
    return this.#until('remove', (again) => (again ? [204, 404] : [204]), { method: 'DELETE' }, '');
  }

  async write(step: Step, name: string): Promise<void> {
    await Promise.all(step.writes.map((write, i) => this.#write(write, `${this.collection}.${name}.${i}`)));
  }

  /** What was accepted holds for who reads from then on, applied or not. */
  async look(step: Step): Promise<void> {
    const [living, deleted] = [step.living.at(-1), step.deleted.at(-1)];
    const at = (key: string) => `/sources/api/documents/${key}`;
    if (living !== undefined) await this.#until(`get ${living}`, () => [200], { method: 'GET' }, at(living));
    if (deleted === undefined) return;
    await this.#until(`get deleted ${deleted}`, () => [404], { method: 'GET' }, at(deleted));
    const request = { method: 'POST', type: 'application/json', body: JSON.stringify({ query: deleted, limit: 20 }) };
    const answer = await this.#until('search', () => [200], request, '/search');
    const { hits } = (await answer.json()) as { hits: { key: string }[] };
    for (const { key } of hits) {
      if (step.deleted.includes(key)) this.told.violations.push(`resurrected: ${key} is found after its deletion`);
    }
  }

  async #write(write: Write, id: string): Promise<void> {
    const wait = write.wait ? '?wait=true' : '';
    const path = `/sources/api/documents/${write.key}${wait}`;
    const told = `${id} ${write.op} ${write.key}`;
    if (write.op === 'delete') {
      // Deleted before the answer to an earlier try was lost.
      await this.#until(told, (again) => (again ? [200, 202, 404] : [200, 202]), { method: 'DELETE' }, path);
    } else if (write.op === 'patch') {
      const tenant = 'default';
      const of = documentId({ tenant, collection: this.collection, source: 'api', key: write.key });
      const body = JSON.stringify({ policy: { principals: write.principals } });
      const request = { method: 'PATCH', type: 'application/merge-patch+json', body };
      // What could not be parsed before can still not be.
      await this.#until(told, () => [200, 202, 422], request, `/documents/${of}${wait}`);
    } else {
      const { metadata, principals, content } = write;
      const body = new FormData();
      body.append('document', JSON.stringify({ metadata, policy: { principals } }));
      body.append('file', new Blob([bytes(write)]), write.key);
      const request = { method: 'PUT', body, ...(write.once ? { once: id } : {}) };
      await this.#until(told, () => (content.broken ? [202, 422] : [200, 202]), request, path);
    }
  }

  /** @param accepts statuses, by whether an earlier try may have been carried out */
  async #until(
    what: string,
    accepts: (again: boolean) => number[],
    request: { method: string; body?: string | FormData; type?: string; once?: string },
    path: string,
  ): Promise<Response> {
    const { method, body, type, once } = request;
    const headers = {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(once === undefined ? {} : { 'idempotency-key': once }),
    };
    let said = '';
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const answer = await fetch(`${this.url}/v1/collections/${this.collection}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (accepts(attempt > 0).includes(answer.status)) return answer;
      said = `${answer.status} ${(await answer.text()).slice(0, 500)}`;
      if (answer.status !== 503 || !/^\d+$/.test(answer.headers.get('retry-after') ?? '')) {
        this.told.violations.push(`answered: ${what} with ${said}`);
      }
      this.told.refused += 1;
      await sleep(PAUSE_MS);
    }
    throw new Error(`${what} was not accepted: ${said}`);
  }
}

/** A large one has a comment that no parser keeps. */
function bytes(write: Extract<Write, { op: 'put' }>): Uint8Array<ArrayBuffer> {
  const whole = bytesOf(write.key, write.content);
  const comment = write.large ? Buffer.from(`\n<!--${'x'.repeat(LARGE_BYTES)}-->\n`) : Buffer.alloc(0);
  return new Uint8Array(Buffer.concat([whole, comment]));
}

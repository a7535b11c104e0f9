import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/runtime/random.js';
import type { CollectionApi } from './api.js';
import type { Answer, Asked } from './load.js';

/** Documents that are written again and again, each version with a word of its own: what a search must and must not find. */
export class Probes {
  /** By document: the version that was acknowledged as searchable, and how many writes were begun. */
  readonly #known: { version: number; begun: number }[] = [];

  constructor(
    private readonly api: CollectionApi,
    private readonly count: number,
  ) {}

  async writeAll(): Promise<void> {
    for (let n = 0; n < this.count; n += 1) {
      this.#known.push({ version: 0, begun: 0 });
      await this.#write(n);
    }
  }

  /** One write a second, one document after another. */
  keepWriting(): { stop(): Promise<void> } {
    const stopping = new AbortController();
    const run = async (): Promise<void> => {
      for (let n = 0; !stopping.signal.aborted; n += 1) {
        await this.#write(n % this.count);
        await sleep(1000, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    };
    const running = run();
    return {
      stop: async () => {
        stopping.abort();
        await running;
      },
    };
  }

  /** Either the newest version must be found, or an older one must not. */
  ask(random: Random): Asked {
    const n = random.below(this.count);
    const { version, begun } = this.#known[n]!;
    const old = version > 1 && random.chance(0.5);
    const word = wordOf(n, old ? version - 1 : version);
    return {
      body: { query: word, mode: 'lexical', limit: 10 },
      check: ({ hits }) => {
        const found = hits.some(({ text }) => text.includes(word));
        if (old) return found ? `stale: ${word} is found after version ${version} was acknowledged` : undefined;
        // Written again meanwhile: whether it was found says nothing.
        if (found || this.#known[n]!.begun !== begun || version !== begun) return undefined;
        return `missing: ${word} is not found`;
      },
    };
  }

  async #write(n: number): Promise<void> {
    const known = this.#known[n]!;
    known.begun += 1;
    const version = known.begun;
    await this.api.put(
      'probe',
      `probe-${n}.md`,
      `# Probe ${n}\n\nThe word of this version is ${wordOf(n, version)}.\n`,
    );
    known.version = version;
  }
}

function wordOf(document: number, version: number): string {
  const letters = (n: number): string => [...String(n)].map((digit) => 'bcdfghjklm'[Number(digit)]).join('');
  return `qx${letters(document)}z${letters(version)}w`;
}

/** Queries over what stands still: while one generation is served, they find the same each time. */
export class Recorded {
  readonly #answers: { body: Readonly<Record<string, unknown>>; found: string }[] = [];
  #on = true;

  constructor(private readonly api: CollectionApi) {}

  async record(queries: readonly string[]): Promise<void> {
    for (const query of queries) {
      // BM25 moves a little with every write; vectors do not.
      const body = { query, mode: 'dense', limit: 10, filter: { not: { eq: ['source', 'probe'] } } };
      this.#answers.push({ body, found: found(await this.api.search<Answer>(body)) });
    }
  }

  /** Another generation is about to be served: what it finds is another thing. */
  stop(): void {
    this.#on = false;
  }

  ask(random: Random): Asked {
    const { body, found: wanted } = random.pick(this.#answers);
    if (!this.#on) return { body };
    return {
      body,
      check: (answer) => (found(answer) === wanted ? undefined : `another answer to ${JSON.stringify(body['query'])}`),
    };
  }
}

function found({ hits }: Answer): string {
  return hits.map(({ chunkId }) => chunkId).join();
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../src/runtime/random.js';

/** What one search found, or that it found nothing in time. */
export interface Answer {
  readonly hits: readonly { readonly chunkId: string; readonly key: string; readonly text: string }[];
}

/** A query that must be answered in one way only. */
export interface Asked {
  readonly body: Readonly<Record<string, unknown>>;
  /** @returns what is wrong with the answer, if anything; called when it has come */
  readonly check?: (answer: Answer) => string | undefined;
}

export interface LoadReport {
  /** Milliseconds from the moment at which the query was due, ascending: a server that stalls is not let off. */
  readonly ms: readonly number[];
  readonly errors: readonly string[];
  /** Answers that were held against an oracle, and what was wrong with some. */
  readonly checked: number;
  readonly wrong: readonly string[];
}

/** Asks so many queries a second, whether or not earlier ones were answered, until it is stopped. */
export function startLoad(url: string, perSecond: number, next: () => Asked): { stop(): Promise<LoadReport> } {
  const ms: number[] = [];
  const errors: string[] = [];
  const wrong: string[] = [];
  const open = new Set<Promise<void>>();
  let [on, checked] = [true, 0];
  const ask = async (due: number, { body, check }: Asked): Promise<void> => {
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
      const answer = (await response.json()) as Answer & { code?: string };
      ms.push(performance.now() - due);
      if (!response.ok) errors.push(`${response.status} ${answer.code ?? ''}`);
      else if (check) {
        checked += 1;
        const problem = check(answer);
        if (problem !== undefined) wrong.push(problem);
      }
    } catch (error) {
      errors.push(String(error));
    }
  };
  const loop = async (): Promise<void> => {
    const began = performance.now();
    for (let n = 0; on; n += 1) {
      const due = began + (n * 1000) / perSecond;
      const wait = due - performance.now();
      if (wait > 0) await sleep(wait);
      const asked = ask(due, next()).finally(() => open.delete(asked));
      open.add(asked);
    }
    await Promise.all(open);
  };
  const running = loop();
  return {
    async stop() {
      on = false;
      await running;
      return { ms: ms.toSorted((a, b) => a - b), errors, checked, wrong };
    },
  };
}

/** Queries that nobody asked before: some words in a row of one of the texts. */
export function distinctQueries(texts: readonly string[], seed: number): () => string {
  const random = new Random(seed);
  const words = texts.map((text) => text.match(/[A-Za-z][a-z]{2,}/g) ?? []).filter((of) => of.length > 50);
  return () => {
    const of = random.pick(words);
    const from = random.below(of.length - 10);
    return of.slice(from, from + 4 + random.below(6)).join(' ');
  };
}

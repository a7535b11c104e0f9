import type { Generation } from '../core/generation.js';
import type { Releases } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';

/** How long an answer is taken for true. */
const KEEP_MS = 1000;

interface Answer {
  readonly asked: number;
  readonly generation: Promise<string | undefined>;
}

/** Which generations are served, as metrics need it: asked of the catalog once a second and collection at most. */
export class Served {
  readonly #answers = new Map<string, Answer>();

  constructor(
    private readonly releases: Pick<Releases, 'current'>,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** Calls `then` when the generation is the one that is served; not when nobody can tell. */
  when(generation: Pick<Generation, 'id' | 'tenant' | 'collection'>, then: () => void): void {
    this.#current(generation).then(
      (current) => {
        if (current === generation.id) then();
      },
      // The catalog is away: a measurement is lost, and the next change asks again.
      () => undefined,
    );
  }

  #current({ tenant, collection }: Pick<Generation, 'tenant' | 'collection'>): Promise<string | undefined> {
    const key = JSON.stringify([tenant, collection]);
    const now = this.clock.now();
    let answer = this.#answers.get(key);
    if (!answer || now - answer.asked >= KEEP_MS) {
      const generation = this.releases.current(tenant, collection).then((release) => release?.generation);
      answer = { asked: now, generation };
      this.#answers.set(key, answer);
      generation.catch(() => this.#answers.delete(key));
    }
    return answer.generation;
  }
}

import type { Documents } from '../core/ports/catalog.js';
import { DEFAULT_LANGUAGE } from '../stages/analyze.js';

/** How long an answer is used, in milliseconds: a new language is searchable by its own stems a little later. */
const FRESH_MS = 5000;

interface Known {
  languages: readonly string[];
  at: number;
  reading: boolean;
}

/** The languages whose analyzers a query is read with: those of the generation's documents. Read in the background. */
export class Languages {
  readonly #known = new Map<string, Known>();

  constructor(
    private readonly documents: Pick<Documents, 'languages'>,
    private readonly now: () => number,
    private readonly onError: (error: unknown) => void,
  ) {}

  readonly of = (generation: string): readonly string[] => {
    let known = this.#known.get(generation);
    if (!known) this.#known.set(generation, (known = { languages: [DEFAULT_LANGUAGE], at: -Infinity, reading: false }));
    if (!known.reading && this.now() - known.at > FRESH_MS) this.read(generation).catch(this.onError);
    return known.languages;
  };

  /** Reads them now; queries of a generation wait for nothing. */
  async read(generation: string): Promise<void> {
    const known = this.#known.get(generation) ?? { languages: [DEFAULT_LANGUAGE], at: -Infinity, reading: false };
    this.#known.set(generation, known);
    known.reading = true;
    try {
      const found = await this.documents.languages(generation);
      const tags = found.map((tag) => (tag === 'und' ? DEFAULT_LANGUAGE : tag));
      known.languages = tags.length === 0 ? [DEFAULT_LANGUAGE] : [...new Set(tags)];
    } finally {
      known.at = this.now();
      known.reading = false;
    }
  }

  forget(generation: string): void {
    this.#known.delete(generation);
  }
}

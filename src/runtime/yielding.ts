/** Searches that a figure is made of. */
const WINDOW = 200;
/** Searches after which the share is looked at again. */
const STEP = 20;
/** Pause after a piece of work, as a multiple of its time: 1.5 leaves the work two fifths of its speed. */
const MOST = 1.5;
/** Before anything is known of searches without the work. */
const CAUTIOUS = 0.5;

/**
 * Makes background work give way to searches: it compares their 95th percentile while the work runs with the one without
 * it, and lets the work pause for longer or shorter after each piece.
 */
export class Yielding {
  readonly #idle: number[] = [];
  readonly #busy: number[] = [];
  #working = 0;
  #since = 0;
  #last = -Infinity;
  #pause = CAUTIOUS;

  /** @param ratio how much slower searches may get, 1.3 for thirty per cent. @param now milliseconds */
  constructor(
    private readonly ratio: number,
    private readonly now: () => number,
  ) {}

  begin(): void {
    this.#working += 1;
    this.#busy.length = 0;
    this.#pause = CAUTIOUS;
  }

  end(): void {
    this.#working -= 1;
  }

  /** A search took so long, in milliseconds. */
  searched(ms: number): void {
    this.#last = this.now();
    const figures = this.#working > 0 ? this.#busy : this.#idle;
    figures.push(ms);
    if (figures.length > WINDOW) figures.shift();
    if (this.#working === 0 || ++this.#since < STEP) return;
    this.#since = 0;
    if (this.#idle.length < STEP) return;
    const slower = p95(this.#busy.slice(-WINDOW / 2)) / p95(this.#idle);
    this.#pause = slower > this.ratio ? Math.min(MOST, this.#pause + 0.25) : Math.max(0, this.#pause - 0.05);
  }

  /** Somebody asked within the last two seconds. */
  searching(): boolean {
    return this.now() - this.#last <= 2000;
  }

  /** How long to pause after a piece of work that took so long, ms; nothing when nobody searches. */
  pauseAfter(ms: number): number {
    return this.searching() ? ms * this.#pause : 0;
  }
}

function p95(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0;
}

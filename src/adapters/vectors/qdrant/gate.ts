import { FootnoteError } from '../../../core/errors.js';

/** Lets at most so many pieces of work run at once, in order of arrival, and bounds the bytes of what was let in. */
export class Gate {
  private free: number;
  private bytes = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    parallelism: number,
    private readonly maxBytes: number,
  ) {
    this.free = parallelism;
  }

  /**
   * Counts `bytes` until the work is over; a single larger one is let in alone.
   * @throws overloaded
   */
  async admit<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.bytes > 0 && this.bytes + bytes > this.maxBytes) {
      throw new FootnoteError('overloaded', 'Too many vectors wait to be written: try again later.', { retryAfter: 1 });
    }
    this.bytes += bytes;
    try {
      return await work();
    } finally {
      this.bytes -= bytes;
    }
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A place is handed over, so that none who came later takes it.
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

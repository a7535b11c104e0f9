import type { ConfigInput } from '../../src/core/config.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { run as memory } from './memory.js';
import { run as throughput } from './throughput.js';

export interface ServerBenchOptions {
  readonly config: ConfigInput;
  readonly files: readonly CorpusFile[];
  readonly rounds?: number;
}

interface ServerBench {
  readonly run: (options: ServerBenchOptions) => Promise<BenchResult>;
  /** Takes so long that it runs only when it is asked for by its name. */
  readonly long?: boolean;
}

/** Measures of an engine on real servers, by name. */
export const SERVER_BENCHES: Readonly<Record<string, ServerBench>> = {
  'servers-throughput': { run: throughput },
  'servers-memory': { run: memory, long: true },
};

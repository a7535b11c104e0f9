import type { ConfigInput } from '../../src/core/config.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { run as pipeline } from '../pipeline/index.js';
import { run as freshness } from './freshness.js';
import { run as memory } from './memory.js';
import { run as noops } from './noops.js';
import { newPlace } from './place.js';
import { run as points } from './points.js';
import { run as search } from './search.js';

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
  'servers-search': { run: search },
  'servers-points': { run: points },
  'servers-noops': { run: noops },
  'servers-freshness': { run: ({ config }) => freshness({ config }) },
  'servers-throughput': { run: throughput },
  'servers-pipeline': {
    run: (options) => pipeline({ ...options, documents: 24, place: newPlace, name: 'servers-pipeline' }),
  },
  'servers-memory': { run: ({ config }) => memory({ config }), long: true },
};

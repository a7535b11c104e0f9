import { availableParallelism } from 'node:os';
import { createIsolatedParsing } from '../adapters/parsing/isolated.js';
import type { Config } from '../core/config.js';
import type { Parsing } from '../core/ports/processing.js';
import { DETECT_BYTES, identify } from '../stages/parse/detect.js';

/** Parsing within the configured bounds. */
export function createParsing({ parsing }: Config): Parsing & { readonly waiting: number } {
  const { deadlineMs, memoryBytes, maxBytes, outputBytes } = parsing;
  const processes =
    parsing.processes === 'auto' ? Math.max(1, Math.min(4, availableParallelism() - 1)) : parsing.processes;
  return createIsolatedParsing({
    identify,
    headBytes: DETECT_BYTES,
    processes,
    deadlineMs,
    memoryBytes,
    maxBytes,
    outputBytes,
  });
}

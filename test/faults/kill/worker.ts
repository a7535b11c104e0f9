import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '../kill-worker.js';

/** The built program, also when this file runs from its source. */
const WORKER = fileURLToPath(new URL('../../../dist/test/faults/kill-worker.js', sourceUrl()));

export function workerCommand(options: WorkerOptions): [string, ...string[]] {
  return [process.execPath, WORKER, JSON.stringify(options)];
}

function sourceUrl(): string {
  return import.meta.url.replace('/dist/test/', '/test/');
}

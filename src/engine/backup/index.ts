import type { ConfigInput } from '../../core/config.js';
import { parseConfig } from '../../core/config.js';
import { applyAll } from '../apply-all.js';
import type { EngineOptions, VerifyCounts } from '../open.js';
import { openEngine } from '../open.js';
import { restoreFiles } from './restore.js';

export interface RestoreRequest {
  /** A folder of backups. */
  readonly from: string;
  /** The name of one; default the newest. */
  readonly backup?: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (step: 'files' | 'changes', done: number, total: number) => void;
}

export interface RestoreReport {
  readonly name: string;
  readonly data: string;
  readonly files: number;
  readonly bytes: number;
  /** By `tenant/collection`: what `verify` found after everything was applied. */
  readonly collections: Readonly<Record<string, VerifyCounts>>;
}

/**
 * Makes a data directory of a backup: files, then the changes that came while it was made, then the checks of `verify`.
 * @throws not_found, conflict when `data` is not empty, data_corrupt, data_newer
 */
export async function restoreBackup(
  input: ConfigInput,
  request: RestoreRequest,
  options: EngineOptions = {},
): Promise<RestoreReport> {
  const { data } = parseConfig(input);
  const { from, backup, signal, onProgress } = request;
  const restored = await restoreFiles({
    from,
    ...(backup === undefined ? {} : { backup }),
    data,
    signal,
    onProgress: (done, total) => onProgress?.('files', done, total),
  });
  const engine = await openEngine(input, options);
  try {
    await applyAll(engine, signal, (done, total) => onProgress?.('changes', done, total));
    return { ...restored, data, collections: await engine.verifyAll(signal) };
  } finally {
    await engine.close();
  }
}

import type { Config, ConfigInput } from '../core/config.js';
import { parseConfig } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import { createLogger } from './logger.js';
import { openStorage } from './storage.js';
import { makeBucket } from './stores.js';

export interface PrepareOptions {
  /** Makes the bucket of blobs, too, where it is missing. */
  readonly createBucket?: boolean;
}

export interface Prepared {
  /** What each store is. */
  readonly stores: { readonly [Name in keyof Config['stores']]: Config['stores'][Name]['kind'] };
  readonly bucketMade: boolean;
}

/**
 * Opens every store as a starting engine does, then closes it: tables, topics and formats are made or brought up to date,
 * and catalog and log are held against each other. Applies no change and loads no model.
 * @throws FootnoteError invalid_config, unavailable, data_in_use, data_newer, data_corrupt, log_mismatch
 */
export async function prepareStores(input: ConfigInput, options: PrepareOptions = {}): Promise<Prepared> {
  const config = parseConfig(input);
  const { log, catalog, vectors, blobs } = config.stores;
  const bucketMade = options.createBucket === true && ((await makeBucket(config)) ?? false);
  const storage = await openStorage(config, createLogger(config), { among: true });
  try {
    // The others have been read from by now.
    await storage.vectors.count('reachable').catch((error: unknown) => {
      // That there is no such thing is an answer.
      if (asFootnoteError(error).code !== 'not_found') throw error;
    });
  } finally {
    await storage.close();
  }
  return {
    stores: { log: log.kind, catalog: catalog.kind, vectors: vectors.kind, blobs: blobs.kind },
    bucketMade,
  };
}

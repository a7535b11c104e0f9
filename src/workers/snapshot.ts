import { parentPort, workerData } from 'node:worker_threads';
import { SqliteDatabase } from '../adapters/sqlite/database.js';

/** Copies one SQLite file, as it stands, while others go on writing to it: VACUUM INTO reads one snapshot of it. */
export interface Snapshot {
  readonly file: string;
  /** Must not exist. */
  readonly target: string;
}

if (!parentPort) throw new Error('This file is the entry point of a copying thread.');

const { file, target } = workerData as Snapshot;
const database = new SqliteDatabase(file, { synchronous: 'NORMAL' });
try {
  database.run('VACUUM INTO ?', [target]);
} finally {
  database.close();
}

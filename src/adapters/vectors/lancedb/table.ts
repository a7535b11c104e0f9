import { join } from 'node:path';
import { Index, type Connection, type Table } from '@lancedb/lancedb';
import type { Schema } from 'apache-arrow';
import { Durability, exists } from './durability.js';
import { missing, type VectorDims } from '../spec.js';
import { lanceError } from './errors.js';
import { COLUMN, readSpec, tableSchema } from './schema.js';

/** One generation's table, open. The one handle sees every commit of this process at once. */
export interface OpenTable {
  readonly generation: string;
  readonly table: Table;
  readonly schema: Schema;
  readonly dims: VectorDims;
  readonly vectorNames: readonly string[];
  readonly durability: Durability;
}

export const tableFolder = (directory: string, generation: string) => join(directory, `${generation}.lance`);
export const recordFile = (directory: string, generation: string) => join(directory, `${generation}.durable`);

function durabilityOf(directory: string, generation: string): Durability {
  return new Durability(tableFolder(directory, generation), recordFile(directory, generation));
}

/** True when the table's creation was completed. */
export async function isCreated(directory: string, generation: string): Promise<boolean> {
  return (await exists(recordFile(directory, generation))) && (await exists(tableFolder(directory, generation)));
}

/** @throws not_found, data_newer, data_corrupt */
export async function openTable(connection: Connection, directory: string, generation: string): Promise<OpenTable> {
  if (!(await isCreated(directory, generation))) throw missing(generation);
  const durability = durabilityOf(directory, generation);
  await durability.recover();
  await durability.adopt();
  const table = await connection.openTable(generation);
  try {
    const dims = readSpec(generation, (await table.schema()).metadata);
    // Made anew: LanceDB loads its own copy of Arrow, whose types ours does not know.
    return { generation, table, schema: tableSchema(dims), dims, vectorNames: Object.keys(dims), durability };
  } catch (error) {
    table.close();
    throw error;
  }
}

/**
 * Makes the table with its indexes, durable on return. An index over nothing is cheap and from then on kept by
 * `optimize`. Whatever an interrupted creation left is overwritten.
 */
export async function createTable(
  connection: Connection,
  directory: string,
  generation: string,
  dims: VectorDims,
): Promise<OpenTable> {
  const schema = tableSchema(dims);
  const table = await connection.createEmptyTable(generation, schema, { mode: 'overwrite' });
  try {
    await table.createIndex(COLUMN.id, { config: Index.btree() });
    await table.createIndex(COLUMN.documentId, { config: Index.btree() });
    await createLabelIndexes(table);
    await table.createIndex(COLUMN.terms, { config: TERMS_INDEX() });
    const durability = durabilityOf(directory, generation);
    await durability.sync(await table.version());
    return { generation, table, schema, dims, vectorNames: Object.keys(dims), durability };
  } catch (error) {
    table.close();
    throw lanceError(error, generation);
  }
}

/** Made anew from the rows, whatever was there. */
export async function createLabelIndexes(table: Table): Promise<void> {
  for (const column of [COLUMN.principals, COLUMN.labels]) {
    await table.createIndex(column, { config: Index.labelList(), replace: true });
  }
}

/**
 * BM25 over terms as our analyzer made them: LanceDB only splits at white space. Its formula, read in its source and
 * checked by a test: k1 = 1.2, b = 0.75, idf = ln(1 + (N - n + 0.5) / (n + 0.5)).
 */
const TERMS_INDEX = () =>
  Index.fts({
    baseTokenizer: 'whitespace',
    lowercase: false,
    stem: false,
    removeStopWords: false,
    asciiFolding: false,
    withPosition: false,
    maxTokenLength: 65_536,
  });

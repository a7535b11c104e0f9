import type { QueryResultRow } from 'pg';
import { ask, dropSchema, newSchema } from './postgres.js';

/** A schema of its own on the tests' server, with what a test makes in it. */
export interface TestSchema {
  readonly name: string;
  /** The server's address. */
  readonly url: string;
  /** Runs SQL in which `$S` stands for the schema. */
  readonly ask: <Row extends QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;
  readonly drop: () => Promise<void>;
}

export async function testSchema(url: string): Promise<TestSchema> {
  const name = newSchema();
  await ask(url, `create schema ${name}`);
  return {
    name,
    url,
    ask: (sql, values = []) => ask(url, sql.replaceAll('$S', name), values),
    drop: () => dropSchema(url, name),
  };
}

import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** Asks the server as the tests' user. */
export async function ask<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** A schema's name that nobody else has. */
export function newSchema(): string {
  return `t_${randomUUID().replaceAll('-', '')}`;
}

export async function dropSchema(url: string, schema: string): Promise<void> {
  await ask(url, `drop schema if exists ${schema} cascade`);
}

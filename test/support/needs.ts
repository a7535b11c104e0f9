import { describe } from 'vitest';

/** A suite's server, by the variable that says where it is. */
export type ServerVariable = 'KAFKA_BROKERS' | 'POSTGRES_URL' | 'S3_ENDPOINT' | 'QDRANT_URL';

/** What a suite cannot do without: everything in CI, but for Qdrant, which no registry ships. */
const SKIPPABLE: readonly ServerVariable[] = ['QDRANT_URL'];

/**
 * `body` with the server's address, or a skipped suite whose name says why. In CI a suite whose server is missing fails.
 */
export function describeWith(variable: ServerVariable, name: string, body: (address: string) => void): void {
  const address = process.env[variable];
  if (address !== undefined) return body(address);
  const reason = `${variable} is not set: no server is running and none could be started`;
  if (process.env['CI'] && !SKIPPABLE.includes(variable)) throw new Error(`${name}: ${reason}`);
  describe.skip(`${name} (skipped: ${reason})`, () => body('127.0.0.1:1'));
}

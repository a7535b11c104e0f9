import { pino } from 'pino';
import type { Logger as PinoLogger } from 'pino';
import type { Config } from '../core/config.js';

/** What the engine logs with: structured fields first. Never contents, queries, keys or passwords. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** JSON lines on standard error. */
export function createLogger(config: Config): PinoLogger {
  return pino(
    { level: config.log.level, redact: ['*.password', '*.authorization', 'password', 'authorization'] },
    pino.destination(2),
  );
}

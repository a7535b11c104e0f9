import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { z } from 'zod';
import { CollectionNameSchema, DocumentIdSchema, SourceNameSchema } from '../core/schemas/common.js';
import { ModeSchema } from '../core/schemas/query.js';
import { UsageError } from './host.js';

/** Makes an argument parser of a schema: what it refuses is a usage error that says why. */
function by(schema: z.ZodType<string>) {
  return (value: string): string => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`Wanted: ${result.error.issues[0]?.message ?? 'another value'}.`);
  };
}

export const asCollection = by(CollectionNameSchema);
export const asSource = by(SourceNameSchema);
export const asDocumentId = by(DocumentIdSchema);

export function asCount(minimum: number, maximum: number) {
  return (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= minimum && number <= maximum) return number;
    throw new InvalidArgumentError(`Give a whole number from ${minimum} to ${maximum}.`);
  };
}

/** `512,1024` */
export function asCounts(minimum: number, maximum: number) {
  const one = asCount(minimum, maximum);
  return (value: string): number[] => [...new Set(value.split(',').map((part) => one(part.trim())))];
}

export function collectionFlag(command: Command): Command {
  return command.requiredOption('--collection <name>', 'the collection', asCollection);
}

/** As often as there are collections; at least once. */
export function collectionsFlag(command: Command): Command {
  const more = (name: string, before: readonly string[] | undefined) => [...(before ?? []), asCollection(name)];
  return command.requiredOption('--collection <name>', 'the collection; several: give it several times', more);
}

export function modeFlag(): Option {
  return new Option('--mode <mode>', 'which arms search').choices(ModeSchema.options);
}

/** A JSON argument as its value. @throws UsageError */
export function parseJsonFlag(text: string, flag: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${flag} is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** A request made of flags, as its schema wants it. @throws UsageError that names the field */
export function request<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(problems.join('; '));
}

/** Drops what was not given, so that optional fields stay absent. */
export function given<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

import type { ZodType } from 'zod';
import { z } from 'zod';

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: string | number | boolean;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

export const FIELD_HEADINGS = ['field', 'type', 'default', 'meaning'];

/** A row a field of a schema; fields of nested objects by their paths, those of objects in lists as `list[].field`. */
export function fieldRows(type: ZodType): string[][] {
  const schema = z.toJSONSchema(type, { io: 'input' }) as Schema;
  return fieldsOf(schema, schema.$defs ?? {}).map(([path, field]) => [
    `\`${path}\``,
    typeOf(field),
    field.default === undefined ? '' : defaultOf(path, field.default),
    field.description ?? '',
  ]);
}

function fieldsOf(schema: Schema, defs: NonNullable<Schema['$defs']>, path = ''): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, found]): [string, Schema][] => {
    const field = resolved(found, defs);
    const at = path === '' ? name : `${path}.${name}`;
    const items = field.items && resolved(field.items, defs);
    if (items?.properties) return [[at, field], ...fieldsOf(items, defs, `${at}[]`)];
    return field.properties ? fieldsOf(field, defs, at) : [[at, field]];
  });
}

/** What stands beside the reference counts before what it names. */
function resolved({ $ref, ...schema }: Schema, defs: NonNullable<Schema['$defs']>): Schema {
  return $ref === undefined ? schema : { ...defs[$ref.replace('#/$defs/', '')], ...schema };
}

function typeOf(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'object'}s`;
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.type}${rangeOf(schema)}`;
  return schema.format === 'uri' ? 'URL' : (schema.type ?? 'any');
}

function rangeOf({ minimum, maximum }: Schema): string {
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum === undefined) return most === undefined ? '' : `, at most ${most}`;
  return most === undefined ? `, at least ${minimum}` : `, ${minimum} to ${most}`;
}

function defaultOf(path: string, value: unknown): string {
  const text = `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  if (path.toLowerCase().endsWith('bytes')) return `${text} (${Number(value) / 1024 ** 2} MiB)`;
  return text;
}

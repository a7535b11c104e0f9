import { z } from 'zod';
import { ConfigSchema } from '../../src/core/config.js';
import { GENERATED, table } from './generated.js';

interface Schema {
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

/** Every field of the configuration schema. */
export function configurationPage(): string {
  const schema = z.toJSONSchema(ConfigSchema, { io: 'input' }) as Schema;
  const rows = fieldsOf(schema).map(([path, field]) => [
    `\`${path}\``,
    typeOf(field),
    field.default === undefined ? '' : defaultOf(path, field.default),
    field.description ?? '',
  ]);
  return [
    '# Configuration',
    GENERATED,
    'Flags come first, then the environment, then `footnote.yaml` (in the working directory, or what `--config` names), ' +
      'then the defaults. Paths in the file are relative to the file, others to the working directory. An unknown field ' +
      'or a wrong value is refused with its path and line.',
    '```yaml\ndata: ./index\nhttp: { port: 8080 }\nembedding: { sessions: 2 }\n```',
    table(['field', 'type', 'default', 'meaning'], rows),
    '## Environment',
    table(
      ['variable', 'stands for'],
      [
        ['`FOOTNOTE_DATA`', '`data`'],
        ['`FOOTNOTE_CACHE`', '`cache`'],
        ['`FOOTNOTE_OFFLINE`', '`embedding.offline`'],
        ['`HF_ENDPOINT`', '`embedding.hubEndpoint`'],
        ['`NO_COLOR`', 'no colours on a terminal'],
        ['`FOOTNOTE_DEBUG`', 'also prints the stack of an error that nobody foresaw'],
      ],
    ),
  ].join('\n\n');
}

function fieldsOf(schema: Schema, path = ''): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]): [string, Schema][] => {
    const at = path === '' ? name : `${path}.${name}`;
    return field.properties ? fieldsOf(field, at) : [[at, field]];
  });
}

function typeOf(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'any'}s`;
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

import { z } from 'zod';
import { connectors } from '../../connectors/registry.js';
import { SourceFileSchema } from '../../src/core/config/sources.js';
import type { Connector } from '../../src/core/ports/connector.js';
import { ConfigSchema } from '../../src/core/config.js';
import { FIELD_HEADINGS, fieldRows } from './fields.js';
import { GENERATED, table } from './generated.js';

/** Every field of the configuration schema. */
export function configurationPage(): string {
  return [
    '# Configuration',
    GENERATED,
    'Flags come first, then the environment, then `footnote.yaml` (in the working directory, or what `--config` names), ' +
      'then the defaults. Paths in the file are relative to the file, others to the working directory. `${NAME}` in a value stands for what the environment has, `${NAME:-otherwise}` with a default, `$${` for itself. `footnote init` writes a first file with the JSON Schema (`docs/reference/footnote.schema.json`) for editors; `footnote doctor` checks it. An unknown field ' +
      'or a wrong value is refused with its path and line.',
    '```yaml\ndata: ./index\nhttp: { port: 8080 }\nembedding: { sessions: 2 }\n```',
    table(FIELD_HEADINGS, fieldRows(ConfigSchema)),
    '## Source files',
    'A source may stand in a file of its own: each YAML file of the folder that `connectors` names is one, with these fields at its top. ' +
      '`${NAME}` works as above, and relative paths in its options are relative to the folder of the main file, as under `sources`, unless `base` says otherwise. ' +
      'The JSON Schema for editors is `docs/reference/source.schema.json`; see [the guide](../guides/sources.md#a-file-a-source).',
    table(FIELD_HEADINGS, fieldRows(SourceFileSchema)),
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

/** JSON Schema of `footnote.yaml`, for editors. */
export function configurationSchema(): string {
  const schema = z.toJSONSchema(ConfigSchema, { io: 'input' });
  return JSON.stringify({ title: 'Configuration of Footnote', ...schema });
}

/** JSON Schema of a file with one source, for editors: with the options of the connector that it names. */
export function sourceSchema(): string {
  const all: [string, Connector<unknown>][] = Object.entries(connectors);
  const { properties, ...schema } = z.toJSONSchema(SourceFileSchema, { io: 'input' });
  const optionsOf = ([name, { config }]: [string, Connector<unknown>]) => {
    const { $schema: _, ...options } = z.toJSONSchema(config, { io: 'input', reused: 'inline' });
    return { if: { properties: { connector: { const: name } } }, then: { properties: { options } } };
  };
  const connector = { ...(properties?.['connector'] as object), enum: all.map(([name]) => name) };
  return JSON.stringify({
    title: 'A source of Footnote',
    ...schema,
    properties: { ...properties, connector },
    allOf: all.map(optionsOf),
  });
}

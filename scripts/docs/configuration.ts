import { z } from 'zod';
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

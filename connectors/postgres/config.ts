import { z } from 'zod';
import { FootnoteError } from '../../src/core/errors.js';
import { parsePostgresUrl, type PostgresAddress } from '../../src/runtime/postgres-url.js';
import { selectProblem } from './select.js';
import { columnsOf, parseTemplate, type Template } from './template.js';

const HOUR_MS = 3_600_000;
const SUBJECT = 'The URL';

/** As the server keeps it, letter by letter: it is always quoted. Longer ones it would cut, and mean another. */
const Name = z
  .string()
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= 63 && !name.includes('\0'), 'a name has 63 bytes at most');
const Names = (most: number) =>
  z
    .array(Name)
    .max(most)
    .refine((names) => new Set(names).size === names.length, 'names a column twice');

/** Kept as text, so that a configuration can be written out again; `templateOf` reads it. */
const TemplateText = (most: number, varies: boolean) =>
  z
    .string()
    .min(1)
    .max(most)
    .superRefine((text, context) => {
      const parsed = parseTemplate(text);
      const refuse = (message: string) => context.addIssue({ code: 'custom', message });
      if (typeof parsed === 'string') return refuse(parsed);
      if (varies && columnsOf(parsed).length === 0) refuse('holds no column: write {name} for one');
      for (const name of columnsOf(parsed)) {
        if (!Name.safeParse(name).success) refuse(`${name.slice(0, 80)} can't name a column`);
      }
    });

export const PostgresConfig = z
  .object({
    url: z
      .string()
      .min(1)
      .max(4096)
      .superRefine((url, context) => {
        try {
          parsePostgresUrl(url, { subject: SUBJECT, readPem: () => '' });
        } catch (error) {
          const message = error instanceof FootnoteError ? error.message : 'is no URL of PostgreSQL';
          context.addIssue({ code: 'custom', message });
        }
      })
      .meta({
        description:
          '`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require`, best as `${NAME}` of the environment, of a role that may only read. `sslmode=require` checks certificate and host name, by `sslrootcert` where that is given.',
      }),
    schema: Name.optional().meta({ description: "The table's schema. Default: as the role's search path finds it." }),
    table: Name.optional().meta({ description: 'A table or view to read; or give `query`.' }),
    query: z
      .string()
      .min(1)
      .max(100_000)
      .superRefine((text, context) => {
        const message = selectProblem(text);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .optional()
      .meta({ description: 'One SELECT whose rows are read. It runs once for every `batchRows` rows.' }),
    key: Names(8).min(1).meta({ description: 'Columns that name a row for good, such as its primary key; not null.' }),
    text: Names(32).min(1).optional().meta({
      description:
        'Columns whose text is the document, with blank lines between them. Or give `template` or `content`.',
    }),
    template: TemplateText(64 * 1024, true)
      .optional()
      .meta({ description: 'The document as a text in which `{column}` stands for a value.' }),
    content: Name.optional().meta({
      description: 'A column of type bytea that holds the document as a file: a PDF, say.',
    }),
    title: TemplateText(2000, true).optional().meta({ description: 'Its title: `{column}`, or a text with columns.' }),
    uri: TemplateText(4096, true).optional().meta({
      description:
        'Where a reader finds it: `{column}`, or a text such as `https://example.com/articles/{id}` in which values are percent-encoded.',
    }),
    mime: TemplateText(256, false)
      .optional()
      .meta({ description: 'Its media type, or `{column}`. Default: found by content and name.' }),
    name: TemplateText(1024, true).optional().meta({
      description: 'Its file name, whose ending tells types that the content does not: `{column}`.',
    }),
    metadata: Names(64)
      .default([])
      .meta({ description: 'Columns that become metadata under their names, of any type; at most 16 KiB each.' }),
    permissions: Name.optional().meta({
      description:
        'A column that holds who may see the row: an array of names (SQL or JSON), or one name. NULL or empty: nobody.',
    }),
    observedAt: Name.optional().meta({
      description:
        'When the row changed, for readers. Default: `incremental` where that is a time, or the time of reading.',
    }),
    incremental: Name.optional().meta({
      description:
        'A column that only grows as rows are added and changed: a time, a number, a version. Without it every read takes all rows.',
    }),
    overlap: z
      .number()
      .min(0)
      .max(365 * 24 * 3600)
      .optional()
      .meta({
        description:
          'How far back each read begins again, for rows that are committed after rows of higher values: seconds for times, plain numbers for numbers. Default: 300; other types have none.',
      }),
    fullEveryMs: z
      .number()
      .int()
      .min(0)
      .max(365 * 24 * HOUR_MS)
      .default(HOUR_MS)
      .meta({
        description:
          'With `incremental`: milliseconds between listings of all keys, by which deleted rows are noticed; 0 lists them with every read.',
      }),
    batchRows: z.number().int().min(1).max(5000).default(500).meta({ description: 'Rows asked for at once.' }),
    statementTimeoutMs: z
      .number()
      .int()
      .min(100)
      .max(HOUR_MS)
      .default(60_000)
      .meta({ description: 'Longest time for one statement, in milliseconds.' }),
    connectTimeoutMs: z
      .number()
      .int()
      .min(100)
      .max(60_000)
      .default(10_000)
      .meta({ description: 'Longest time until the server has answered, in milliseconds.' }),
  })
  .strict()
  .superRefine((config, context) => {
    const { table, query, schema, text, template, content, incremental, overlap } = config;
    const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if ((table === undefined) === (query === undefined)) refuse('table', 'give either `table` or `query`');
    if (schema !== undefined && table === undefined) refuse('schema', 'goes with `table`');
    const forms = [text, template, content].filter((form) => form !== undefined);
    if (forms.length !== 1) refuse('text', 'give one of `text`, `template` and `content`');
    if (overlap !== undefined && incremental === undefined) refuse('overlap', 'goes with `incremental`');
  });

export type PostgresConfig = z.output<typeof PostgresConfig>;

/** A template of a checked configuration. */
export function templateOf(text: string | undefined): Template {
  const parsed = parseTemplate(text ?? '');
  return typeof parsed === 'string' ? [] : parsed;
}

/** @throws FootnoteError invalid_config when a certificate can't be read */
export function addressOf(url: string, base: string): PostgresAddress {
  return parsePostgresUrl(url, { subject: SUBJECT, base });
}

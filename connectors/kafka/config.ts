import { z } from 'zod';
import { kafkaConnection } from '../../src/core/config/kafka.js';
import { PointerSchema } from './mapping/pointer.js';
import { placesOf } from './mapping/values.js';

const MiB = 1024 * 1024;

const topicName = z.string().regex(/^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/, 'a topic: letters, digits, . _ and -');
const path = (description: string) => PointerSchema.optional().meta({ description });

const FieldsSchema = z
  .strictObject({
    key: z
      .union([PointerSchema, z.array(PointerSchema).min(1).max(16)])
      .optional()
      .meta({ description: "The document's key, of one value or of several. Default: the record's key." }),
    text: path('The text of the document.'),
    content: path('Its bytes in base64.'),
    title: path('Its title.'),
    uri: path('Where a reader finds the original.'),
    mime: path('Its media type; before the option `mime`.'),
    metadata: z
      .union([PointerSchema, z.record(z.string().min(1).max(256), PointerSchema)])
      .optional()
      .meta({ description: 'An object as it is, or fields by name.' }),
    principals: path('Who may see it: a list of names, or one. A record without is not taken.'),
    policy: path('The whole policy, instead of `principals`.'),
    observedAt: path("When it changed: ISO 8601, or milliseconds since 1970. Default: the record's timestamp."),
    deleted: path('Where `true` stands here (or "true"), the document is deleted.'),
  })
  .meta({ description: 'Where a field stands in the value (`json`) or in the row (`debezium`): JSON Pointers.' });

export const KafkaConfig = z
  .strictObject({
    ...kafkaConnection,
    brokers: kafkaConnection.brokers.max(100),
    topic: topicName.meta({ description: 'The topic to read.' }),
    format: z.enum(['json', 'text', 'bytes', 'debezium']).default('json').meta({
      description: 'What values are: JSON, UTF-8 text, bytes, or the change events of Debezium as JSON.',
    }),
    fields: FieldsSchema.prefault({}),
    template: z.string().min(1).max(65_536).optional().meta({
      description: 'The text instead of `fields.text`, with `{{/name}}` for what stands at that pointer.',
    }),
    mime: z
      .string()
      .regex(/^[\x20-\x7e]{1,256}$/, 'a media type')
      .optional()
      .meta({ description: 'Media type of every document that names none.' }),
    mimeHeader: z.string().min(1).max(256).default('content-type').meta({
      description: 'Header of a record that holds its media type (`text` and `bytes`).',
    }),
    maxRecordBytes: z
      .number()
      .int()
      .min(1024)
      .max(32 * MiB)
      .default(8 * MiB)
      .meta({ description: 'A larger value is a bad record.' }),
    deadLetters: topicName.optional().meta({
      description: 'Topic for bad records, made when it is missing. Default: the topic with `.footnote-dead-letters`.',
    }),
    replay: z.number().int().min(0).default(0).meta({
      description: 'Raise it by one to have the dead letters read again, once their cause is mended.',
    }),
    epoch: z.number().int().min(0).default(0).meta({
      description:
        'Raise it by one to read the topic anew from its beginning, after it was made again, moved, given partitions or lost records.',
    }),
    requestTimeoutMs: z.number().int().min(1000).max(600_000).default(15_000).meta({
      description: 'Longest time for one request.',
    }),
  })
  .superRefine((config, context) => {
    const issue = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
    const { format, fields, template, topic, deadLetters } = config;
    const mapped = format === 'json' || format === 'debezium';
    if (!mapped && Object.keys(fields).length > 0) issue(['fields'], `does not go with format ${format}`);
    if (!mapped && template !== undefined) issue(['template'], `does not go with format ${format}`);
    const texts = [fields.text, fields.content, template].filter((each) => each !== undefined).length;
    if (mapped && texts !== 1) issue(['fields'], 'needs exactly one of text and content, or `template` beside it');
    if (fields.principals !== undefined && fields.policy !== undefined) {
      issue(['fields', 'policy'], 'goes without principals');
    }
    for (const place of placesOf(template ?? '')) {
      if (!PointerSchema.safeParse(place).success) issue(['template'], `${place} is not a JSON Pointer`);
    }
    if (deadLetters === topic) issue(['deadLetters'], 'must be another topic than the one that is read');
    if (deadLetters === undefined && topic.length + DEAD_LETTERS.length > 249) {
      issue(['deadLetters'], 'must be given: the default would be too long for a topic');
    }
  });

const DEAD_LETTERS = '.footnote-dead-letters';

export type KafkaConfig = z.output<typeof KafkaConfig>;

export function deadLetterTopic({ topic, deadLetters }: Pick<KafkaConfig, 'topic' | 'deadLetters'>): string {
  return deadLetters ?? topic + DEAD_LETTERS;
}

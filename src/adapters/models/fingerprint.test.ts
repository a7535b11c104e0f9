import { describe, expect, it } from 'vitest';
import { builtinModels, DEFAULT_MODEL } from './builtin.js';
import { buildOf, machineKind, spaceOf, type BuildParts } from './fingerprint.js';
import type { ModelManifest } from './manifest.js';

const manifest = builtinModels().get(DEFAULT_MODEL)!;
const hashes = { 'model.onnx': 'aa', 'tokenizer.json': 'bb' };

describe('spaceOf', () => {
  it('changes with whatever changes the meaning of a vector', () => {
    const variants: ModelManifest[] = [
      manifest,
      { ...manifest, pooling: 'cls' },
      { ...manifest, prefixes: { query: 'q: ', document: '' } },
      { ...manifest, prefixes: { query: '', document: 'q: ' } },
      { ...manifest, maxTokens: 128 },
      { ...manifest, dims: 383 },
      { ...manifest, output: 'token_embeddings' },
    ];
    const spaces = variants.map((variant) => spaceOf(variant, hashes));
    spaces.push(spaceOf(manifest, { ...hashes, 'model.onnx': 'ac' }));
    spaces.push(spaceOf(manifest, { ...hashes, 'tokenizer.json': 'ac' }));
    expect(new Set(spaces).size).toBe(spaces.length);
  });

  it('does not change with names, languages, licence or where the files come from', () => {
    const elsewhere: ModelManifest = {
      ...manifest,
      name: 'other',
      licence: 'MIT',
      languages: ['de'],
      files: manifest.files.map((file) => ({ ...file, sources: [] })),
    };
    expect(spaceOf(elsewhere, hashes)).toBe(spaceOf(manifest, hashes));
  });

  it('of the default model is what it was: changing it makes every stored vector unusable', () => {
    const real = Object.fromEntries(manifest.files.map((file) => [file.name, file.sha256!]));
    expect(spaceOf(manifest, real)).toBe('290fc89e335560ccb5245fe584798d1d002c5d96bd627b72d33ea8abb7c07884');
  });
});

describe('buildOf', () => {
  it('changes with each part', () => {
    const base: BuildParts = {
      space: 's',
      provider: 'cpu',
      precision: 'p',
      runtime: 'r@1',
      threads: 1,
      machine: 'x64 avx2',
    };
    const variants: BuildParts[] = [
      base,
      { ...base, space: 't' },
      { ...base, provider: 'cuda' },
      { ...base, precision: 'q' },
      { ...base, runtime: 'r@2' },
      { ...base, threads: 2 },
      { ...base, machine: 'arm64 asimd' },
    ];
    expect(new Set(variants.map(buildOf)).size).toBe(variants.length);
  });
});

describe('machineKind', () => {
  it('names the instruction sets that kernels are chosen by, and no others', () => {
    const info = 'processor : 0\nmodel name : X\nflags\t\t: fpu sse2 avx2 fma avx512f avx512_vnni rdtscp avx2\n';
    expect(machineKind(info)).toBe(`${process.arch} avx2,avx512_vnni,avx512f,fma`);
    expect(machineKind(info.replace('model name : X', 'model name : Y'))).toBe(machineKind(info));
    expect(machineKind('Features : fp asimd asimddp\n')).toBe(`${process.arch} asimd,asimddp`);
  });

  it('falls back to the name of the processor', () => {
    expect(machineKind('nothing of use')).toMatch(new RegExp(`^${process.arch} .+`));
  });
});

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { sha256 } from '../../core/ids.js';
import { canonicalJson } from '../../core/json.js';
import type { ModelManifest } from './manifest.js';

/** SHA-256 of each file, by its name in the manifest. */
export type FileHashes = Readonly<Record<string, string>>;

/**
 * Fingerprint of the vector space: two vectors may be compared if and only if theirs are equal. Made of all that gives a
 * vector its meaning: weights, tokenizer, pooling, prefixes, limit. Names, licence and where the files came from are not in it.
 */
export function spaceOf(manifest: ModelManifest, hashes: FileHashes): string {
  const of = (role: string) =>
    manifest.files
      .filter((file) => file.role === role)
      .map((file) => hashes[file.name] ?? '')
      .sort();
  return sha256(
    canonicalJson({
      v: 1,
      weights: [...of('model'), ...of('data')],
      tokenizer: of('tokenizer'),
      pooling: manifest.pooling,
      normalise: manifest.normalise,
      prefixes: manifest.prefixes,
      maxTokens: manifest.maxTokens,
      dims: manifest.dims,
      output: manifest.output,
    }),
  );
}

export interface BuildParts {
  readonly space: string;
  readonly provider: 'cpu' | 'cuda';
  readonly precision: string;
  /** Name and version of the inference runtime. */
  readonly runtime: string;
  readonly threads: number;
  /** See `machineKind`. */
  readonly machine: string;
}

/** Fingerprint of the arithmetic: equal builds give bit-equal vectors. Changes whenever any part may change a rounding. */
export function buildOf(parts: BuildParts): string {
  return sha256(canonicalJson({ v: 1, ...parts }));
}

/** Instruction sets that ONNX Runtime's CPU kernels choose their code path by (MLAS, platform.cpp). */
const DISPATCHED =
  /^(avx|avx2|fma|f16c|avx512f|avx512bw|avx512dq|avx512vl|avx512_vnni|avx512_bf16|avx_vnni|amx_\w+|asimd\w*|i8mm|bf16|sve\w*|sme\w*)$/;

/**
 * What of the machine may change a rounding: architecture and the instruction sets that kernels are chosen by. Two machines
 * of different CPU models with the same sets share a build; where the sets cannot be read, the CPU's model name stands in.
 */
export function machineKind(cpuinfo: string | undefined = readCpuInfo()): string {
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo ?? '')?.[1];
  const sets = flags?.split(/\s+/).filter((flag) => DISPATCHED.test(flag));
  const kind = sets && sets.length > 0 ? [...new Set(sets)].sort().join(',') : (cpus()[0]?.model ?? 'unknown');
  return `${process.arch} ${kind}`;
}

function readCpuInfo(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    // Hidden by a sandbox: the model name is used instead.
    return undefined;
  }
}

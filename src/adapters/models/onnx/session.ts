import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import { FootnoteError } from '../../../core/errors.js';
import { poolInto } from '../pooling.js';
import type { WorkerSetup } from './messages.js';

const KNOWN_INPUTS = new Set(['input_ids', 'attention_mask', 'token_type_ids', 'position_ids']);

/** What the CUDA provider needs beside the npm package, which carries the CPU library only. */
const CUDA_ADVICE =
  'device: cuda needs an NVIDIA driver, CUDA 13, cuDNN 9, and two libraries beside libonnxruntime.so.1 in node_modules/onnxruntime-node/bin: ' +
  'libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so, from the Python wheel onnxruntime-gpu==1.30.0 ' +
  '(pip download --no-deps onnxruntime-gpu==1.30.0, unzip, folder onnxruntime/capi). Or set embedding.device to cpu.';

/** One loaded graph. Not concurrent: `run` blocks the thread it is on. */
export interface TokenEncoder {
  /** Name and version of the runtime that does the arithmetic. */
  readonly runtime: string;
  /** Runs one unpadded sequence and writes its pooled, unit-length vector into `into` at `offset`. */
  embed(ids: readonly number[], into: Float32Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** @throws FootnoteError model_unsupported, device_unavailable */
export async function loadEncoder(setup: WorkerSetup): Promise<TokenEncoder> {
  const session = await createSession(setup);
  try {
    checkGraph(session, setup);
  } catch (error) {
    await session.release();
    throw error;
  }
  const types = new Map(session.inputMetadata.map((input) => [input.name, input.isTensor ? input.type : 'int64']));
  const feedsOf = (ids: readonly number[]): Record<string, Tensor> => {
    const feeds: Record<string, Tensor> = {};
    for (const name of session.inputNames) feeds[name] = inputTensor(name, types.get(name) ?? 'int64', ids);
    return feeds;
  };
  return {
    runtime: `onnxruntime-node@${env.versions.node ?? env.versions.common}`,
    async embed(ids, into, offset) {
      const feeds = feedsOf(ids);
      const results = await session.run(feeds, [setup.output]);
      try {
        const hidden = results[setup.output];
        if (hidden?.type !== 'float32' || hidden.dims[1] !== ids.length || hidden.dims[2] !== setup.dims) {
          throw new FootnoteError(
            'model_unsupported',
            `The model's output ${setup.output} is ${hidden?.type} [${hidden?.dims.join(', ')}]; expected float32 [1, ${ids.length}, ${setup.dims}]. Correct dims or output in its manifest.`,
          );
        }
        poolInto(setup.pooling, hidden.data as Float32Array, ids.length, setup.dims, into, offset);
      } finally {
        for (const tensor of Object.values(results)) tensor.dispose();
        for (const tensor of Object.values(feeds)) tensor.dispose();
      }
    },
    close: () => session.release(),
  };
}

async function createSession(setup: WorkerSetup): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(setup.modelPath, {
      executionProviders: [setup.device],
      intraOpNumThreads: setup.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Patterns are kept for each sequence length ever seen: memory that grows for nothing.
      enableMemPattern: false,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (setup.device === 'cuda') {
      throw new FootnoteError(
        'device_unavailable',
        `CUDA cannot be used. ${CUDA_ADVICE} ONNX Runtime says: ${reason}`,
        {
          cause,
        },
      );
    }
    throw new FootnoteError('model_unsupported', `ONNX Runtime cannot load ${setup.modelPath}: ${reason}`, { cause });
  }
}

function checkGraph(session: InferenceSession, setup: WorkerSetup): void {
  const refuse = (problem: string): never => {
    throw new FootnoteError('model_unsupported', `The model ${setup.modelPath} cannot be used: ${problem}.`);
  };
  const unknown = session.inputNames.filter((name) => !KNOWN_INPUTS.has(name));
  if (unknown.length > 0) refuse(`unknown inputs ${unknown.join(', ')}; known are ${[...KNOWN_INPUTS].join(', ')}`);
  if (!session.inputNames.includes('input_ids')) refuse('it has no input input_ids');
  if (!session.outputNames.includes(setup.output)) {
    refuse(`it has no output ${setup.output}; its outputs are ${session.outputNames.join(', ')}`);
  }
  const output = session.outputMetadata.find(({ name }) => name === setup.output);
  const dims = output?.isTensor ? output.shape.at(-1) : undefined;
  // Graphs may leave it open; then the first vector tells.
  if (typeof dims === 'number' && dims !== setup.dims) {
    refuse(`its vectors have ${dims} dimensions, the manifest says ${setup.dims}: correct dims there`);
  }
  const declared = setup.inputs && [...setup.inputs].sort().join(', ');
  const actual = [...session.inputNames].sort().join(', ');
  if (declared !== undefined && declared !== actual) refuse(`its inputs are ${actual}, the manifest says ${declared}`);
}

function inputTensor(name: string, type: string, ids: readonly number[]): Tensor {
  const valueAt = (index: number): number => {
    if (name === 'input_ids') return ids[index] ?? 0;
    if (name === 'attention_mask') return 1;
    return name === 'position_ids' ? index : 0;
  };
  const shape = [1, ids.length];
  if (type === 'int32')
    return new Tensor(
      'int32',
      Int32Array.from(ids, (_, index) => valueAt(index)),
      shape,
    );
  const values = new BigInt64Array(ids.length);
  for (let index = 0; index < ids.length; index += 1) values[index] = BigInt(valueAt(index));
  return new Tensor('int64', values, shape);
}

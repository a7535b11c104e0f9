import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** The baseline: nothing but ONNX Runtime's `run` over token ids that are ready. No tokenizing, no pooling. */
const { modelPath, threads } = workerData as { modelPath: string; threads: number };
const session = await InferenceSession.create(modelPath, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
});

async function runAll(inputs: readonly (readonly number[])[]): Promise<number> {
  const started = performance.now();
  for (const ids of inputs) {
    const shape = [1, ids.length];
    const zeros = new BigInt64Array(ids.length);
    const feeds: Record<string, Tensor> = {
      input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
      attention_mask: new Tensor('int64', zeros.slice().fill(1n), shape),
      token_type_ids: new Tensor('int64', zeros, shape),
    };
    const results = await session.run(feeds);
    for (const tensor of [...Object.values(results), ...Object.values(feeds)]) tensor.dispose();
  }
  return performance.now() - started;
}

parentPort?.on('message', (inputs: number[][] | 'close') => {
  if (inputs === 'close') {
    void session.release().then(() => parentPort?.close());
    return;
  }
  void runAll(inputs).then((ms) => parentPort?.postMessage(ms));
});
parentPort?.postMessage('ready');

import { parentPort, workerData } from 'node:worker_threads';
import type { ToWorker, WorkerSetup } from '../../src/adapters/models/onnx/messages.js';
import { serveEmbedding } from '../../src/adapters/models/onnx/serve.js';

/** The real embedding thread, but a text with CRASH in it kills it. */
if (!parentPort) throw new Error('This file is the entry point of an embedding thread.');
parentPort.on('message', (message: ToWorker) => {
  if (message.type === 'embed' && message.texts.some((text) => text.includes('CRASH'))) process.exit(7);
});
await serveEmbedding(parentPort, workerData as WorkerSetup);

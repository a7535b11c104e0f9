import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSetup } from '../adapters/models/onnx/messages.js';
import { serveEmbedding } from '../adapters/models/onnx/serve.js';

if (!parentPort) throw new Error('This file is the entry point of an embedding thread.');
await serveEmbedding(parentPort, workerData as WorkerSetup);

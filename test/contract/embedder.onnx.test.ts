import { openEmbedder } from '../../src/adapters/models/open.js';
import { userModelStore } from '../support/model-store.js';
import { describeEmbedderContract } from './embedder.js';

describeEmbedderContract('ONNX Runtime, the default model', async ({ queueBytes }) => {
  let truncated = 0;
  const { embedder } = await openEmbedder({
    model: 'all-MiniLM-L6-v2',
    store: userModelStore(),
    device: 'cpu',
    sessions: 2,
    threads: 1,
    queueBytes,
    onQueryTruncated: () => (truncated += 1),
  });
  return { embedder, truncated: () => truncated };
});

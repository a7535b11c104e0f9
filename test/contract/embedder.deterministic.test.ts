import { openDeterministicEmbedder } from '../../src/adapters/models/deterministic.js';
import { describeEmbedderContract } from './embedder.js';

describeEmbedderContract('deterministic', async ({ queueBytes }) => {
  let truncated = 0;
  const embedder = await openDeterministicEmbedder({ queueBytes, onQueryTruncated: () => (truncated += 1) });
  return { embedder, truncated: () => truncated };
});

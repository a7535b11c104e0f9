import { describeWith } from '../support/needs.js';
import { qdrantUnderTest } from '../support/qdrant.js';
import { describeVectorsContract } from './vectors.js';

describeWith('QDRANT_URL', 'vector store on Qdrant', (url) => {
  describeVectorsContract('Qdrant', async () => {
    const { open, dispose } = qdrantUnderTest(url);
    let store = open();
    return {
      store,
      async reopen() {
        await store.close();
        return (store = open());
      },
      async dispose() {
        await store.close();
        await dispose();
      },
    };
  });
});

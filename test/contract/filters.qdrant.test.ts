import { describeWith } from '../support/needs.js';
import { qdrantUnderTest } from '../support/qdrant.js';
import { describeFiltersContract } from './filters.js';

describeWith('QDRANT_URL', 'filters on Qdrant', (url) => {
  describeFiltersContract(
    'a Qdrant collection',
    async () => {
      const { open, dispose } = qdrantUnderTest(url);
      const store = open();
      return {
        store,
        async dispose() {
          await store.close();
          await dispose();
        },
      };
    },
    // Comparisons of texts other than times let all through that have the field.
    0.5,
  );
});

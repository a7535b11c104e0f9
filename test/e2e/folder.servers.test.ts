import { describeWith } from '../support/needs.js';
import { serverStores } from '../support/stores.js';
import { describeFolder } from './folder.js';

describeWith('KAFKA_BROKERS', 'a folder on servers', () =>
  describeWith('POSTGRES_URL', 'a folder on servers', () =>
    describeWith('S3_ENDPOINT', 'a folder on servers', () =>
      describeFolder('Kafka, PostgreSQL and S3', { ingest: { partitions: 4 }, stores: serverStores() }),
    ),
  ),
);

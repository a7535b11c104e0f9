import { describeWith } from '../support/needs.js';
import { serverStores } from '../support/stores.js';
import { describeMigration } from './migrate.js';

describeWith('KAFKA_BROKERS', 'a migration to servers', () =>
  describeWith('POSTGRES_URL', 'a migration to servers', () =>
    describeWith('S3_ENDPOINT', 'a migration to servers', () =>
      describeMigration('Kafka, PostgreSQL and S3', () => serverStores()),
    ),
  ),
);

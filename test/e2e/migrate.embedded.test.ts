import { describeMigration } from './migrate.js';

describeMigration('another data directory', () => undefined);

import { defineConfig } from 'vitest/config';

const rooms = ['src', 'connectors', 'pipelines', 'benchmarks', 'scripts', 'test'];
const report = process.env['FOOTNOTE_TEST_REPORT'];

export default defineConfig({
  test: {
    include: rooms.map((room) => `${room}/**/*.test.ts`),
    // As src/engine/quiet-store.ts, which the tests' processes come too late for.
    env: { LANCEDB_LOG: 'error' },
    globalSetup: 'test/support/servers.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});

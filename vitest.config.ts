import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000, // a worker on busy cores may take a while to end
    // GPU tests share two cores with a software driver that uses both: files run one after the other.
    fileParallelism: false,
    pool: 'forks',
  },
});

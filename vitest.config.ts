import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'conformance/**/*.test.ts'],
    // Tests open real sockets and real files: two files at a time is what a small machine carries without skewing them.
    maxWorkers: 2,
    // Scenarios over the wire wait more than they work.
    maxConcurrency: 12,
    // Error texts are compared whole, and shown whole.
    chaiConfig: { truncateThreshold: 0 },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});

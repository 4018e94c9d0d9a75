/** `npm run conformance`: the scenarios beside the peers that are installed. `npm test` runs them against this broker. */
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.ts';

export default mergeConfig(
  { ...base, test: { ...base.test, include: [] } },
  defineConfig({
    test: { dir: '.', include: ['conformance/**/*.test.ts'], env: { CONFORMANCE_PEERS: 'all' } },
  }),
);

/**
 * All Redis scenarios: this broker always, with every client; Debian's redis-server beside it when the peers are asked for
 * (`npm run conformance`) and it is installed. Counts are printed at the end.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { program, startHere, startThere, type TestServer } from './brokers.ts';
import type { ClientLibrary } from './clients/client.ts';
import { ioredis } from './clients/ioredis.ts';
import { nodeRedis } from './clients/node-redis.ts';
import { raw } from './clients/raw.ts';
import { REDIS_DIFFERENCES } from './differences.ts';
import { Run, type Scenario } from './scenario.ts';
import { TOPICS } from './scenarios/index.ts';

const LIBRARIES: readonly ClientLibrary[] = [raw(2), raw(3), ioredis, nodeRedis];

const asked = process.env['CONFORMANCE_PEERS'] === 'all';
/** The only server to run against, for work on a scenario. */
const only = process.env['CONFORMANCE_ONLY'];
const SERVERS = (['entrepot', 'redis'] as const).map((kind) => ({
  kind,
  start: kind === 'entrepot' ? startHere : startThere,
  skipped:
    (only !== undefined && only !== kind) || (kind === 'redis' && (!asked || program('redis-server') === undefined)),
}));

const passed: Record<string, number> = {};
const failed: Record<string, number> = {};

for (const { kind, start, skipped } of SERVERS) {
  passed[kind] = 0;
  failed[kind] = 0;
  describe.skipIf(skipped)(`Redis on ${kind}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await start();
    }, 60_000);
    afterAll(() => server?.stop(), 60_000);

    for (const topic of TOPICS) {
      describe.concurrent(topic.name, () => {
        for (const scenario of topic.scenarios) add(scenario);
      });
    }

    function add(scenario: Scenario): void {
      for (const library of scenario.raw ? LIBRARIES.slice(0, 1) : LIBRARIES) {
        it(`${scenario.name} (${library.name})`, { timeout: 30_000 }, async () => {
          const run = new Run(server, library);
          failed[kind]!++;
          try {
            await scenario.run(run);
            passed[kind]!++;
            failed[kind]!--;
          } finally {
            await run.end();
          }
        });
      }
    }
  });
}

afterAll(() => {
  const scenarios = TOPICS.reduce((sum, topic) => sum + topic.scenarios.length, 0);
  const lines = [`Redis: ${scenarios} scenarios, ${TOPICS.length} topics, ${LIBRARIES.length} clients`];
  for (const { kind, skipped } of SERVERS) {
    if (!skipped) lines.push(`  ${kind}: ${passed[kind]} runs passed, ${failed[kind]} failed`);
    else if (!asked) lines.push(`  ${kind}: not asked for (npm run conformance)`);
    else lines.push(`  ${kind}: skipped, it is not installed`);
  }
  lines.push(`  ${Object.keys(REDIS_DIFFERENCES).length} differences, in conformance/redis/differences.ts`);
  console.log(lines.join('\n'));
});

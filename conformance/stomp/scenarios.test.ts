/**
 * All STOMP scenarios: this broker always, with every client; RabbitMQ and ActiveMQ beside it when the peers are asked for
 * (`npm run conformance`) and they are installed. Counts are printed at the end.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { installed } from '../peers/index.ts';
import { startHere, startThere, type TestBroker } from './brokers.ts';
import type { Connect } from './clients/client.ts';
import { connectFrames } from './clients/frames.ts';
import { connectStompit } from './clients/stompit.ts';
import { connectStompjs, connectStompjsWeb } from './clients/stompjs.ts';
import { differenceHere, STOMP_DIFFERENCES } from './differences.ts';
import { Run, type Scenario } from './scenario.ts';
import { TOPICS } from './scenarios/index.ts';

const CLIENTS: readonly { readonly name: string; readonly connect: Connect; readonly web: boolean }[] = [
  { name: 'frames', connect: connectFrames, web: false },
  { name: 'stompit', connect: connectStompit, web: false },
  { name: 'stompjs', connect: connectStompjs, web: false },
  { name: 'stompjs-web', connect: connectStompjsWeb, web: true },
];

const asked = process.env['CONFORMANCE_PEERS'] === 'all';
/** The only broker to run against, for work on a scenario. */
const only = process.env['CONFORMANCE_ONLY'];
const BROKERS = (['entrepot', 'rabbitmq', 'activemq'] as const).map((kind) => ({
  kind,
  start: kind === 'entrepot' ? startHere : startThere[kind],
  skipped: (only !== undefined && only !== kind) || (kind !== 'entrepot' && (!asked || installed(kind) === undefined)),
  // ActiveMQ has no WebSocket as Debian ships it.
  speaksWeb: kind !== 'activemq',
}));

const passed: Record<string, number> = {};
const failed: Record<string, number> = {};

for (const { kind, start, skipped, speaksWeb } of BROKERS) {
  passed[kind] = 0;
  failed[kind] = 0;
  describe.skipIf(skipped)(`STOMP on ${kind}`, () => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await start();
    }, 120_000);
    afterAll(() => broker?.stop(), 60_000);

    for (const topic of TOPICS) {
      const scenarios = topic.scenarios.filter(({ unless }) =>
        unless.every((id) => differenceHere(kind, id) === undefined),
      );
      if (scenarios.length === 0) continue;
      describe.concurrent(topic.name, () => {
        for (const scenario of scenarios) add(scenario);
      });
    }

    function add(scenario: Scenario): void {
      const clients = CLIENTS.filter(({ web }) => !web || speaksWeb);
      for (const { name, connect } of scenario.raw ? clients.slice(0, 1) : clients) {
        it(`${scenario.name} [${scenario.spec}] (${name})`, { timeout: 30_000 }, async () => {
          const run = new Run(broker, connect);
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
  const lines = [`STOMP: ${scenarios} scenarios, ${TOPICS.length} topics, ${CLIENTS.length} clients`];
  for (const { kind, skipped } of BROKERS) {
    if (!skipped) lines.push(`  ${kind}: ${passed[kind]} runs passed, ${failed[kind]} failed`);
    else if (!asked) lines.push(`  ${kind}: not asked for (npm run conformance)`);
    else lines.push(`  ${kind}: skipped, it is not installed`);
  }
  lines.push(`  ${Object.keys(STOMP_DIFFERENCES).length} differences, in conformance/stomp/differences.ts`);
  console.log(lines.join('\n'));
});

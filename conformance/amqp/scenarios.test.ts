/**
 * All AMQP scenarios: this broker always, with both client libraries; RabbitMQ beside it when the peers are asked for
 * (`npm run conformance`) and it is installed. Counts are printed at the end.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { PeerKind } from '../peers.ts';
import { connectAmqplib } from './amqplib.ts';
import { AWAITED } from './awaited.ts';
import { rabbitmqInstalled, startHere, startThere, type TestBroker } from './brokers.ts';
import type { Connect } from './client.ts';
import { AMQP_DIFFERENCES } from './differences.ts';
import { connectRabbitmqClient } from './rabbitmq-client.ts';
import { Run, type Scenario, type Topic } from './scenario.ts';
import { TOPICS } from './topics.ts';

const LIBRARIES: readonly { readonly name: string; readonly connect: Connect }[] = [
  { name: 'amqplib', connect: connectAmqplib },
  { name: 'rabbitmq-client', connect: connectRabbitmqClient },
];

const awaitedToo = process.env['CONFORMANCE_AWAITED'] === '1';

function isRun(kind: PeerKind, topic: Topic, scenario: Scenario): boolean {
  if (kind !== 'entrepot') return scenario.hereOnly === undefined;
  return awaitedToo || !AWAITED.has(`${topic.name}: ${scenario.name}`);
}

const asked = process.env['CONFORMANCE_PEERS'] === 'all';
const BROKERS = [
  { kind: 'entrepot', start: startHere, skipped: process.env['CONFORMANCE_ONLY'] === 'rabbitmq' },
  { kind: 'rabbitmq', start: startThere, skipped: !asked || !rabbitmqInstalled() },
] as const;

const passed: Record<string, number> = { entrepot: 0, rabbitmq: 0 };
const failed: Record<string, number> = { entrepot: 0, rabbitmq: 0 };

for (const { kind, start, skipped } of BROKERS) {
  describe.skipIf(skipped)(`AMQP 0-9-1 on ${kind}`, () => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await start();
    }, 120_000);
    afterAll(() => broker?.stop(), 60_000);

    for (const topic of TOPICS) {
      const scenarios = topic.scenarios.filter((scenario) => isRun(kind, topic, scenario));
      if (scenarios.length > 0) describe(topic.name, () => scenarios.forEach(add));
    }

    function add(scenario: Scenario): void {
      for (const { name, connect } of scenario.raw ? LIBRARIES.slice(0, 1) : LIBRARIES) {
        const by = scenario.raw ? 'frames' : name;
        const title = `${scenario.name} [${scenario.spec}] (${by})`;
        it(title, { timeout: 30_000, concurrent: !scenario.alone }, async () => {
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
  const lines = [`AMQP 0-9-1: ${scenarios} scenarios, ${TOPICS.length} topics`];
  for (const { kind, skipped } of BROKERS) {
    if (!skipped) lines.push(`  ${kind}: ${passed[kind]} runs passed, ${failed[kind]} failed`);
    else if (!asked) lines.push(`  ${kind}: not asked for (npm run conformance)`);
    else lines.push(`  ${kind}: skipped, it is not installed`);
  }
  if (!awaitedToo) {
    lines.push(`  ${AWAITED.size} scenarios that this broker does not pass yet were left out`);
    for (const name of AWAITED) lines.push(`    ${name}`);
  }
  lines.push(`  ${Object.keys(AMQP_DIFFERENCES).length} differences, in conformance/amqp/differences.ts`);
  console.log(lines.join('\n'));
});

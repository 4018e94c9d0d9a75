/**
 * All AMQP scenarios: this broker always, with both client libraries; RabbitMQ beside it when the peers are asked for
 * (`npm run conformance`) and it is installed. Counts are printed at the end.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { PeerKind } from '../peers/index.ts';
import { AWAITED } from './awaited.ts';
import { rabbitmqInstalled, startHere, startThere, type TestBroker } from './brokers.ts';
import { connectAmqplib } from './clients/amqplib.ts';
import type { Connect } from './clients/client.ts';
import { connectRabbitmqClient } from './clients/rabbitmq-client.ts';
import { AMQP_DIFFERENCES } from './differences.ts';
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

/** Of each broker: the scenarios that were run, and those of them that failed with one library at least. */
const run = { entrepot: new Set<Scenario>(), rabbitmq: new Set<Scenario>() };
const failed = { entrepot: new Set<Scenario>(), rabbitmq: new Set<Scenario>() };
let runs = 0;

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
          const t = new Run(broker, connect);
          runs++;
          run[kind].add(scenario);
          try {
            await scenario.run(t);
          } catch (error) {
            failed[kind].add(scenario);
            throw error;
          } finally {
            await t.end();
          }
        });
      }
    }
  });
}

afterAll(() => {
  const scenarios = TOPICS.reduce((sum, topic) => sum + topic.scenarios.length, 0);
  const lines = [`AMQP 0-9-1: ${scenarios} scenarios, ${runs} runs (two client libraries, or frames by hand)`];
  for (const { kind, skipped } of BROKERS) {
    const why = rabbitmqInstalled() ? 'not asked for (npm run conformance asks)' : 'not installed';
    if (skipped) lines.push(`  ${kind}: ${kind === 'rabbitmq' ? why : 'left out (CONFORMANCE_ONLY)'}`);
    else lines.push(`  ${kind}: ${run[kind].size - failed[kind].size} of ${run[kind].size} passed`);
  }
  if (!awaitedToo && AWAITED.size > 0) {
    lines.push(`  ${AWAITED.size} that this broker does not pass yet were left out:`);
    for (const name of AWAITED) lines.push(`    ${name}`);
  }
  lines.push(`  ${Object.keys(AMQP_DIFFERENCES).length} differences are expected:`);
  for (const [id, { peerDoes }] of Object.entries(AMQP_DIFFERENCES)) lines.push(`    ${id}: RabbitMQ ${peerDoes}`);
  console.log(lines.join('\n'));
});

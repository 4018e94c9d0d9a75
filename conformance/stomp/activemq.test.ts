/**
 * The scenarios of ActiveMQ's own dialect: this broker with `compat: activemq` always, ActiveMQ beside it when the peers are asked for
 * (`npm run conformance`) and it is installed.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { installed } from '../peers/index.ts';
import { TOPICS } from './activemq/index.ts';
import { startHere, startThere, type TestBroker } from './brokers.ts';
import { connectFrames } from './clients/frames.ts';
import { connectStompit } from './clients/stompit.ts';
import { connectStompjs } from './clients/stompjs.ts';
import { differenceHere } from './differences.ts';
import { Run, type Scenario } from './scenario.ts';

const CLIENTS = [
  { name: 'frames', connect: connectFrames },
  { name: 'stompit', connect: connectStompit },
  { name: 'stompjs', connect: connectStompjs },
];
const asked = process.env['CONFORMANCE_PEERS'] === 'all';
const only = process.env['CONFORMANCE_ONLY'];
const BROKERS = [
  { kind: 'entrepot' as const, start: () => startHere('activemq'), there: true },
  { kind: 'activemq' as const, start: startThere.activemq, there: asked && installed('activemq') !== undefined },
];

for (const { kind, start, there } of BROKERS) {
  describe.skipIf(!there || (only !== undefined && only !== kind))(`ActiveMQ's STOMP on ${kind}`, () => {
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
      for (const { name, connect } of scenario.raw ? CLIENTS.slice(0, 1) : CLIENTS) {
        it(`${scenario.name} [${scenario.spec}] (${name})`, { timeout: 30_000 }, async () => {
          const run = new Run(broker, connect);
          try {
            await scenario.run(run);
          } finally {
            await run.end();
          }
        });
      }
    }
  });
}

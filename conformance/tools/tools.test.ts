/**
 * Operators' tools, replayed (`scenario.ts`): on this broker always, and on RabbitMQ beside it when peers are asked for (`npm run
 * conformance`) and it is installed. What a tool sees is what its scenario says, on both, but for what it lists with a reason; a
 * difference that is listed and not seen any more fails too.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../peers/installed.ts';
import { type AskedBroker, startHere, startThere } from './brokers.ts';
import { TOOLS } from './index.ts';
import type { ToolScenario } from './scenario.ts';

const beside = process.env['CONFORMANCE_PEERS'] === 'all' && installed('rabbitmq') !== undefined;

let here: AskedBroker;
let there: AskedBroker | undefined;

beforeAll(async () => {
  here = await startHere();
  if (beside) there = await startThere();
}, 120_000);

afterAll(async () => {
  await here?.stop();
  await there?.stop();
}, 60_000);

async function seen(broker: AskedBroker, { run }: ToolScenario): Promise<unknown> {
  try {
    return await run(broker.world());
  } catch (error) {
    return error instanceof Error ? { stumbles: error.message } : error;
  }
}

describe.each(TOOLS.map((tool) => [tool.name, tool] as const))('%s', (_name, { scenarios }) => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_title, scenario) => {
    expect(await seen(here, scenario)).toEqual(scenario.but?.here?.sees ?? scenario.sees);
  });

  it.skipIf(!beside).each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s, at RabbitMQ',
    async (_title, scenario) => {
      expect(await seen(there!, scenario)).toEqual(scenario.but?.there?.sees ?? scenario.sees);
    },
  );
});

/** Keep alive on a clock that a test moves: silence is what could be heard and was not. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { until } from '../../../support/until.ts';
import { type Harness, startHarness } from '../harness.ts';

let clock: ManualClock;
let harness: Harness;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await startHarness({ packetRateMax: 1 }, { clock });
});
afterEach(() => harness.broker.close());

it('a client that is not read is not silent; one that is read again, and says nothing, is', async () => {
  const client = await harness.connect311('c', { keepalive: 10 });
  // All at once, and then nothing: the broker takes two a second, and does not read meanwhile.
  const pings = 80;
  client.raw(Buffer.alloc(2 * pings, Buffer.of(0xc0, 0)));
  const answers = (): number => client.packets.filter((packet) => packet.cmd === 'pingresp').length;
  await until(() => answers() > 0, 'the first answer');
  for (let known = answers(); known < pings; known = answers()) {
    clock.advance(1_000);
    await until(() => client.closed || answers() > known, 'another answer');
    expect(client.closed).toBe(false);
  }
  expect(clock.monotonicMs()).toBeGreaterThan(2 * 15_000);
  clock.advance(1_000);
  clock.advance(10_000);
  expect(harness.adapter.stats.keepAliveTimeouts).toBe(0);
  clock.advance(15_000);
  expect(harness.adapter.stats.keepAliveTimeouts).toBe(1);
  await until(() => client.closed, 'the broker to close');
});

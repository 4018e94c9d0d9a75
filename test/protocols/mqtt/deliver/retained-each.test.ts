/** Retained messages that a subscription gets at once are each its own, whatever was written for the one before. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Harness, startHarness, text } from '../harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(() => harness.broker.close());

it.each([4, 5] as const)('at QoS 0, in version %i', async (version) => {
  const connect = version === 5 ? harness.connect : harness.connect311;
  const publisher = await connect('p');
  const sent = new Map<string, string>();
  for (let i = 0; i < 5; i++) sent.set(`r/${i}`, `the body of ${i}`);
  for (const [topic, body] of sent) publisher.publish(topic, body, 0, undefined, { retain: true });
  await publisher.settle();
  for (const name of ['one', 'two']) {
    const reader = await connect(name);
    await reader.subscribe('r/+', 0);
    const got = new Map<string, string>();
    for (let i = 0; i < 5; i++) {
      const packet = await reader.next('publish');
      got.set(packet.topic, text(packet));
    }
    expect(got).toEqual(sent);
  }
});

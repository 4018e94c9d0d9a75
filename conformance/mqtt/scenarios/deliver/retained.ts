/** Retained messages [3.3.1.3]. */
import { strict as assert } from 'node:assert';
import type { Harness } from '../../harness.ts';
import { both, type Scenario, v4, v5 } from '../../scenario.ts';
import { nothingBefore, pair, pass } from '../steps.ts';

/** What a new subscription to `filter` gets of what is retained: topic, payload and flag of each. */
async function retainedUnder(harness: Harness, filter: string, qos = 2): Promise<string[]> {
  const client = await harness.connect();
  const end = harness.topic('..end');
  await client.subscribe({ topic: filter, qos }, { topic: end, qos });
  await client.publish(end, 'end', { qos: 0 });
  const found: string[] = [];
  for (;;) {
    const got = await client.expect('publish');
    if (got.topic === end) break;
    found.push(`${got.topic.split('/').at(-1)}=${got.payload} q${got.qos}${got.retain ? ' retained' : ''}`);
  }
  client.close();
  return found.sort();
}

export const RETAINED: readonly Scenario[] = [
  ...both('kept for those who subscribe later', '3.3.1-5 3.3.1-6 3.3.1-8', '3.3.1-5 3.3.1-9', async (harness) => {
    const publisher = await harness.connect();
    for (const qos of [0, 1, 2]) await publisher.publish(harness.topic(`q${qos}`), 'x', { qos, retain: true });
    assert.deepEqual(await retainedUnder(harness, harness.topic('+')), [
      'q0=x q0 retained',
      'q1=x q1 retained',
      'q2=x q2 retained',
    ]);
    assert.deepEqual(await retainedUnder(harness, harness.topic('q2'), 1), ['q2=x q1 retained']);
    for (const qos of [0, 1, 2]) await publisher.publish(harness.topic(`q${qos}`), '', { retain: true });
  }),
  ...both('the last one replaces those before, QoS 0 as well', '3.3.1-5 3.3.1-7', '3.3.1-5', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'one', { qos: 1, retain: true });
    await publisher.publish(topic, 'two', { qos: 0, retain: true });
    const found = await retainedUnder(harness, topic);
    assert.ok(!found.some((entry) => entry.includes('one')), String(found));
    await publisher.publish(topic, '', { retain: true });
    return String(found);
  }),
  ...both('without the flag to who is subscribed already', '3.3.1-9', '3.3.1-12', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    for (const qos of [0, 1]) {
      await publisher.publish(topic, 'x', { qos, retain: true });
      assert.equal((await subscriber.message('x')).retain, false);
    }
    await publisher.publish(topic, '', { retain: true });
  }),
  ...both(
    'an empty payload removes it, is delivered, and is not kept',
    '3.3.1-10 3.3.1-11',
    '3.3.1-6 3.3.1-7',
    async (harness) => {
      const topic = harness.topic();
      const [subscriber, publisher] = await pair(harness, topic, 1);
      await publisher.publish(topic, 'x', { qos: 1, retain: true });
      await publisher.publish(topic, '', { qos: 1, retain: true });
      await subscriber.message('x');
      assert.equal((await subscriber.message('')).retain, false);
      assert.deepEqual(await retainedUnder(harness, topic), []);
    },
  ),
  ...both('a message without the flag changes nothing', '3.3.1-12', '3.3.1-8', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    await publisher.publish(topic, 'passing', { qos: 1 });
    await publisher.publish(topic, '', { qos: 1 });
    assert.deepEqual(await retainedUnder(harness, topic), ['t=kept q1 retained']);
    await publisher.publish(topic, '', { retain: true });
  }),
  v4('stays when the session of its publisher ends', '3.1.2-7', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 1, retain: true });
    await publisher.leave();
    assert.deepEqual(await retainedUnder(harness, topic), ['t=x q1 retained']);
    await (await harness.connect()).publish(topic, '', { retain: true });
  }),
  ...both('sent again for the same subscription made anew', '3.8.4-3', '3.8.4-4 3.3.1-9', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    await publisher.publish(topic, 'x', { qos: 1, retain: true });
    assert.equal((await subscriber.message('x')).retain, false);
    await subscriber.subscribe({ topic, qos: 1 });
    assert.equal((await subscriber.message('x')).retain, true);
    await publisher.publish(topic, '', { retain: true });
  }),
  ...both('not sent again to a session that is found again', '3.3.1-6', '3.3.1-9', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 1, retain: true });
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 1 });
    await before.message('x');
    await before.leave();
    await nothingBefore(await harness.kept(), publisher, topic, 1);
    await publisher.publish(topic, '', { retain: true });
  }),
  ...both('$-topics are not under a leading wildcard', '4.7.2-1', '4.7.2-1', async (harness) => {
    const name = harness.topic().replaceAll('/', '-');
    const publisher = await harness.connect();
    await publisher.publish(`$conf/${name}`, 'hidden', { qos: 1, retain: true });
    await publisher.publish(`conf/${name}`, 'shown', { qos: 1, retain: true });
    assert.deepEqual(await retainedUnder(harness, `+/${name}`), [`${name}=shown q1 retained`]);
    for (const first of ['conf', '$conf']) await publisher.publish(`${first}/${name}`, '', { retain: true });
  }),
  v5('retain as published', '3.3.1-13', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1, rap: true });
    const publisher = await harness.connect();
    for (const retain of [true, false]) {
      for (const qos of [0, 1]) {
        await publisher.publish(topic, 'x', { qos, retain });
        assert.equal((await subscriber.message('x')).retain, retain);
      }
    }
    await publisher.publish(topic, '', { retain: true });
  }),
  v5('retain handling 1: only for a subscription that is new', '3.3.1-10', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 1, retain: true });
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1, rh: 1 });
    assert.equal((await subscriber.message('x')).retain, true);
    await subscriber.subscribe({ topic, qos: 1, rh: 1 });
    await nothingBefore(subscriber, publisher, topic, 1);
    await subscriber.unsubscribe(topic);
    await subscriber.subscribe({ topic, qos: 1, rh: 1 });
    await subscriber.message('x');
    await publisher.publish(topic, '', { retain: true });
  }),
  v5('retain handling 2: never', '3.3.1-11', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 1, retain: true });
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1, rh: 2 });
    await nothingBefore(subscriber, publisher, topic, 1);
    await publisher.publish(topic, '', { retain: true });
  }),
  v5('properties of a retained message are kept', '3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-20', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers/here',
      correlationData: Buffer.from([0, 1, 255]),
      userProperties: { colour: 'blue' },
    };
    await publisher.publish(topic, 'x', { qos: 1, retain: true, properties });
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1 });
    const got = (await subscriber.message('x')).properties;
    for (const [name, value] of Object.entries(properties)) {
      if (name === 'userProperties') assert.deepEqual({ ...(got[name] as object) }, value);
      else assert.deepEqual(got[name], value, name);
    }
    await publisher.publish(topic, '', { retain: true });
  }),
  v5('a retained message expires', '3.3.2-5 3.3.2-6', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 1, retain: true, properties: { messageExpiryInterval: 2 } });
    const early = await harness.connect();
    await early.subscribe({ topic, qos: 1 });
    const left = (await early.message('x')).properties['messageExpiryInterval'] as number;
    assert.ok(left >= 1 && left <= 2, `${left} s left`);
    await pass(3_200);
    assert.deepEqual(await retainedUnder(harness, topic), []);
  }),
  v5(
    'not sent to a shared subscription',
    '',
    async (harness) => {
      const topic = harness.topic();
      const publisher = await harness.connect();
      await publisher.publish(topic, 'x', { qos: 1, retain: true });
      const member = await harness.connect();
      await member.subscribe({ topic: `$share/${harness.id()}/${topic}`, qos: 1 });
      await nothingBefore(member, publisher, topic, 1);
      await publisher.publish(topic, '', { retain: true });
      await member.unsubscribe(`$share/${harness.id()}/${topic}`);
    },
    { needs: 'shared' },
  ),
];

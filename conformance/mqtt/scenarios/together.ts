/** Features that meet each other: where each is right by itself, and two together might not be. */
import { strict as assert } from 'node:assert';
import type { RawClient } from '../raw-client.ts';
import { both, type Scenario, v5 } from '../scenario.ts';
import { join, packet, publish, section, text, u16 } from '../wire.ts';
import { nothingBefore, pair } from './steps.ts';

/** All messages that come before one that is published now to `end`, with QoS 0 to a filter that is subscribed to here. */
async function all(subscriber: RawClient, publisher: RawClient, end: string): Promise<string[]> {
  await publisher.publish(end, 'end', { qos: 1 });
  const seen: string[] = [];
  for (;;) {
    const got = await subscriber.expect('publish');
    if (got.topic === end) return seen.sort();
    const ids = [got.properties['subscriptionIdentifier'] ?? []].flat().join('+');
    seen.push(`${got.payload} q${got.qos}${got.retain ? ' retained' : ''}${ids === '' ? '' : ` #${ids}`}`);
  }
}

const userProperty = join(0x26, text('n'), text('v'));
const reasonString = join(0x1f, text('because'));

export const TOGETHER: readonly Scenario[] = [
  v5('no local on one of two subscriptions that match', '3.8.3-3 3.3.4-3', async (harness) => {
    const client = await harness.connect();
    await client.subscribeWith({ subscriptionIdentifier: 1 }, { topic: harness.topic('a/+'), qos: 1, nl: true });
    await client.subscribeWith({ subscriptionIdentifier: 2 }, { topic: harness.topic('a/b'), qos: 1 });
    await client.subscribe({ topic: harness.topic('end'), qos: 1 });
    await client.publish(harness.topic('a/b'), 'mine', { qos: 1 });
    await client.publish(harness.topic('a/c'), 'mine too', { qos: 1 });
    const seen = await all(client, await harness.connect(), harness.topic('end'));
    assert.equal(seen.length, 1);
    assert.match(seen[0]!, /^mine q1 #(.*\+)?2/);
    return seen[0];
  }),
  v5('retain as published on one of two subscriptions that match', '3.3.1-13', async (harness) => {
    const [subscriber, publisher] = await pair(harness, harness.topic('a/+'), 0);
    await subscriber.subscribe(
      { topic: harness.topic('a/b'), qos: 1, rap: true },
      { topic: harness.topic('end'), qos: 1 },
    );
    await publisher.publish(harness.topic('a/b'), 'x', { qos: 1, retain: true });
    const seen = await all(subscriber, publisher, harness.topic('end'));
    assert.ok(seen.includes('x q1 retained'), String(seen));
    await publisher.publish(harness.topic('a/b'), '', { retain: true });
  }),
  v5(
    'a retained message comes with the identifier of the subscription that asked for it',
    '3.3.4-3',
    async (harness) => {
      const publisher = await harness.connect();
      await publisher.publish(harness.topic('a'), 'kept', { qos: 1, retain: true });
      const client = await harness.connect();
      await client.subscribe({ topic: harness.topic('end'), qos: 1 });
      await client.subscribeWith({ subscriptionIdentifier: 9 }, { topic: harness.topic('+'), qos: 1 });
      const seen = await all(client, publisher, harness.topic('end'));
      assert.deepEqual(seen, ['kept q1 retained #9']);
      await publisher.publish(harness.topic('a'), '', { retain: true });
    },
  ),
  v5(
    'one client, in a group and by itself',
    '3.3.4-3 4.8.2-3',
    async (harness) => {
      const topic = harness.topic('a');
      const client = await harness.connect();
      const shared = `$share/${harness.id('g')}/${topic}`;
      await client.subscribeWith({ subscriptionIdentifier: 1 }, { topic, qos: 1 });
      await client.subscribeWith({ subscriptionIdentifier: 2 }, { topic: shared, qos: 1 });
      const publisher = await harness.connect();
      await publisher.publish(topic, 'x', { qos: 1 });
      const ids = [await client.message('x'), await client.message('x')].map(
        (got) => got.properties['subscriptionIdentifier'],
      );
      assert.deepEqual(ids.sort(), [1, 2]);
      await client.unsubscribe(shared);
    },
    { needs: 'shared' },
  ),
  v5('what is sent again names its topic, aliases or not', '3.3.2-7 4.4.0-1', async (harness) => {
    const properties = { topicAliasMaximum: 5 };
    const topic = harness.topic('quite/a/long/topic/name');
    const before = await harness.kept('k', { properties, answers: false });
    await before.subscribe({ topic, qos: 1 });
    const publisher = await harness.connect();
    for (let i = 0; i < 4; i++) await publisher.publish(topic, String(i), { qos: 1 });
    for (let i = 0; i < 4; i++) await before.message(String(i));
    before.drop();
    const after = await harness.kept('k', { properties });
    assert.equal((await after.message('0')).topic, topic);
    for (let i = 1; i < 4; i++) await after.message(String(i));
  }),
  v5('what waits and is too large for who comes back does not stop the rest', '3.1.2-24 3.1.2-25', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 2 });
    before.drop();
    const publisher = await harness.connect();
    for (let i = 0; i < 3; i++) {
      await publisher.publish(topic, 'x'.repeat(500), { qos: 1 + (i % 2) });
      await publisher.publish(topic, `small ${i}`, { qos: 1 });
    }
    const after = await harness.kept('k', { properties: { maximumPacketSize: 200 } });
    for (let i = 0; i < 3; i++) await after.message(`small ${i}`);
    await nothingBefore(after, publisher, topic, 1);
  }),
  ...both('a will that takes back what is retained', '3.3.1-10 3.1.2-17', '3.3.1-6 3.1.2-15', async (harness) => {
    const topic = harness.topic('state');
    const [watcher, publisher] = await pair(harness, topic, 1);
    await publisher.publish(topic, 'online', { qos: 1, retain: true });
    await watcher.message('online');
    const mortal = await harness.connect({ will: { topic, payload: '', qos: 1, retain: true } });
    mortal.drop();
    await watcher.message('');
    const late = await harness.connect();
    await late.subscribe({ topic, qos: 1 });
    await nothingBefore(late, publisher, topic, 1);
  }),
  ...both(
    'who takes over is sent again what the other had not acknowledged',
    '4.4.0-1 3.1.4-2',
    '4.4.0-1 3.1.4-3',
    async (harness) => {
      const topic = harness.topic();
      const old = await harness.kept('k', { answers: false });
      await old.subscribe({ topic, qos: 2 });
      const publisher = await harness.connect();
      const ids: number[] = [];
      for (const qos of [1, 2]) {
        await publisher.publish(topic, `x${qos}`, { qos });
        ids.push((await old.message(`x${qos}`)).messageId);
      }
      const young = await harness.kept();
      for (const qos of [1, 2]) {
        const got = await young.message(`x${qos}`);
        assert.deepEqual([got.messageId, got.dup], [ids[qos - 1], true]);
      }
      await nothingBefore(young, publisher, topic, 1);
    },
  ),
  ...both('a lower QoS for a session leaves what waits as it was', '3.8.4-3', '3.8.4-3', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept('k', { answers: false });
    await before.subscribe({ topic, qos: 1 });
    const publisher = await harness.connect();
    await publisher.publish(topic, 'held', { qos: 1 });
    await before.message('held');
    await before.subscribe({ topic, qos: 0 });
    await publisher.publish(topic, 'passing', { qos: 1 });
    assert.equal((await before.message('passing')).qos, 0);
    before.drop();
    const after = await harness.kept();
    assert.equal((await after.message('held')).qos, 1);
  }),
  v5('acknowledgements with reasons and properties are understood', '4.3.2-3 4.3.3-4', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    subscriber.answers = false;
    const properties = section(reasonString, userProperty, userProperty);
    await publisher.publish(topic, 'one', { qos: 1 });
    subscriber.bytes(packet(0x40, u16((await subscriber.message('one')).messageId), 0, properties));
    await publisher.publish(topic, 'two', { qos: 2 });
    const { messageId } = await subscriber.message('two');
    subscriber.bytes(packet(0x50, u16(messageId), 0, properties));
    await subscriber.expect('pubrel');
    subscriber.bytes(packet(0x70, u16(messageId), 0x92, properties));
    // A reason and nothing behind it is a shorter form of the same.
    await publisher.publish(topic, 'three', { qos: 1 });
    subscriber.bytes(packet(0x40, u16((await subscriber.message('three')).messageId), 0));
    await subscriber.ping();
    subscriber.bytes(publish(5, 0x34, harness.topic('mine'), 5, 'x', [userProperty]));
    await subscriber.expect('pubrec');
    subscriber.bytes(packet(0x62, u16(5), 0, properties));
    await subscriber.expect('pubcomp');
  }),
  v5('SUBSCRIBE, UNSUBSCRIBE and DISCONNECT with all that they may hold', '3.8.4-1 3.10.4-4', async (harness) => {
    const client = await harness.kept();
    client.bytes(packet(0x82, u16(1), section(0x0b, 0xff, 0x7f, userProperty), text(harness.topic()), 0x2e));
    assert.deepEqual([...(await client.expect('suback')).granted], [2]);
    client.bytes(packet(0xa2, u16(2), section(userProperty, userProperty), text(harness.topic())));
    assert.deepEqual([...(await client.expect('unsuback')).granted], [0]);
    client.bytes(packet(0xe0, 0x00, section(0x11, 0, 0, 1, 0, reasonString, userProperty)));
    assert.equal(await client.ended(), 'closed');
    assert.equal((await harness.kept()).connack.sessionPresent, true);
  }),
  v5('a quota that is used up holds QoS 0 messages and retained ones not back', '3.3.4-10 3.3.1-9', async (harness) => {
    const publisher = await harness.connect();
    await publisher.publish(harness.topic('kept'), 'kept', { qos: 0, retain: true });
    const client = await harness.connect({ properties: { receiveMaximum: 1 } });
    client.answers = false;
    await client.subscribe({ topic: harness.topic('held'), qos: 1 }, { topic: harness.topic('zero'), qos: 0 });
    await publisher.publish(harness.topic('held'), 'held', { qos: 1 });
    await client.message('held');
    await publisher.publish(harness.topic('zero'), 'zero', { qos: 2 });
    assert.equal((await client.message('zero')).qos, 0);
    await client.subscribe({ topic: harness.topic('kept'), qos: 0 });
    await client.message('kept');
    await publisher.publish(harness.topic('kept'), '', { retain: true });
  }),
  ...both('a thousand filters of one client', '3.8.4-4', '3.8.4-5', async (harness) => {
    const client = await harness.connect();
    const filters = Array.from({ length: 1000 }, (_, i) => ({ topic: harness.topic(`+/${i}`), qos: i % 3 }));
    const granted = await client.subscribe(...filters);
    assert.deepEqual(
      [...granted],
      filters.map(({ qos }) => qos),
    );
    const publisher = await harness.connect();
    for (const i of [0, 1, 2, 499, 998, 999]) {
      await publisher.publish(harness.topic(`x/${i}`), String(i), { qos: 2 });
      assert.equal((await client.message(String(i))).qos, i % 3);
    }
    await client.unsubscribe(...filters.map(({ topic }) => topic));
    await client.subscribe(harness.topic('end'));
    await publisher.publish(harness.topic('x/5'), 'no more', { qos: 1 });
    await nothingBefore(client, publisher, harness.topic('end'));
  }),
];

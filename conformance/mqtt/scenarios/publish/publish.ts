/** PUBLISH [3.3]: its fields, and what becomes of them on the way. */
import { strict as assert } from 'node:assert';
import type { Received } from '../../received.ts';
import { both, type Scenario } from '../../scenario.ts';
import { publish } from '../../wire.ts';
import { closedBy, pair } from '../steps.ts';

export const PUBLISH: readonly Scenario[] = [
  ...both('DUP does not travel', '3.3.1-3', '3.3.1-3', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    for (const qos of [1, 2]) {
      await publisher.publish(topic, String(qos), { qos, dup: true });
      assert.equal((await subscriber.message(String(qos))).dup, false);
    }
  }),
  ...both('QoS 3 ends the connection', '3.3.1-4 4.8.0-1', '3.3.1-4 4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(harness.level, 0x36, harness.topic(), 1, 'x'));
    return closedBy(client);
  }),
  ...both('packet identifier 0 ends the connection', '2.3.1-1 4.8.0-1', '2.2.1-3 4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(harness.level, 0x32, harness.topic(), 0, 'x'));
    return closedBy(client);
  }),
  ...both('DUP on QoS 0 ends the connection', '3.3.1-2', '3.3.1-2', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(harness.level, 0x38, harness.topic(), undefined, 'x'));
    return closedBy(client);
  }),
  ...both('a wildcard in a topic ends the connection', '3.3.2-2 4.7.1-1', '3.3.2-2 4.7.0-1', async (harness) => {
    const seen = new Set<string>();
    for (const wild of ['+', '#', 'a/+', 'a+b']) {
      const client = await harness.connect();
      client.bytes(publish(harness.level, 0x32, `${harness.topic()}/${wild}`, 1, 'x'));
      seen.add(await closedBy(client));
    }
    return [...seen].join(' or ');
  }),
  ...both('an empty topic ends the connection', '4.7.3-1', '4.7.3-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(harness.level, 0x32, '', 1, 'x'));
    return closedBy(client);
  }),
  ...both('delivered with the lower of both QoS', '3.8.4-6', '3.8.4-8', async (harness) => {
    const topic = harness.topic();
    const publisher = await harness.connect();
    for (const granted of [0, 1, 2]) {
      const subscriber = await harness.connect();
      await subscriber.subscribe({ topic, qos: granted });
      for (const qos of [0, 1, 2]) {
        await publisher.publish(topic, `${qos}`, { qos });
        assert.equal((await subscriber.message(`${qos}`)).qos, Math.min(qos, granted));
      }
    }
  }),
  ...both('overlapping subscriptions: the highest of their QoS', '3.3.5-1', '3.3.4-2', async (harness) => {
    const topic = harness.topic('a/b');
    const subscriber = await harness.connect();
    await subscriber.subscribe(
      { topic: harness.topic('#'), qos: 0 },
      { topic: harness.topic('a/+'), qos: 2 },
      { topic, qos: 1 },
    );
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 2 });
    const copies: Received[] = [await subscriber.message('x')];
    await publisher.publish(topic, 'end', { qos: 0 });
    for (;;) {
      const next = await subscriber.expect('publish');
      if (next.payload.toString() === 'end') break;
      copies.push(next);
    }
    const qos = copies.map((copy) => copy.qos);
    assert.ok(qos.includes(2), `QoS ${qos}`);
    return `${copies.length} copies`;
  }),
  ...both(
    'a topic comes as it was sent, and matches the filter',
    '3.3.2-3 3.3.2-1',
    '3.3.2-3 3.3.2-1',
    async (harness) => {
      const [subscriber, publisher] = await pair(harness, harness.topic('#'));
      const names = ['a.b/c d', 'Ä/日本/🚢', '/leading', 'trailing/', 'a//b', 'quote\'"\\', 'x'.repeat(1000)];
      for (const name of names) {
        await publisher.publish(harness.topic(name), 'x');
        assert.equal((await subscriber.message('x')).topic, harness.topic(name));
      }
    },
  ),
  ...both('a payload comes byte for byte', '4.3.2-2 4.5.0-1', '4.3.2-4 4.5.0-1', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    for (const payload of [Buffer.alloc(0), every, Buffer.alloc(300_000, 0xa5), Buffer.alloc(127 - topic.length)]) {
      publisher.send({ cmd: 'publish', topic, payload, qos: 1, messageId: 3 });
      assert.ok((await subscriber.expect('publish')).payload.equals(payload), `${payload.length} bytes`);
      await publisher.expect('puback');
    }
  }),
];

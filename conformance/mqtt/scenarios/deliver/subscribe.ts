/** SUBSCRIBE, UNSUBSCRIBE and their answers [3.8 to 3.11]. */
import { strict as assert } from 'node:assert';
import { both, type Scenario, v4, v5 } from '../../scenario.ts';
import { none, packet, section, text, u16 } from '../../wire.ts';
import { closedBy, nothingBefore, pair } from '../steps.ts';

export const SUBSCRIBE: readonly Scenario[] = [
  ...both(
    'one answer, a code for each filter, in their order',
    '3.8.4-1 3.8.4-2 3.8.4-4 3.8.4-5 3.9.3-1 3.9.3-2 2.3.1-7',
    '3.8.4-1 3.8.4-2 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2 2.2.1-6 2.2.2-1',
    async (harness) => {
      const client = await harness.connect();
      const filters = [2, 0, 1, 0].map((qos, i) => ({ topic: harness.topic(String(i)), qos }));
      const suback = await client.subscribeWith({}, ...filters);
      assert.deepEqual([...suback.granted], [2, 0, 1, 0]);
      assert.equal(suback.bytes.length, 4 + none(harness.level).length + 4);
      const publisher = await harness.connect();
      for (const { topic, qos } of filters) {
        await publisher.publish(topic, 'x', { qos: 2 });
        const got = await client.message('x');
        assert.deepEqual([got.topic, got.qos], [topic, qos]);
      }
    },
  ),
  ...both('the same filter again replaces the subscription', '3.8.4-3', '3.8.4-3', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 0);
    await subscriber.subscribe({ topic, qos: 1 });
    await publisher.publish(topic, 'x', { qos: 1 });
    assert.equal((await subscriber.message('x')).qos, 1);
    await nothingBefore(subscriber, publisher, topic, 1);
    await subscriber.subscribe({ topic, qos: 0 });
    await publisher.publish(topic, 'y', { qos: 1 });
    assert.equal((await subscriber.message('y')).qos, 0);
    await nothingBefore(subscriber, publisher, topic, 1);
  }),
  ...both('replacing a subscription loses nothing', '3.8.4-3', '3.8.4-4', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    const publishing = (async () => {
      for (let i = 0; i < 100; i++) await publisher.publish(topic, String(i), { qos: 1 });
    })();
    for (let i = 0; i < 20; i++) await subscriber.subscribe({ topic, qos: 1 + (i % 2) });
    await publishing;
    for (let i = 0; i < 100; i++) await subscriber.message(String(i));
  }),
  v4('a SUBSCRIBE without a filter ends the connection', '3.8.3-3', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1)));
    return closedBy(client);
  }),
  v5('a SUBSCRIBE without a filter ends the connection', '3.8.3-2 4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), 0));
    return closedBy(client);
  }),
  ...both(
    'SUBSCRIBE with wrong flags ends the connection',
    '3.8.1-1 2.2.2-1 2.2.2-2',
    '3.8.1-1 2.1.3-1',
    async (harness) => {
      const client = await harness.connect();
      client.bytes(packet(0x80, u16(1), none(harness.level), text(harness.topic()), 0));
      return closedBy(client);
    },
  ),
  ...both('reserved bits beside the QoS end the connection', '3.8.3-4', '3.8.3-5', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), none(harness.level), text(harness.topic()), harness.level === 5 ? 0xc0 : 0x04));
    return closedBy(client);
  }),
  ...both('QoS 3 in SUBSCRIBE ends the connection', '3.8.3-4', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), none(harness.level), text(harness.topic()), 3));
    return closedBy(client);
  }),
  v5('retain handling 3 ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), 0, text(harness.topic()), 0x30));
    return closedBy(client);
  }),
  ...both('packet identifier 0 in SUBSCRIBE ends the connection', '2.3.1-1', '2.2.1-3', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(0), none(harness.level), text(harness.topic()), 0));
    return closedBy(client);
  }),
  ...both(
    'UNSUBSCRIBE is answered, and stops the messages',
    '3.10.4-2 3.10.4-4 2.3.1-7',
    '3.10.4-2 3.10.4-4 2.2.1-6',
    async (harness) => {
      const topic = harness.topic('gone');
      const [subscriber, publisher] = await pair(harness, topic, 1);
      await subscriber.subscribe({ topic: harness.topic('stays'), qos: 1 });
      await publisher.publish(topic, 'before', { qos: 1 });
      await subscriber.message('before');
      await subscriber.unsubscribe(topic);
      await publisher.publish(topic, 'after', { qos: 1 });
      await nothingBefore(subscriber, publisher, harness.topic('stays'), 1);
    },
  ),
  ...both('$SYS/broker/version is there for who asks for it', '', '', async (harness) => {
    const client = await harness.connect();
    await client.subscribe('$SYS/broker/version');
    const { topic, payload, retain } = await client.expect('publish', 12_000);
    assert.deepEqual([topic, retain], ['$SYS/broker/version', true]);
    assert.match(payload.toString(), /\d+\.\d+/);
  }),
  ...both('$SYS counts what is connected', '', '', async (harness) => {
    const client = await harness.connect();
    await client.subscribe('$SYS/broker/clients/connected');
    const { payload } = await client.expect('publish', 12_000);
    assert.ok(Number(payload.toString()) >= 0, payload.toString());
  }),
  ...both('UNSUBSCRIBE from nothing is answered', '3.10.4-5', '3.10.4-5', async (harness) => {
    const client = await harness.connect();
    await client.unsubscribe(harness.topic());
  }),
  ...both(
    'UNSUBSCRIBE from several filters is one answer',
    '3.10.4-6',
    '3.10.4-6 3.11.3-1 3.11.3-2',
    async (harness) => {
      const client = await harness.connect();
      const topics = ['a', 'b', 'c'].map((name) => harness.topic(name));
      await client.subscribe(topics[0]!, topics[2]!);
      const unsuback = await client.unsubscribe(...topics);
      if (harness.level === 5) assert.deepEqual([...unsuback.granted], [0, 0x11, 0]);
      const publisher = await harness.connect();
      for (const topic of topics) await publisher.publish(topic, 'x');
      await client.subscribe(harness.topic('end'));
      await nothingBefore(client, publisher, harness.topic('end'));
    },
  ),
  ...both('UNSUBSCRIBE takes filters by the letter', '3.10.4-1', '3.10.4-1', async (harness) => {
    const [subscriber, publisher] = await pair(harness, harness.topic('+'), 1);
    await subscriber.unsubscribe(harness.topic('x'), harness.topic('#'));
    await publisher.publish(harness.topic('x'), 'still', { qos: 1 });
    await subscriber.message('still');
    await subscriber.unsubscribe(harness.topic('+'));
    await subscriber.subscribe({ topic: harness.topic('end'), qos: 1 });
    await publisher.publish(harness.topic('x'), 'no more', { qos: 1 });
    await nothingBefore(subscriber, publisher, harness.topic('end'), 1);
  }),
  ...both('what was being delivered is completed after UNSUBSCRIBE', '3.10.4-3', '3.10.4-3', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    subscriber.answers = false;
    await publisher.publish(topic, 'x', { qos: 2 });
    const { messageId } = await subscriber.message('x');
    await subscriber.unsubscribe(topic);
    subscriber.send({ cmd: 'pubrec', messageId });
    assert.equal((await subscriber.expect('pubrel')).messageId, messageId);
    subscriber.send({ cmd: 'pubcomp', messageId });
    await subscriber.ping();
  }),
  ...both(
    'UNSUBSCRIBE with wrong flags ends the connection',
    '3.10.1-1 2.2.2-2',
    '3.10.1-1 2.1.3-1',
    async (harness) => {
      const client = await harness.connect();
      client.bytes(packet(0xa0, u16(1), none(harness.level), text(harness.topic())));
      return closedBy(client);
    },
  ),
  ...both('UNSUBSCRIBE without a filter ends the connection', '3.10.3-2', '3.10.3-2 4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0xa2, u16(1), none(harness.level)));
    return closedBy(client);
  }),
  v5('no local: nothing that the subscriber itself publishes', '3.8.3-3', async (harness) => {
    const topic = harness.topic();
    const client = await harness.connect();
    await client.subscribe({ topic, qos: 1, nl: true });
    for (const qos of [0, 1, 2]) await client.publish(topic, 'mine', { qos });
    await nothingBefore(client, await harness.connect(), topic, 1);
  }),
  v5('no local holds for the identifier, not the connection', '3.8.3-3', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 1, nl: true });
    before.drop();
    const after = await harness.kept();
    await after.publish(topic, 'mine', { qos: 1 });
    await nothingBefore(after, await harness.connect(), topic, 1);
  }),
  v5('no local on a shared subscription ends the connection', '3.8.3-4', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), 0, text(`$share/g/${harness.topic()}`), 0x05));
    return closedBy(client);
  }),
  v5('subscription identifiers come with what they matched', '3.3.4-3 3.3.4-4 3.3.4-5', async (harness) => {
    const subscriber = await harness.connect();
    await subscriber.subscribeWith({ subscriptionIdentifier: 7 }, { topic: harness.topic('a'), qos: 1 });
    await subscriber.subscribeWith({ subscriptionIdentifier: 268_435_455 }, { topic: harness.topic('+'), qos: 1 });
    await subscriber.subscribe({ topic: harness.topic('b'), qos: 1 });
    const publisher = await harness.connect();
    const seen = async (name: string): Promise<number[]> => {
      await publisher.publish(harness.topic(name), 'x', { qos: 1 });
      await publisher.publish(harness.topic('c'), 'end', { qos: 1 });
      const ids: number[] = [];
      for (;;) {
        const got = await subscriber.expect('publish');
        const found = got.properties['subscriptionIdentifier'] as number | number[] | undefined;
        if (got.payload.toString() === 'end') return ids.sort((a, b) => a - b);
        if (found !== undefined) ids.push(...[found].flat());
      }
    };
    assert.deepEqual(await seen('a'), [7, 268_435_455]);
    assert.deepEqual(await seen('b'), [268_435_455]);
  }),
  v5('a new SUBSCRIBE replaces the identifier as well', '3.8.4-3 3.3.4-3', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect();
    const publisher = await harness.connect();
    for (const [properties, expected] of [
      [{ subscriptionIdentifier: 1 }, 1],
      [{ subscriptionIdentifier: 2 }, 2],
      [{}, undefined],
    ] as const) {
      await subscriber.subscribeWith(properties, { topic, qos: 1 });
      await publisher.publish(topic, 'x', { qos: 1 });
      assert.equal((await subscriber.message('x')).properties['subscriptionIdentifier'], expected);
    }
  }),
  v5('subscription identifier 0 ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), section(0x0b, 0), text(harness.topic()), 0));
    return closedBy(client);
  }),
  v5('a subscription identifier survives in a kept session', '3.3.4-3 4.1.0-1', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribeWith({ subscriptionIdentifier: 42 }, { topic, qos: 1 });
    before.drop();
    await (await harness.connect()).publish(topic, 'x', { qos: 1 });
    const after = await harness.kept();
    assert.equal((await after.message('x')).properties['subscriptionIdentifier'], 42);
  }),
];

/** The properties of PUBLISH on their way [3.3.2.3], and how they are checked. */
import { strict as assert } from 'node:assert';
import { type Scenario, v5 } from '../../scenario.ts';
import { join, packet, propertiesOf, publish, text, u16, u32 } from '../../wire.ts';
import { closedBy, nothingBefore, pair, pass } from '../steps.ts';

const userProperty = (name: string, value: string): Buffer => join(0x26, text(name), text(value));
/** A scenario in which a PUBLISH with these properties ends the connection. */
const ends = (name: string, checks: string, properties: readonly (number | Buffer)[], qos = 0): Scenario =>
  v5(name, checks, async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(5, 0x30 | (qos << 1), harness.topic(), qos > 0 ? 1 : undefined, 'x', [join(...properties)]));
    return closedBy(client);
  });

export const PROPERTIES: readonly Scenario[] = [
  v5('all that a message carries comes out as it went in', '3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-20', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const properties = {
      payloadFormatIndicator: true,
      responseTopic: 'antwort/größe',
      correlationData: every,
      contentType: 'text/plain; charset=utf-8',
    };
    for (const qos of [0, 1, 2]) {
      await publisher.publish(topic, 'Text', { qos, properties });
      const got = (await subscriber.message('Text')).properties;
      for (const [name, value] of Object.entries(properties)) assert.deepEqual(got[name], value, name);
    }
    await publisher.publish(topic, 'bytes', { properties: { payloadFormatIndicator: false } });
    const plain = (await subscriber.message('bytes')).properties;
    assert.ok([undefined, false].includes(plain['payloadFormatIndicator'] as undefined));
    assert.equal(plain['contentType'], undefined);
  }),
  v5('user properties keep their order, and come as often as they were given', '3.3.2-17 3.3.2-18', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    const sent = [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
      ['', ''],
      ['Ü', '日本'],
      ['a', '2'],
    ] as const;
    for (const first of [0x30, 0x32]) {
      publisher.bytes(
        publish(
          5,
          first,
          topic,
          first === 0x32 ? 5 : undefined,
          'x',
          sent.map(([n, v]) => userProperty(n, v)),
        ),
      );
      const got = propertiesOf((await subscriber.message('x')).bytes);
      assert.deepEqual(
        got.filter(([id]) => id === 0x26).map(([, value]) => value),
        sent.map((p) => [...p]),
      );
    }
  }),
  v5('user properties survive in a kept session', '3.3.2-17 3.3.2-18 4.1.0-1', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 1 });
    before.drop();
    const publisher = await harness.connect();
    publisher.bytes(
      publish(5, 0x32, topic, 1, 'x', [userProperty('z', '1'), userProperty('a', '2'), userProperty('z', '3')]),
    );
    await publisher.expect('puback');
    const after = await harness.kept();
    const got = propertiesOf((await after.message('x')).bytes).filter(([id]) => id === 0x26);
    assert.deepEqual(
      got.map(([, value]) => value),
      [
        ['z', '1'],
        ['a', '2'],
        ['z', '3'],
      ],
    );
  }),
  v5('the expiry that is left is what a subscriber is told', '3.3.2-6', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 1 });
    before.drop();
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 1, properties: { messageExpiryInterval: 100 } });
    await pass(2_100);
    const left = (await (await harness.kept()).message('x')).properties['messageExpiryInterval'] as number;
    assert.ok(left >= 96 && left <= 98, `${left} s left`);
  }),
  v5('what has expired is not delivered', '3.3.2-5', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 2 });
    before.drop();
    const publisher = await harness.connect();
    for (const qos of [1, 2])
      await publisher.publish(topic, 'stale', { qos, properties: { messageExpiryInterval: 1 } });
    await publisher.publish(topic, 'fresh', { qos: 1, properties: { messageExpiryInterval: 60 } });
    await publisher.publish(topic, 'lasting', { qos: 1 });
    await pass(2_100);
    const after = await harness.kept();
    await after.message('fresh');
    await after.message('lasting');
    await nothingBefore(after, publisher, topic, 1);
  }),
  v5('a QoS 2 message that was sent does not expire', '4.3.3-7 4.3.3-13', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    before.answers = false;
    await before.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 2, properties: { messageExpiryInterval: 1 } });
    const { messageId } = await before.message('x');
    before.drop();
    await pass(2_100);
    const after = await harness.kept('k', { answers: false });
    const again = await after.message('x');
    assert.deepEqual([again.messageId, again.dup], [messageId, true]);
    after.send({ cmd: 'pubrec', messageId });
    await after.expect('pubrel');
    after.send({ cmd: 'pubcomp', messageId });
    await after.ping();
  }),
  v5('a publisher goes on with QoS 2 whose message has expired', '4.3.3-13', async (harness) => {
    const topic = harness.topic();
    const keeper = await harness.kept();
    await keeper.subscribe({ topic, qos: 2 });
    keeper.drop();
    const publisher = await harness.connect();
    publisher.send({
      cmd: 'publish',
      topic,
      payload: 'x',
      qos: 2,
      messageId: 6,
      properties: { messageExpiryInterval: 1 },
    });
    await publisher.expect('pubrec');
    await pass(1_500);
    publisher.send({ cmd: 'pubrel', messageId: 6 });
    assert.equal((await publisher.expect('pubcomp')).messageId, 6);
  }),
  v5('an expiry that is not given is not made up', '3.3.2-6', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    await publisher.publish(topic, 'x', { qos: 1 });
    assert.equal((await subscriber.message('x')).properties['messageExpiryInterval'], undefined);
  }),
  v5('request and answer', '3.3.2-15 3.3.2-16', async (harness) => {
    const requests = harness.topic('requests');
    const answers = harness.topic('answers');
    const [server, client] = await pair(harness, requests, 1);
    await client.subscribe({ topic: answers, qos: 1 });
    const properties = { responseTopic: answers, correlationData: Buffer.from('17') };
    await client.publish(requests, 'sum 1 2', { qos: 1, properties });
    const request = await server.message('sum 1 2');
    const correlationData = request.properties['correlationData'];
    await server.publish(request.properties['responseTopic'] as string, '3', {
      qos: 1,
      properties: { correlationData },
    });
    assert.deepEqual((await client.message('3')).properties['correlationData'], Buffer.from('17'));
  }),
  ends('a wildcard in the response topic', '3.3.2-14', [join(0x08, text('a/+'))]),
  ends('a response topic that is not UTF-8', '3.3.2-13 1.5.4-1', [join(0x08, text(Buffer.from([0xff])))]),
  ends('a content type that is not UTF-8', '3.3.2-19 1.5.4-1', [join(0x03, text(Buffer.from([0x61, 0xc3])))]),
  ends('a user property that is not UTF-8', '1.5.7-1', [join(0x26, text('n'), text(Buffer.from([0xed, 0xa0, 0x80])))]),
  ends('a user property with U+0000', '1.5.7-1 1.5.4-2', [join(0x26, text('n\0'), text('v'))]),
  ends('a subscription identifier from a client', '3.3.4-6', [0x0b, 1]),
  ends('a content type twice', '4.13.1-1', [join(0x03, text('a'), 0x03, text('b'))], 1),
  ends('a message expiry twice', '4.13.1-1', [join(0x02, u32(1), 0x02, u32(2))]),
  ends('a property that does not exist', '4.13.1-1', [0x7f, 0]),
  ends('a property of another packet', '4.13.1-1', [0x21, 0, 1]),
  ends('a payload format that is neither 0 nor 1', '4.13.1-1', [0x01, 2]),
  v5('a length of properties in more bytes than it needs', '1.5.5-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x30, text(harness.topic()), 0x80, 0x00, 'x'));
    return closedBy(client);
  }),
  v5('a property that ends behind its section', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x32, text(harness.topic()), u16(1), 3, 0x03, u16(40), 'x'.repeat(40)));
    return closedBy(client);
  }),
  v5('a section of properties that ends behind its packet', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x32, text(harness.topic()), u16(1), 40, 0x03));
    return closedBy(client);
  }),
];

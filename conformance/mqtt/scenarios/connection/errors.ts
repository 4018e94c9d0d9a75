/** What is malformed or out of turn, text that is none, DISCONNECT and AUTH [1.5, 2, 3.12 to 3.15, 4.12, 4.13]. */
import { strict as assert } from 'node:assert';
import { codeOf, hex } from '../../received.ts';
import { both, type Scenario, v4, v5 } from '../../scenario.ts';
import { connect, join, none, packet, publish, section, text, u16 } from '../../wire.ts';
import { closedBy, nothingBefore, pair, refused } from '../steps.ts';

/** A scenario in which these bytes, sent on an open connection, end it; and another connection does not notice. */
const breaks = (
  name: string,
  checks4: string,
  checks5: string,
  bytes: (level: number, topic: string) => Buffer,
): Scenario[] =>
  both(name, checks4, checks5, async (harness) => {
    const [watcher, publisher] = await pair(harness, harness.topic('calm'), 1);
    const client = await harness.connect();
    client.bytes(bytes(harness.level, harness.topic()));
    const how = await closedBy(client);
    await nothingBefore(watcher, publisher, harness.topic('calm'), 1);
    return how;
  });

const ILL_FORMED: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['an overlong form', [0xc0, 0xaf]],
  ['a sequence that ends early', [0xe2, 0x82]],
  ['a stray continuation', [0x80]],
  ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
];

export const ERRORS: readonly Scenario[] = [
  ...ILL_FORMED.flatMap(([name, bytes]) =>
    breaks(`a topic with ${name}`, '1.5.3-1 3.3.2-1', '1.5.4-1 3.3.2-1', (level, topic) =>
      publish(level, 0x32, join(topic, bytes), 1, 'x'),
    ),
  ),
  ...breaks('a topic with U+0000', '1.5.3-2 4.7.3-2', '1.5.4-2 4.7.3-2', (level, topic) =>
    publish(level, 0x32, `${topic}\0`, 1, 'x'),
  ),
  ...breaks('a filter that is not UTF-8', '3.8.3-1 1.5.3-1', '3.8.3-1 1.5.4-1', (level, topic) =>
    packet(0x82, u16(1), none(level), text(join(topic, 0xff)), 0),
  ),
  ...breaks('a filter with U+0000', '4.7.3-2 1.5.3-2', '4.7.3-2 1.5.4-2', (level, topic) =>
    packet(0x82, u16(1), none(level), text(`${topic}\0`), 0),
  ),
  ...breaks('a filter that is not UTF-8, in UNSUBSCRIBE', '3.10.3-1 1.5.3-1', '3.10.3-1 1.5.4-1', (level, topic) =>
    packet(0xa2, u16(1), none(level), text(join(topic, 0xff))),
  ),
  ...both('U+FEFF is a character like any other', '1.5.3-3', '1.5.4-3', async (harness) => {
    const marked = harness.topic('\ufeffx');
    const [subscriber, publisher] = await pair(harness, marked, 1);
    await publisher.publish(harness.topic('x'), 'unmarked', { qos: 1 });
    await publisher.publish(marked, 'marked', { qos: 1 });
    assert.equal((await subscriber.message('marked')).topic, marked);
  }),
  ...both('a topic of 65,535 bytes', '4.7.3-3', '4.7.3-3', async (harness) => {
    const topic = harness.topic().padEnd(65_535, 'x');
    const [subscriber, publisher] = await pair(harness, topic, 1);
    await publisher.publish(topic, 'long', { qos: 1 });
    assert.equal((await subscriber.message('long')).topic, topic);
  }),
  ...breaks('packet type 0', '4.8.0-1', '4.13.1-1', () => packet(0x00)),
  v4('packet type 15 ends the connection', '4.8.0-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0xf0));
    return closedBy(client);
  }),
  ...breaks('a CONNACK from a client', '4.8.0-1', '4.13.1-1', (level) => packet(0x20, 0, 0, none(level))),
  ...breaks('a SUBACK from a client', '4.8.0-1', '4.13.1-1', (level) => packet(0x90, u16(1), none(level), 0)),
  ...breaks('an UNSUBACK from a client', '4.8.0-1', '4.13.1-1', (level) =>
    packet(0xb0, u16(1), none(level), level === 5 ? 0 : []),
  ),
  ...breaks('a PINGRESP from a client', '4.8.0-1', '4.13.1-1', () => packet(0xd0)),
  ...breaks('a remaining length of five bytes', '4.8.0-1', '1.5.5-1 4.13.1-1', () =>
    Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]),
  ),
  ...breaks('PINGREQ with flags', '2.2.2-1 2.2.2-2', '2.1.3-1', () => packet(0xc1)),
  ...breaks('PINGREQ with a payload', '4.8.0-1', '4.13.1-1', () => packet(0xc0, 1)),
  ...breaks('PUBACK with flags', '2.2.2-1 2.2.2-2', '2.1.3-1', () => packet(0x41, u16(1))),
  ...breaks('PUBREC with flags', '2.2.2-1 2.2.2-2', '2.1.3-1', () => packet(0x52, u16(1))),
  ...breaks('PUBCOMP with flags', '2.2.2-1 2.2.2-2', '2.1.3-1', () => packet(0x7f, u16(1))),
  ...breaks('DISCONNECT with flags', '3.14.1-1 2.2.2-2', '3.14.1-1', () => packet(0xe1)),
  ...breaks('PUBACK of one byte', '4.8.0-1', '4.13.1-1', () => packet(0x40, 1)),
  ...breaks('a PUBLISH that ends within its topic', '4.8.0-1', '4.13.1-1', () => packet(0x30, u16(20), 'short')),
  ...breaks('a PUBLISH that ends before its identifier', '4.8.0-1', '4.13.1-1', (_, topic) =>
    packet(0x32, text(topic), 1),
  ),
  ...breaks('a SUBSCRIBE that ends before its QoS', '4.8.0-1', '4.13.1-1', (level, topic) =>
    packet(0x82, u16(1), none(level), text(topic)),
  ),
  ...both('PINGREQ is answered', '3.12.4-1', '3.12.4-1', async (harness) => {
    const client = await harness.connect();
    for (let i = 0; i < 3; i++) client.send({ cmd: 'pingreq' });
    for (let i = 0; i < 3; i++) assert.deepEqual((await client.expect('pingresp')).bytes, Buffer.from([0xd0, 0]));
  }),
  ...both('packets cut at every byte are the same packets', '4.3.2-2', '4.3.2-4', async (harness) => {
    const topic = harness.topic();
    const client = await harness.open();
    const all = Buffer.concat([
      client.connectPacket({ clientId: harness.id() }),
      client.encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] }),
      client.encode({ cmd: 'publish', topic, payload: 'piecemeal', qos: 1, messageId: 2 }),
    ]);
    for (const byte of all) {
      client.bytes(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.expect('connack');
    assert.equal((await client.expectAmong('suback')).messageId, 1);
    assert.equal((await client.expectAmong('puback')).messageId, 2);
    assert.equal((await client.expectAmong('publish')).payload.toString(), 'piecemeal');
  }),
  ...both('the server closes after DISCONNECT', '3.14.4-3', '3.14.4-3', async (harness) => {
    const client = await harness.connect();
    client.send({ cmd: 'disconnect', reasonCode: 0 });
    assert.equal(await client.ended(), 'closed');
  }),
  ...both('nothing behind DISCONNECT is done', '3.14.4-3', '3.14.4-3', async (harness) => {
    const topic = harness.topic();
    const [watcher, publisher] = await pair(harness, topic, 1);
    const client = await harness.connect();
    client.bytes(packet(0xe0), publish(harness.level, 0x30, topic, undefined, 'late'));
    await client.ended();
    await nothingBefore(watcher, publisher, topic, 1);
  }),
  v5('DISCONNECT with a reason that there is not', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0xe0, 0x33));
    return client.ended();
  }),
  v5(
    'the reason of a DISCONNECT from the server is one of its own',
    '3.14.2-1 3.14.2-2 3.14.4-1 3.14.4-2 4.13.2-1',
    async (harness) => {
      const client = await harness.connect();
      client.bytes(publish(5, 0x36, harness.topic(), 1, 'x'));
      const bye = await client.expect('disconnect');
      const known = [0x81, 0x82, 0x9b];
      assert.ok(known.includes(codeOf(bye)), hex(codeOf(bye)));
      assert.equal(bye.properties?.['sessionExpiryInterval'], undefined);
      assert.equal(await client.ended(), 'closed');
      return hex(codeOf(bye));
    },
  ),
  v5('an authentication method that is not known', '4.12.0-1 4.13.2-1', async (harness) => {
    const client = await harness.open();
    client.bytes(
      client.connectPacket({ clientId: harness.id(), properties: { authenticationMethod: 'NO-SUCH-METHOD' } }),
    );
    const how = await refused(client);
    assert.match(how, /^(CONNACK 0x8[7c], )?closed$/);
    return how;
  }),
  v5('no AUTH and no method without one asked for', '4.12.0-6', async (harness) => {
    const client = await harness.connect();
    assert.equal(client.connack.properties['authenticationMethod'], undefined);
    assert.equal(client.connack.properties['authenticationData'], undefined);
    await client.ping();
    assert.deepEqual(client.waiting, []);
  }),
  v5('AUTH from a client that named no method ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.send({ cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod: 'SCRAM-SHA-256' } });
    return closedBy(client);
  }),
  v5('AUTH with flags ends the connection', '3.15.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0xf1, 0x19, section(0x15, text('SCRAM-SHA-256'))));
    return closedBy(client);
  }),
  v5('authentication data without a method', '3.1.4-1', async (harness) => {
    const client = await harness.open();
    client.bytes(connect({ level: 5, properties: [0x16, ...text('data')] }));
    return refused(client);
  }),
];

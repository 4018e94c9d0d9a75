/** Corners of 5.0 that clients rarely turn: small packets, overlapping subscriptions, acknowledgements out of turn. */
import type * as wire from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { type Harness, publish1, startHarness, text } from '../harness.ts';
import type { RawClient } from '../raw-client.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ responseTopicPrefix: 'answers/', receiveMax: 500 });
});
afterEach(() => harness.broker.close());

describe('no answer is longer than the client takes [MQTT5-3.1.2-24]', () => {
  // CONNACK 5, receive maximum 3, packet size 5, topic aliases 3, response information 3 + 9.
  it.each<[number, object]>([
    [
      28,
      { receiveMaximum: 500, maximumPacketSize: 134283272, topicAliasMaximum: 1000, responseInformation: 'answers/c' },
    ],
    [27, { receiveMaximum: 500, maximumPacketSize: 134283272, topicAliasMaximum: 1000 }],
    [16, { receiveMaximum: 500, maximumPacketSize: 134283272, topicAliasMaximum: 1000 }],
    [15, { receiveMaximum: 500, maximumPacketSize: 134283272 }],
    [13, { receiveMaximum: 500, maximumPacketSize: 134283272 }],
    [12, { receiveMaximum: 500 }],
    [8, { receiveMaximum: 500 }],
  ])('CONNACK of at most %i bytes', async (maximumPacketSize, properties) => {
    const client = await harness.connect('c', { maximumPacketSize, requestResponseInformation: true });
    expect(client.connack!.properties).toEqual(properties);
  });

  it('a client that cannot be told what it must know is not let in, and its will not taken', async () => {
    const watcher = await harness.connect('w');
    await watcher.subscribe('will', 0);
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 0 as const, retain: false };
    await expect(harness.connect('c', { maximumPacketSize: 7 }, { will })).rejects.toThrow('closed before a connack');
    await expect(harness.connect('', { maximumPacketSize: 20 })).rejects.toThrow('closed before a connack');
    await watcher.settle();
    expect(watcher.packets).toEqual([]);
  });

  const filters = (count: number) => Array.from({ length: count }, (_, i) => ({ topic: `f${i}`, qos: 0 as const }));
  it('SUBACK and UNSUBACK', async () => {
    const client = await harness.connect('c', { maximumPacketSize: 15 });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(10) } as wire.Packet);
    expect((await client.next('suback')).length).toBe(13);
    client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: filters(10).map((f) => f.topic) });
    await client.next('unsuback');
    client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: filters(11).map((f) => f.topic) });
    expect((await client.next('disconnect')).reasonCode).toBe(0x95);
    const other = await harness.connect('o', { maximumPacketSize: 15 });
    other.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(11) } as wire.Packet);
    expect((await other.next('disconnect')).reasonCode).toBe(0x95);
  });
});

describe('no local beside another subscription', () => {
  async function both(first: 'own' | 'all'): Promise<RawClient> {
    const client = await harness.connect('c');
    const own = () =>
      client.subscribe('sq/t', 2, 1, { nl: true, rap: true }, {
        subscriptionIdentifier: 1,
      } as wire.ISubscribePacket['properties']);
    const all = () =>
      client.subscribe('sq/+', 0, 2, {}, { subscriptionIdentifier: 2 } as wire.ISubscribePacket['properties']);
    await (first === 'own' ? own() : all());
    await (first === 'own' ? all() : own());
    return client;
  }
  it.each(['own', 'all'] as const)('the one that grants a message says how it comes (%s first)', async (first) => {
    const client = await both(first);
    for (const retain of [false, true]) {
      client.publish('sq/t', 'mine', 2, 5, { retain });
      await client.next('pubrec');
      client.send({ cmd: 'pubrel', messageId: 5 });
      const mine = await client.next('publish');
      expect([mine.qos, mine.retain, mine.properties?.subscriptionIdentifier]).toEqual([0, false, 2]);
    }
    const other = await harness.connect('other');
    other.publish('sq/t', 'theirs', 2, 5, { retain: true });
    const theirs = await client.next('publish');
    expect([text(theirs), theirs.qos, theirs.retain]).toEqual(['theirs', 2, true]);
    expect(theirs.properties?.subscriptionIdentifier).toHaveLength(2);
  });

  it('identifiers of several that grant it are those, and not of the other', async () => {
    const client = await harness.connect('c');
    for (const [i, filter] of ['a/b', 'a/+', 'a/#'].entries()) {
      const properties = { subscriptionIdentifier: i + 1 } as wire.ISubscribePacket['properties'];
      await client.subscribe(filter, 1, i + 1, { nl: i === 0 }, properties);
    }
    expect(await publish1(client, 'a/b', 'mine')).toBe(0);
    expect((await client.next('publish')).properties?.subscriptionIdentifier).toEqual([2, 3]);
    expect(await publish1(await harness.connect('other'), 'a/b', 'theirs')).toBe(0);
    expect((await client.next('publish')).properties?.subscriptionIdentifier).toEqual([1, 2, 3]);
  });
});

describe('an acknowledgement', () => {
  async function holding(qos: 1 | 2): Promise<[RawClient, number]> {
    const client = await harness.connect('c');
    await client.subscribe('t', 2);
    (await harness.connect('p')).publish('t', 'x', qos, 1);
    return [client, (await client.next('publish')).messageId!];
  }
  it.each<[wire.Packet['cmd'], 1 | 2]>([
    ['pubrec', 1],
    ['pubcomp', 1],
    ['puback', 2],
    ['pubcomp', 2],
  ])('%s of a QoS %i message breaks the protocol', async (cmd, qos) => {
    const [client, messageId] = await holding(qos);
    client.send({ cmd, messageId } as wire.Packet);
    expect((await client.next('disconnect')).reasonCode).toBe(0x82);
  });
  it('PUBACK after PUBREC does, too', async () => {
    const [client, messageId] = await holding(2);
    client.send({ cmd: 'pubrec', messageId });
    await client.next('pubrel');
    client.send({ cmd: 'puback', messageId });
    expect((await client.next('disconnect')).reasonCode).toBe(0x82);
  });
  it('of nothing is passed over and counted; only PUBREC is answered, unless it refuses', async () => {
    const client = await harness.connect('c');
    for (const cmd of ['puback', 'pubcomp'] as const) client.send({ cmd, messageId: 77 });
    client.send({ cmd: 'pubrec', messageId: 77, reasonCode: 0x80 });
    client.send({ cmd: 'pubrec', messageId: 78 });
    const { messageId, reasonCode } = await client.next('pubrel');
    expect([messageId, reasonCode]).toEqual([78, 0x92]);
    await client.settle();
    expect(client.packets).toEqual([]);
    expect(harness.adapter.stats.unexpectedAcks).toBe(4);
  });
  it('of a message of a former connection is passed over', async () => {
    const first = await harness.connect('k', { sessionExpiryInterval: 100 });
    await first.subscribe('t', 1);
    (await harness.connect('p')).publish('t', 'x', 1, 1);
    const { messageId } = await first.next('publish');
    await first.vanish();
    const again = await harness.connect('k', { sessionExpiryInterval: 100 }, { clean: false });
    again.send({ cmd: 'puback', messageId: messageId! });
    await again.settle();
    expect(again.closed).toBe(false);
  });
});

describe('a user name of no length is none', () => {
  it.each([
    ['with a password', Buffer.from('anything')],
    ['without', undefined],
  ])('%s', async (_, password) => {
    for (const connect of [
      harness.connect311('c', { username: '', ...(password && { password }) }),
      harness.connect('d', {}, { username: '', ...(password && { password }) }),
    ]) {
      const client = await connect;
      await client.leave();
    }
    await until(() => harness.broker.connections === 0, 'all to be gone');
  });
});

/** Corners of 5.0 that clients rarely turn: small packets, overlapping subscriptions, acknowledgements out of turn. */
import type * as wire from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { publish1, type Stage, stage, text } from '../harness.ts';
import type { Peer } from '../raw-client.ts';

let house: Stage;
beforeEach(async () => {
  house = await stage({ responseTopicPrefix: 'answers/', receiveMax: 500 });
});
afterEach(() => house.broker.close());

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
    const peer = await house.connect('c', { maximumPacketSize, requestResponseInformation: true });
    expect(peer.connack!.properties).toEqual(properties);
  });

  it('a client that cannot be told what it must know is not let in, and its will not taken', async () => {
    const watcher = await house.connect('w');
    await watcher.subscribe('will', 0);
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 0 as const, retain: false };
    await expect(house.connect('c', { maximumPacketSize: 7 }, { will })).rejects.toThrow('closed before a connack');
    await expect(house.connect('', { maximumPacketSize: 20 })).rejects.toThrow('closed before a connack');
    await watcher.settle();
    expect(watcher.packets).toEqual([]);
  });

  const filters = (count: number) => Array.from({ length: count }, (_, i) => ({ topic: `f${i}`, qos: 0 as const }));
  it('SUBACK and UNSUBACK', async () => {
    const peer = await house.connect('c', { maximumPacketSize: 15 });
    peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(10) } as wire.Packet);
    expect((await peer.next('suback')).length).toBe(13);
    peer.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: filters(10).map((f) => f.topic) });
    await peer.next('unsuback');
    peer.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: filters(11).map((f) => f.topic) });
    expect((await peer.next('disconnect')).reasonCode).toBe(0x95);
    const other = await house.connect('o', { maximumPacketSize: 15 });
    other.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(11) } as wire.Packet);
    expect((await other.next('disconnect')).reasonCode).toBe(0x95);
  });
});

describe('no local beside another subscription', () => {
  async function both(first: 'own' | 'all'): Promise<Peer> {
    const peer = await house.connect('c');
    const own = () =>
      peer.subscribe('sq/t', 2, 1, { nl: true, rap: true }, {
        subscriptionIdentifier: 1,
      } as wire.ISubscribePacket['properties']);
    const all = () =>
      peer.subscribe('sq/+', 0, 2, {}, { subscriptionIdentifier: 2 } as wire.ISubscribePacket['properties']);
    await (first === 'own' ? own() : all());
    await (first === 'own' ? all() : own());
    return peer;
  }
  it.each(['own', 'all'] as const)('the one that grants a message says how it comes (%s first)', async (first) => {
    const peer = await both(first);
    for (const retain of [false, true]) {
      peer.publish('sq/t', 'mine', 2, 5, { retain });
      await peer.next('pubrec');
      peer.send({ cmd: 'pubrel', messageId: 5 });
      const mine = await peer.next('publish');
      expect([mine.qos, mine.retain, mine.properties?.subscriptionIdentifier]).toEqual([0, false, 2]);
    }
    const other = await house.connect('other');
    other.publish('sq/t', 'theirs', 2, 5, { retain: true });
    const theirs = await peer.next('publish');
    expect([text(theirs), theirs.qos, theirs.retain]).toEqual(['theirs', 2, true]);
    expect(theirs.properties?.subscriptionIdentifier).toHaveLength(2);
  });

  it('identifiers of several that grant it are those, and not of the other', async () => {
    const peer = await house.connect('c');
    for (const [i, filter] of ['a/b', 'a/+', 'a/#'].entries()) {
      const properties = { subscriptionIdentifier: i + 1 } as wire.ISubscribePacket['properties'];
      await peer.subscribe(filter, 1, i + 1, { nl: i === 0 }, properties);
    }
    expect(await publish1(peer, 'a/b', 'mine')).toBe(0);
    expect((await peer.next('publish')).properties?.subscriptionIdentifier).toEqual([2, 3]);
    expect(await publish1(await house.connect('other'), 'a/b', 'theirs')).toBe(0);
    expect((await peer.next('publish')).properties?.subscriptionIdentifier).toEqual([1, 2, 3]);
  });
});

describe('an acknowledgement', () => {
  async function holding(qos: 1 | 2): Promise<[Peer, number]> {
    const peer = await house.connect('c');
    await peer.subscribe('t', 2);
    (await house.connect('p')).publish('t', 'x', qos, 1);
    return [peer, (await peer.next('publish')).messageId!];
  }
  it.each<[wire.Packet['cmd'], 1 | 2]>([
    ['pubrec', 1],
    ['pubcomp', 1],
    ['puback', 2],
    ['pubcomp', 2],
  ])('%s of a QoS %i message breaks the protocol', async (cmd, qos) => {
    const [peer, messageId] = await holding(qos);
    peer.send({ cmd, messageId } as wire.Packet);
    expect((await peer.next('disconnect')).reasonCode).toBe(0x82);
  });
  it('PUBACK after PUBREC does, too', async () => {
    const [peer, messageId] = await holding(2);
    peer.send({ cmd: 'pubrec', messageId });
    await peer.next('pubrel');
    peer.send({ cmd: 'puback', messageId });
    expect((await peer.next('disconnect')).reasonCode).toBe(0x82);
  });
  it('of nothing is passed over and counted; only PUBREC is answered, unless it refuses', async () => {
    const peer = await house.connect('c');
    for (const cmd of ['puback', 'pubcomp'] as const) peer.send({ cmd, messageId: 77 });
    peer.send({ cmd: 'pubrec', messageId: 77, reasonCode: 0x80 });
    peer.send({ cmd: 'pubrec', messageId: 78 });
    const { messageId, reasonCode } = await peer.next('pubrel');
    expect([messageId, reasonCode]).toEqual([78, 0x92]);
    await peer.settle();
    expect(peer.packets).toEqual([]);
    expect(house.adapter.stats.unexpectedAcks).toBe(4);
  });
  it('of a message of a former connection is passed over', async () => {
    const first = await house.connect('k', { sessionExpiryInterval: 100 });
    await first.subscribe('t', 1);
    (await house.connect('p')).publish('t', 'x', 1, 1);
    const { messageId } = await first.next('publish');
    await first.vanish();
    const again = await house.connect('k', { sessionExpiryInterval: 100 }, { clean: false });
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
      house.connect311('c', { username: '', ...(password && { password }) }),
      house.connect('d', {}, { username: '', ...(password && { password }) }),
    ]) {
      const peer = await connect;
      await peer.leave();
    }
    await until(() => house.broker.connections === 0, 'all to be gone');
  });
});

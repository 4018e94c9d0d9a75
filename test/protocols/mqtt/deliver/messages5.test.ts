/** Messages between clients of 5.0: properties, aliases, expiry, sizes, reasons. */
import type * as wire from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { until } from '../../../support/until.ts';
import { type Harness, publish1, startHarness, text } from '../harness.ts';

let clock: ManualClock;
let harness: Harness;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await startHarness({ checkPayloadFormat: true }, { clock });
});
afterEach(() => harness.broker.close());

const whole = {
  payloadFormatIndicator: true,
  contentType: 'text/plain',
  responseTopic: 'answers/here',
  correlationData: Buffer.from([0, 1, 255]),
  userProperties: { b: ['2', '1'], a: 'x' },
};

describe('properties', () => {
  it.each<[string, 0 | 1 | 2]>([
    ['directly', 0],
    ['with QoS 1', 1],
    ['with QoS 2', 2],
  ])('arrive as they were sent, %s', async (_, qos) => {
    const client = await harness.connect('c');
    await client.subscribe('t', 2);
    client.publish('t', 'hello', qos, 1, { properties: whole });
    const got = await client.next('publish');
    expect(text(got)).toBe('hello');
    expect(got.properties).toEqual(whole);
  });

  it('keep their order and repetitions, byte by byte', async () => {
    const client = await harness.connect('c');
    await client.subscribe('t', 0);
    const properties = Buffer.from(
      '26000178000131' + '26000179000132' + '26000178000131' + '26000178000133' + '03000161' + '2600000000',
      'hex',
    );
    const body = Buffer.concat([Buffer.from([0, 1, 0x74, properties.length]), properties, Buffer.from('x')]);
    const seen: Buffer[] = [];
    (client as unknown as { socket: NodeJS.EventEmitter }).socket.on('data', (chunk: Buffer) => seen.push(chunk));
    client.raw(Buffer.concat([Buffer.from([0x30, body.length]), body]));
    await client.next('publish');
    expect(Buffer.concat(seen).includes(properties)).toBe(true);
  });

  it('are left out for a client of 3.1.1, and counted', async () => {
    const old = await harness.connect311('old');
    await old.subscribe('t', 1);
    const client = await harness.connect('c');
    const before = harness.adapter.stats.lossyConversions;
    await publish1(client, 't', 'hello', whole);
    expect(text(await old.next('publish'))).toBe('hello');
    expect(harness.adapter.stats.lossyConversions).toBe(before + 1);
  });

  it('do not stick to what a client of 3.1.1 publishes next', async () => {
    const client = await harness.connect('c');
    await client.subscribe('t', 1);
    await publish1(client, 't', 'first', { ...whole, messageExpiryInterval: 10 });
    expect((await client.next('publish')).properties).toMatchObject({ contentType: 'text/plain' });
    const old = await harness.connect311('old');
    old.publish('t', 'second', 1, 1);
    const got = await client.next('publish');
    expect([text(got), got.properties]).toEqual(['second', undefined]);
  });

  it('go with large bodies too', async () => {
    const client = await harness.connect('c');
    await client.subscribe('t', 1);
    expect(await publish1(client, 't', Buffer.alloc(300_000, 'x'), { ...whole, messageExpiryInterval: 7 })).toBe(0);
    const got = await client.next('publish');
    expect(got.payload.length).toBe(300_000);
    expect(got.properties).toEqual({ ...whole, messageExpiryInterval: 7 });
  });
});

describe('message expiry', () => {
  it('arrives less the time that the message has waited, rounded up [MQTT5-3.3.2-6]', async () => {
    const first = await harness.connect('keeper', { sessionExpiryInterval: 1000 });
    await first.subscribe('t', 1);
    await first.vanish();
    const client = await harness.connect('c');
    expect(await publish1(client, 't', 'x', { messageExpiryInterval: 60 })).toBe(0);
    clock.advance(9_500);
    const again = await harness.connect('keeper', { sessionExpiryInterval: 1000 }, { clean: false });
    expect((await again.next('publish')).properties).toEqual({ messageExpiryInterval: 51 });
  });
});

describe('a topic alias', () => {
  it('stands for its topic from then on, and may be given to another', async () => {
    const client = await harness.connect('c');
    await client.subscribe('#', 0);
    client.publish('long/topic/one', '1', 0, 0, { properties: { topicAlias: 5 } });
    client.publish('', '2', 0, 0, { properties: { topicAlias: 5 } });
    client.publish('two', '3', 0, 0, { properties: { topicAlias: 5 } });
    client.publish('', '4', 0, 0, { properties: { topicAlias: 5 } });
    const got = [];
    for (let i = 0; i < 4; i++) got.push(await client.next('publish'));
    expect(got.map((p) => [p.topic, text(p), p.properties])).toEqual([
      ['long/topic/one', '1', undefined],
      ['long/topic/one', '2', undefined],
      ['two', '3', undefined],
      ['two', '4', undefined],
    ]);
  });

  it('is used towards a client that takes some, within its maximum', async () => {
    const reader = await harness.connect('r', { topicAliasMaximum: 2 });
    await reader.subscribe('#', 1);
    const client = await harness.connect('c');
    const topics = ['aaaa/1', 'aaaa/1', 'bbbb/2', 'cccc/3', 'aaaa/1', 'dddd/4', 'dddd/4', 'x'];
    const known = new Map<number, string>();
    for (const [i, topic] of topics.entries()) {
      client.publish(topic, String(i), (i % 2) as 0 | 1, i + 1);
      const got = await reader.next('publish');
      const alias = got.properties?.topicAlias;
      if (alias !== undefined) {
        expect(alias).toBeLessThanOrEqual(2);
        if (got.topic !== '') known.set(alias, got.topic);
      }
      expect(got.topic === '' ? known.get(alias!) : got.topic).toBe(topic);
      if (i === 1 || i === 6) expect(got.topic).toBe('');
    }
  });

  it.each<[string, wire.IPublishPacket['properties'], string, number]>([
    ['over the maximum', { topicAlias: 1001 }, 't', 0x94],
    ['over the maximum, for a topic,', { topicAlias: 1001 }, '', 0x94],
    ['that was not given', { topicAlias: 7 }, '', 0x82],
  ])('%s ends the connection', async (_, properties, topic, reason) => {
    const client = await harness.connect('c');
    client.publish(topic, 'x', 0, 0, { properties: properties! });
    expect((await client.next('disconnect')).reasonCode).toBe(reason);
    await until(() => client.closed);
  });

  it('of 0 ends the connection with 0x94, no topic and no alias with 0x82', async () => {
    for (const [bytes, reason] of [
      [[0x30, 7, 0, 1, 0x74, 3, 0x23, 0, 0], 0x94],
      [[0x30, 4, 0, 0, 0, 0x78], 0x82],
    ] as const) {
      const client = await harness.connect('c');
      client.raw(Buffer.from(bytes));
      expect((await client.next('disconnect')).reasonCode).toBe(reason);
    }
  });
});

describe('an answer says', () => {
  it('that nobody wanted it (0x10), for QoS 1 and 2', async () => {
    const client = await harness.connect('c');
    expect(await publish1(client, 'nobody', 'x')).toBe(0x10);
    client.publish('nobody', 'x', 2, 2);
    expect((await client.next('pubrec')).reasonCode).toBe(0x10);
    client.send({ cmd: 'pubrel', messageId: 2 });
    expect((await client.next('pubcomp')).reasonCode).toBe(0);
    await client.subscribe('somebody', 0);
    expect(await publish1(client, 'somebody', 'x')).toBe(0);
  });

  it('that a packet identifier is not known (0x92)', async () => {
    const client = await harness.connect('c');
    client.send({ cmd: 'pubrel', messageId: 77 });
    expect((await client.next('pubcomp')).reasonCode).toBe(0x92);
    client.send({ cmd: 'pubrec', messageId: 78 });
    expect((await client.next('pubrel')).reasonCode).toBe(0x92);
  });

  it('that a payload is not the text it was said to be (0x99)', async () => {
    const client = await harness.connect('c');
    await client.subscribe('t', 1);
    expect(await publish1(client, 't', Buffer.from([0xff]), { payloadFormatIndicator: true })).toBe(0x99);
    expect(await publish1(client, 't', Buffer.from('é'), { payloadFormatIndicator: true })).toBe(0);
    expect(text(await client.next('publish'))).toBe('é');
  });

  it('that nobody but the broker publishes under $SYS (0x87)', async () => {
    const client = await harness.connect('c');
    expect(await publish1(client, '$SYS/broker/uptime', 'x')).toBe(0x87);
  });
});

describe('a client that refuses', () => {
  it.each<['puback' | 'pubrec', 1 | 2]>([
    ['puback', 1],
    ['pubrec', 2],
  ])('with %s is not sent the message again, and its identifier is free', async (cmd, qos) => {
    const first = await harness.connect('c', { sessionExpiryInterval: 100, receiveMaximum: 1 });
    await first.subscribe('t', 2);
    const client = await harness.connect('p');
    client.publish('t', 'bad', qos, 1);
    client.publish('t', 'good', qos, 2);
    const bad = await first.next('publish');
    first.send({ cmd, messageId: bad.messageId!, reasonCode: 0x83 } as wire.Packet);
    const good = await first.next('publish');
    expect([text(bad), text(good)]).toEqual(['bad', 'good']);
    await first.vanish();
    const again = await harness.connect('c', { sessionExpiryInterval: 100 }, { clean: false });
    expect(text(await again.next('publish'))).toBe('good');
    await again.settle();
    expect(again.packets).toEqual([]);
  });
});

describe('a client', () => {
  it('is sent no more than its receive maximum', async () => {
    const reader = await harness.connect('r', { receiveMaximum: 2 });
    await reader.subscribe('t', 2);
    const client = await harness.connect('p');
    for (let i = 1; i <= 5; i++) await publish1(client, 't', String(i), {}, i);
    const held = [await reader.next('publish'), await reader.next('publish')];
    await reader.settle();
    expect(reader.packets).toEqual([]);
    reader.send({ cmd: 'puback', messageId: held[0]!.messageId! });
    expect(text(await reader.next('publish'))).toBe('3');
  });

  it('is not sent a packet longer than it takes, and misses nothing else', async () => {
    const reader = await harness.connect('r', { maximumPacketSize: 60 });
    await reader.subscribe('t', 1);
    const other = await harness.connect('o');
    await other.subscribe('t', 0);
    const client = await harness.connect('p');
    for (const qos of [0, 1] as const) {
      client.publish('t', 'x'.repeat(60), qos, 1);
      expect((await other.next('publish')).payload.length).toBe(60);
    }
    await client.next('puback');
    client.publish('t', 'x'.repeat(48), 1, 2);
    expect((await reader.next('publish')).payload.length).toBe(48);
    expect(harness.adapter.stats.oversizeRejected).toBe(1);
    expect(harness.adapter.stats.oversizeDropped).toBe(1);
  });

  it('that has more unanswered than the broker takes is told so (0x93)', async () => {
    await harness.broker.close();
    harness = await startHarness({ receiveMax: 2 });
    const client = await harness.connect('c');
    expect(client.connack?.properties?.receiveMaximum).toBe(2);
    for (let i = 1; i <= 3; i++) client.publish('nobody', 'x', 2, i);
    expect((await client.next('disconnect')).reasonCode).toBe(0x93);
  });
});

describe('a retained message', () => {
  it('that may not be kept is refused with 0x97, and nobody gets it', async () => {
    await harness.broker.close();
    harness = await startHarness({}, { vhosts: { '/': { limits: { retainedMessages: 1 } } } });
    const client = await harness.connect('c');
    await client.subscribe('#', 0);
    client.publish('a', '1', 1, 1, { retain: true });
    expect((await client.next('puback')).reasonCode).toBe(0);
    client.publish('b', '2', 2, 2, { retain: true });
    expect((await client.next('pubrec')).reasonCode).toBe(0x97);
    client.publish('a', '3', 2, 2, { retain: true });
    expect((await client.next('pubrec')).reasonCode).toBe(0);
    const old = await harness.connect311('old');
    old.publish('b', '4', 1, 1, { retain: true });
    await old.next('puback');
    const got = [await client.next('publish'), await client.next('publish'), await client.next('publish')];
    expect(got.map(text)).toEqual(['1', '3', '4']);
    const later = await harness.connect('later');
    await later.subscribe('#', 1);
    expect(text(await later.next('publish'))).toBe('3');
    await later.settle();
    expect(later.packets).toEqual([]);
  });
});

/**
 * A message from a client meets the same rules at every door: 3.1, 3.1.1 and 5.0, in one piece and in many, by topic and by
 * alias, as a PUBLISH and as a will. And what one client's message leaves behind, refused or not, no other client meets.
 */
import type * as wire from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { until } from '../../../support/until.ts';
import { type Harness, openSession, startHarness } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

let clock: ManualClock;
let harness: Harness;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await startHarness(
    { checkPayloadFormat: true, topicLevelsMax: 8, propertiesSizeMax: 1000, sysIntervalMs: 3_600_000 },
    { clock },
  );
});
afterEach(() => harness.broker.close());

type Version = 3 | 4 | 5;
const LARGE = 200_000;

const dial = (clientId: string, version: Version, more: Partial<wire.IConnectPacket> = {}): Promise<RawClient> =>
  RawClient.connect(harness.port, clientId, {
    protocolVersion: version,
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    ...more,
  } as Partial<wire.IConnectPacket>);

const publishes: [Version, number][] = [
  [3, 1],
  [4, 1],
  [5, 1],
  [3, LARGE],
  [4, LARGE],
  [5, LARGE],
];

/** PUBLISH with QoS 1; the reason of its answer, 'closed' if the connection is. */
async function answerTo(client: RawClient, topic: string, bytes: number, more: Partial<wire.IPublishPacket> = {}) {
  client.publish(topic, Buffer.alloc(bytes, 'x'), 1, 7, more);
  try {
    const puback = await client.next('puback');
    return puback.reasonCode ?? 0;
  } catch {
    return 'closed';
  }
}

const queued = async (name: string): Promise<number> => {
  const session = await openSession(harness.broker);
  const { messages } = session.checkQueue(name);
  session.close(true);
  return messages;
};

async function untilQueued(name: string, messages: number): Promise<void> {
  const session = await openSession(harness.broker);
  await until(() => session.checkQueue(name).messages >= messages, `${name} to have ${messages} messages`);
  session.close(true);
}

async function makeQueue(name: string): Promise<void> {
  const session = await openSession(harness.broker);
  session.declareQueue(name, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  session.close(true);
}

describe('a message that is refused leaves nothing for another client', () => {
  // What each of them would leave in an object that is used again: a delay, a time to live, a priority, a group, properties.
  const hints = { 'x-delay': '100000', priority: '9', JMSXGroupID: 'g' };
  const loaded = { messageExpiryInterval: 1, userProperties: hints, contentType: 'left/behind' };
  const refusals: [string, (bad: RawClient) => void, Version][] = [
    ['DUP with QoS 0', (bad) => bad.raw(Buffer.from([0x38, 17, 0, 14, ...Buffer.from('$delayed/100/x'), 0x78])), 4],
    [
      'a payload that is no text',
      (bad) => bad.publish('x', Buffer.from([0xff]), 0, 0, { properties: { ...loaded, payloadFormatIndicator: true } }),
      5,
    ],
    [
      'an alias that is too high',
      (bad) => bad.publish('$delayed/100/x', 'x', 1, 1, { properties: { ...loaded, topicAlias: 60_000 } }),
      5,
    ],
    [
      'a delayed topic that goes nowhere',
      (bad) => bad.publish('$delayed/100/$SYS/x', 'x', 1, 1, { properties: loaded }),
      5,
    ],
    ['one too large', (bad) => bad.raw(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f])), 5],
  ];
  it.each(refusals)('%s', async (_, refused, version) => {
    const reader = await dial('reader', 5);
    await reader.subscribe('good', 1);
    const good = await dial('good', 4);
    const good5 = await dial('good5', 5);
    good5.publish('good', 'named', 0, 0, { properties: { topicAlias: 1 } });
    good.publish('good', 'first', 0);
    await reader.next('publish');
    await reader.next('publish');
    const bad = await dial('bad', version);
    refused(bad);
    await until(() => bad.closed || bad.packets.some((p) => p.cmd === 'puback' || p.cmd === 'disconnect'), 'a refusal');
    // The topic that is known already, by bytes and by alias, small and large.
    good.publish('good', 'again', 1, 1);
    good5.publish('', 'by alias', 1, 1, { properties: { topicAlias: 1 } });
    for (let i = 0; i < 2; i++) expect((await reader.next('publish')).properties).toBeUndefined();
    good.publish('good', Buffer.alloc(LARGE, 'l'), 1, 2);
    good5.publish('', Buffer.alloc(LARGE, 'l'), 1, 2, { properties: { topicAlias: 1 } });
    for (let i = 0; i < 2; i++) expect((await reader.next('publish')).properties).toBeUndefined();
  });
});

describe('DUP with QoS 0', () => {
  it.each(publishes)('in %i, %i bytes: ends the connection, but in 3.1', async (version, bytes) => {
    const reader = await dial('reader', 4);
    await reader.subscribe('t', 0);
    const client = await dial('c', version);
    client.publish('t', Buffer.alloc(bytes, 'x'), 0, 0, { dup: true });
    if (version === 3) expect((await reader.next('publish')).payload.length).toBe(bytes);
    else await until(() => client.closed, 'the broker to close');
    await reader.settle();
    expect(reader.packets).toEqual([]);
  });
});

describe('topics that mean something', () => {
  /** Every way to send one message to a topic, with QoS 1. */
  const doors: [string, (topic: string) => Promise<unknown>][] = [
    ...publishes.map(([version, bytes]): [string, (topic: string) => Promise<unknown>] => [
      `${version}, ${bytes} bytes`,
      async (topic) => answerTo(await dial('c', version), topic, bytes),
    ]),
    ...[1, LARGE].map((bytes): [string, (topic: string) => Promise<unknown>] => [
      `an alias, ${bytes} bytes`,
      async (topic) => {
        const client = await dial('c', 5);
        await answerTo(client, topic, bytes, { properties: { topicAlias: 3 } });
        await answerTo(client, '', bytes, { properties: { topicAlias: 3 } });
        return answerTo(client, '', bytes, { properties: { topicAlias: 3 } });
      },
    ]),
    ...([4, 5] as const).map((version): [string, (topic: string) => Promise<unknown>] => [
      `a will of ${version}`,
      async (topic) => {
        const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: true };
        const client = await dial('w', version, { will } as Partial<wire.IConnectPacket>);
        const { willsDropped } = harness.adapter.stats;
        await client.vanish();
        await (await dial('w', version)).leave(); // so the broker has noticed
        return harness.adapter.stats.willsDropped - willsDropped === 1 ? 'dropped' : 0;
      },
    ]),
  ];
  const dropped = () => harness.adapter.stats.publishesDropped + harness.adapter.stats.willsDropped;

  it.each(doors)("$queue/q, by %s: reaches the queue, and is nobody's retained message", async (_, send) => {
    await makeQueue('q');
    const before = await queued('q');
    await send('$queue/q');
    await untilQueued('q', before + 1);
    const reader = await dial('reader', 4);
    await reader.subscribe('#', 1);
    await reader.subscribe('$queue', 1, 2);
    await reader.settle();
    expect(reader.packets).toEqual([]);
  });

  it.each(doors)('$delayed/5/k, by %s: comes under k, five seconds later', async (_, send) => {
    const reader = await dial('reader', 4);
    await reader.subscribe('#', 1);
    await send('$delayed/5/k');
    await reader.settle();
    expect(reader.packets).toEqual([]);
    clock.advance(5_000);
    expect((await reader.next('publish')).topic).toBe('k');
  });

  it.each(doors)('$delayed/5/$queue/q, by %s: reaches the queue, five seconds later', async (_, send) => {
    await makeQueue('q');
    await send('$delayed/5/$queue/q');
    expect(await queued('q')).toBe(0);
    clock.advance(5_000);
    await untilQueued('q', 1);
  });

  it.each(doors)('what may not be published, by %s: reaches nobody, and is counted', async (what, send) => {
    const reader = await dial('reader', 4);
    await reader.subscribe('#', 1);
    await reader.subscribe('$SYS/broker/version', 1, 2);
    await reader.next('publish');
    for (const topic of [
      '$SYS/broker/version',
      '$SYS',
      '$SYS/broker/connection/a/b/state',
      '$share/g/t',
      '$queue/',
      '$delayed/x/t',
      '$delayed/5/',
      '$delayed/4294968/t',
      '$delayed/1/$SYS/broker/version',
      '$delayed/1/$delayed/1/t',
    ]) {
      const before = dropped();
      const answer = await send(topic);
      if (what.startsWith('a will')) expect([topic, answer]).toEqual([topic, 'dropped']);
      else if (what.startsWith('5') || what.startsWith('an alias')) {
        const notAuthorized = /SYS|share/.test(topic);
        expect([topic, answer]).toEqual([topic, notAuthorized ? 0x87 : 0x90]);
      } else expect([topic, answer, dropped() - before]).toEqual([topic, 0, 1]); // acknowledged [MQTT-3.3.5-2]
      clock.advance(2_000);
    }
    await reader.settle();
    expect(reader.packets).toEqual([]);
    const later = await dial('later', 4);
    await later.subscribe('$SYS/broker/version', 1);
    expect((await later.next('publish')).payload.toString()).not.toBe('gone');
  });

  it.each(doors)('the state of a bridge, by %s: is like any other topic', async (_, send) => {
    const reader = await dial('reader', 4);
    await reader.subscribe('$SYS/broker/connection/+/state', 1);
    await send('$SYS/broker/connection/there.here/state');
    expect((await reader.next('publish')).topic).toBe('$SYS/broker/connection/there.here/state');
  });

  it('QoS 2 of 3.1.1 that may not be published goes through its exchange', async () => {
    const client = await dial('c', 4);
    client.publish('$SYS/x', 'x', 2, 5);
    await client.next('pubrec');
    client.send({ cmd: 'pubrel', messageId: 5 });
    expect((await client.next('pubcomp')).messageId).toBe(5);
  });

  it.each([3, 4, 5] as const)('a filter in %i that would bring nothing is refused', async (version) => {
    for (const filter of ['$queue/q', '$queue/#', '$delayed/5/k', '$share/g/$queue/q', '$share/g/$share/h/t']) {
      const client = await dial('s', version);
      const granted = await client.subscribe(filter, 1).catch(() => 'closed');
      expect([filter, granted]).toEqual([filter, version === 5 ? 0x8f : version === 4 ? 0x80 : 'closed']);
    }
  });
});

describe('what was found out about a topic stays with it', () => {
  it('retain is no more kept under the alias of a queue than under its topic', async () => {
    await makeQueue('orders');
    const client = await dial('c', 5);
    for (const [topic, bytes] of [
      ['$queue/orders', 1],
      ['', 1],
      ['', LARGE],
      ['$queue/orders', 1],
    ] as const) {
      await answerTo(client, topic, bytes, { retain: true, properties: { topicAlias: 1 } });
    }
    expect(await queued('orders')).toBe(4);
    const reader = await dial('reader', 5);
    await reader.subscribe('#', 1);
    await reader.settle();
    expect(reader.packets).toEqual([]);
  });

  it('a delay comes again with the topic that is known, and with its alias', async () => {
    const reader = await dial('reader', 4);
    await reader.subscribe('k', 1);
    const client = await dial('c', 5);
    await answerTo(client, '$delayed/5/k', 1, { properties: { topicAlias: 1 } });
    await answerTo(client, 'k', 2);
    expect((await reader.next('publish')).payload.length).toBe(2);
    await answerTo(client, '', 3, { properties: { topicAlias: 1 } });
    await answerTo(client, '$delayed/5/k', 4);
    await reader.settle();
    expect(reader.packets).toEqual([]);
    clock.advance(5_000);
    for (const length of [1, 3, 4]) expect((await reader.next('publish')).payload.length).toBe(length);
  });

  it('a delay in the topic is not undone by a property that asks for none', async () => {
    const reader = await dial('reader', 4);
    await reader.subscribe('k', 1);
    const client = await dial('c', 5);
    await answerTo(client, '$delayed/5/k', 1, { properties: { userProperties: { 'x-delay': '0' } } });
    await reader.settle();
    expect(reader.packets).toEqual([]);
  });

  it.each([1, LARGE])('an alias is given by a QoS 2 message that was sent before, %i bytes', async (bytes) => {
    const reader = await dial('reader', 4);
    await reader.subscribe('t', 1);
    const session = { clean: false, properties: { sessionExpiryInterval: 100 } };
    const first = await dial('c', 5, session);
    first.publish('t', Buffer.alloc(bytes, 'x'), 2, 9);
    await first.next('pubrec');
    await first.vanish();
    await reader.next('publish');
    const again = await dial('c', 5, session);
    again.publish('t', Buffer.alloc(bytes, 'x'), 2, 9, { dup: true, properties: { topicAlias: 4 } });
    await again.next('pubrec');
    again.publish('', 'by alias', 1, 1, { properties: { topicAlias: 4 } });
    expect((await reader.next('publish')).payload.toString()).toBe('by alias');
  });
});

describe('the same bounds', () => {
  const deep = 'a/b/c/d/e/f/g/h/i';
  it.each(publishes)('on levels, in %i, %i bytes', async (version, bytes) => {
    expect(await answerTo(await dial('c', version), deep, bytes)).toBe('closed');
  });
  it.each(publishes)('on wildcards, in %i, %i bytes', async (version, bytes) => {
    expect(await answerTo(await dial('c', version), 'a/+', bytes)).toBe('closed');
  });
  it.each([4, 5] as const)('on the topic of a will of %i', async (version) => {
    for (const topic of [deep, 'a/#', '']) {
      const will = { topic, payload: Buffer.from('x'), qos: 0, retain: false };
      await expect(dial('w', version, { will } as Partial<wire.IConnectPacket>)).rejects.toThrow();
    }
  });

  const many = { userProperties: { name: 'x'.repeat(1000) } };
  it.each([1, LARGE])('on properties, %i bytes', async (bytes) => {
    const client = await dial('c', 5);
    expect(await answerTo(client, 't', bytes, { properties: many })).toBe('closed');
    expect((await client.next('disconnect')).reasonCode).toBe(0x97);
  });
  it('on the properties of a will', async () => {
    const will = { topic: 't', payload: Buffer.from('x'), qos: 0, retain: false, properties: many };
    await expect(dial('w', 5, { will } as Partial<wire.IConnectPacket>)).rejects.toThrow('CONNACK 151');
  });

  it.each([1, LARGE])('on what is said to be text, %i bytes', async (bytes) => {
    const said = { payloadFormatIndicator: true };
    const client = await dial('c', 5);
    const reader = await dial('reader', 5);
    await reader.subscribe('t', 1);
    const euros = Buffer.from('€'.repeat(bytes));
    client.publish('t', euros, 1, 1, { properties: said });
    expect((await client.next('puback')).reasonCode ?? 0).toBe(0);
    expect(euros.equals((await reader.next('publish')).payload as Buffer)).toBe(true);
    for (const broken of [euros.subarray(0, -1), Buffer.concat([euros, Buffer.from([0x80])])]) {
      client.publish('t', broken, 1, 2, { properties: said });
      expect((await client.next('puback')).reasonCode).toBe(0x99);
    }
    await reader.settle();
    expect(reader.packets).toEqual([]);
    client.publish('t', euros.subarray(1), 0, 0, { properties: said });
    expect((await client.next('disconnect')).reasonCode).toBe(0x99);
  });
  it('on a will that is said to be text', async () => {
    const properties = { payloadFormatIndicator: true };
    const will = { topic: 't', payload: Buffer.from([0xff]), qos: 0, retain: false, properties };
    await expect(dial('w', 5, { will } as Partial<wire.IConnectPacket>)).rejects.toThrow('CONNACK 153');
  });

  it.each([1, LARGE])('on what is retained, %i bytes', async (bytes) => {
    await harness.broker.close();
    harness = await startHarness({}, { clock, vhosts: { '/': { limits: { retainedMessages: 1 } } } });
    const client = await dial('c', 5);
    expect(await answerTo(client, 'a', bytes, { retain: true })).not.toBe(0x97);
    expect(await answerTo(client, 'b', bytes, { retain: true })).toBe(0x97);
    expect(await answerTo(client, 'a', bytes, { retain: true })).not.toBe(0x97);
  });

  it.each([1, LARGE])('on what is unanswered, %i bytes', async (bytes) => {
    await harness.broker.close();
    harness = await startHarness({ receiveMax: 1 }, { clock });
    const client = await dial('c', 5);
    for (const id of [1, 2]) client.publish('t', Buffer.alloc(bytes, 'x'), 2, id);
    expect((await client.next('disconnect')).reasonCode).toBe(0x93);
  });

  it('on packets a second, of which a large one is one', async () => {
    await harness.broker.close();
    harness = await startHarness({ packetRateMax: 2 }, { clock });
    const client = await dial('c', 4);
    const { publishesReceived, paced } = harness.adapter.stats;
    for (let i = 0; i < 4; i++) client.publish('t', Buffer.alloc(LARGE, 'x'), 0);
    await until(() => harness.adapter.stats.paced > paced, 'it to be held back');
    expect(harness.adapter.stats.publishesReceived - publishesReceived).toBe(3);
  });

  it('while a client proves who it is: nothing is published, in one piece or many', async () => {
    for (const bytes of [1, LARGE]) {
      const client = await RawClient.dial(harness.port, 5);
      const properties = { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from('n,,n=guest,r=abc') };
      client.send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 5,
        clientId: 'p',
        clean: true,
        keepalive: 0,
        properties,
      });
      await client.next('auth');
      const { internalErrors } = harness.adapter.stats;
      client.publish('t', Buffer.alloc(bytes, 'x'), 0);
      expect((await client.next('connack')).reasonCode).toBe(0x82);
      expect(harness.adapter.stats.internalErrors).toBe(internalErrors);
    }
  });
});

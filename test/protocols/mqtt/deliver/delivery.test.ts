/** Messages in and out: QoS, retained messages, wildcards, large bodies, other protocols' messages. */
import { createHash, randomBytes } from 'node:crypto';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { RawClient } from '../raw-client.ts';

let broker: TestBroker;
let url: string;
beforeAll(async () => {
  broker = await startTestBroker({ data: null });
  url = `mqtt://127.0.0.1:${broker.ports.mqtt}`;
});
afterAll(() => broker.close());

describe('QoS', () => {
  it('of a delivery is the lower of what was published and what was subscribed, for all nine pairs', async () => {
    const subscribers = await Promise.all(
      ([0, 1, 2] as const).map(async (qos) => {
        const client = await mqtt.connectAsync(url, { clientId: `pair-${qos}` });
        const got: string[] = [];
        client.on('message', (_topic, payload, packet) => got.push(`${payload}:${packet.qos}`));
        await client.subscribeAsync('pairs/+', { qos });
        return { client, got };
      }),
    );
    const publisher = await mqtt.connectAsync(url);
    for (const qos of [0, 1, 2] as const) await publisher.publishAsync('pairs/x', String(qos), { qos });
    for (const [granted, { client, got }] of subscribers.entries()) {
      await until(() => got.length === 3, `three messages for QoS ${granted}`);
      expect(got.sort()).toEqual([0, 1, 2].map((sent) => `${sent}:${Math.min(sent, granted)}`));
      await client.endAsync();
    }
    await publisher.endAsync();
  });

  it('1 and 2 keep a thousand messages in order, each once', async () => {
    for (const qos of [1, 2] as const) {
      const subscriber = await mqtt.connectAsync(url);
      const got: number[] = [];
      subscriber.on('message', (_topic, payload) => got.push(Number(payload)));
      await subscriber.subscribeAsync('order/#', { qos });
      const publisher = await mqtt.connectAsync(url);
      const sent = Array.from({ length: 1000 }, (_, i) => i);
      await Promise.all(sent.map((i) => publisher.publishAsync('order/x', String(i), { qos })));
      await until(() => got.length >= 1000, 'a thousand messages');
      expect(got).toEqual(sent);
      await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
    }
  });

  it('2: a PUBLISH sent again before PUBREL is published once, and after PUBREL again [MQTT-4.3.3-2]', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'twice');
    await client.subscribe('twice', 0);
    client.publish('twice', 'a', 2, 7);
    await client.next('pubrec');
    client.publish('twice', 'a', 2, 7, { dup: true });
    await client.next('pubrec');
    client.send({ cmd: 'pubrel', messageId: 7 });
    await client.next('pubcomp');
    client.publish('twice', 'b', 2, 7);
    await client.next('pubrec');
    await client.settle();
    const bodies = client.packets.filter((p) => p.cmd === 'publish').map((p) => p.payload.toString());
    expect(bodies).toEqual(['a', 'b']);
    client.send({ cmd: 'pubrel', messageId: 999 }); // of an identifier it does not know
    expect((await client.next('pubcomp')).messageId).toBe(999);
    await client.leave();
  });

  it('1: no more than the window is sent unanswered, and each answer brings the next', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'slow');
    await client.subscribe('window', 1);
    for (let i = 1; i <= 150; i++) client.publish('window', String(i), 1, i);
    for (let i = 1; i <= 150; i++) await client.next('puback');
    await client.settle();
    const publishes = (): number[] =>
      client.packets.filter((p) => p.cmd === 'publish').map((p) => p.messageId as number);
    await until(() => publishes().length === 100, 'a full window');
    await client.settle();
    expect(publishes().length).toBe(100);
    expect(new Set(publishes()).size).toBe(100);
    client.send({ cmd: 'puback', messageId: publishes()[0]! });
    await until(() => publishes().length === 101, 'the next message');
    await client.leave();
  });

  it('2: identifiers stay in use until PUBCOMP, so that the window holds them too', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'slow2');
    await client.subscribe('window2', 2);
    for (let i = 1; i <= 120; i++) client.publish('window2', String(i), 2, i);
    const publishes = (): number[] =>
      client.packets.filter((p) => p.cmd === 'publish').map((p) => p.messageId as number);
    await until(() => publishes().length === 100, 'a full window');
    for (const messageId of publishes()) client.send({ cmd: 'pubrec', messageId });
    for (let i = 0; i < 100; i++) await client.next('pubrel');
    await client.settle();
    expect(publishes().length).toBe(100);
    client.send({ cmd: 'pubcomp', messageId: publishes()[0]! });
    await until(() => publishes().length === 101, 'the next message');
    await client.leave();
  });

  it('1: answers with identifiers that were never sent make no room in the window', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'bold');
    await client.subscribe('window3', 1);
    for (const cmd of ['puback', 'pubcomp'] as const) {
      for (let messageId = 1000; messageId < 1010; messageId++) client.send({ cmd, messageId });
    }
    for (let i = 1; i <= 120; i++) client.publish('window3', String(i), 1, i);
    for (let i = 1; i <= 120; i++) await client.next('puback');
    await client.settle();
    expect(client.packets.filter((p) => p.cmd === 'publish')).toHaveLength(100);
    await client.leave();
  });

  it('answers with identifiers that were never sent are ignored', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'confused');
    client.send({ cmd: 'puback', messageId: 5 });
    client.send({ cmd: 'pubcomp', messageId: 6 });
    await client.settle();
    expect(client.closed).toBe(false);
    await client.leave();
  });
});

describe('subscriptions', () => {
  it.each<[string, string, boolean]>([
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b/x/c', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['+/+', '/x', true],
    ['/+', '/x', true],
    ['+', '/x', false],
    ['#', '$OWN/x', false],
    ['+/x', '$OWN/x', false],
    ['$OWN/#', '$OWN/x', true],
    ['a.b/+', 'a.b/c', true],
    ['a/+', 'a/b.c', true],
    ['a/b/+', 'a/b.c', false],
    ['sport/+', 'sport/', true],
    ['ä/+', 'ä/ö', true],
  ])('%s and %s: %s', async (filter, topic, matches) => {
    const client = await RawClient.connect(broker.ports.mqtt, 'matcher');
    await client.subscribe(filter, 1);
    await client.subscribe('marker', 1, 2);
    client.publish(topic, 'x', 0);
    client.publish('marker', 'end', 0);
    expect((await client.next('publish')).topic).toBe(matches ? topic : 'marker');
    await client.leave();
  });

  it('that overlap bring one copy, with the highest QoS', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'overlap');
    await client.subscribe('over/#', 0);
    await client.subscribe('over/+', 1, 2);
    client.publish('over/x', 'one', 1, 4);
    expect((await client.next('publish')).qos).toBe(1);
    await client.settle();
    expect(client.packets.filter((p) => p.cmd === 'publish')).toEqual([]);
    await client.leave();
  });

  it('made again replace their QoS, up and down [MQTT-3.8.4-3]', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'again');
    for (const [i, qos] of ([0, 2, 1, 0] as const).entries()) {
      await client.subscribe('again', qos, i + 1);
      client.publish('again', 'x', 2, 10 + i);
      const packet = await client.next('publish');
      expect(packet.qos).toBe(qos);
      if (qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId! });
      if (qos === 2) {
        client.send({ cmd: 'pubrec', messageId: packet.messageId! });
        await client.next('pubrel');
        client.send({ cmd: 'pubcomp', messageId: packet.messageId! });
      }
    }
    await client.leave();
  });

  it('end with UNSUBSCRIBE', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'leaver');
    await client.subscribe('leave/a', 1);
    await client.subscribe('leave/b', 1, 2);
    client.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['leave/a', 'never/there'] });
    expect((await client.next('unsuback')).messageId).toBe(3);
    client.publish('leave/a', 'no');
    client.publish('leave/b', 'yes');
    expect((await client.next('publish')).topic).toBe('leave/b');
    await client.leave();
  });

  it('of too many levels are refused with 0x80, and the others of the packet granted', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'deep');
    const deep = new Array(129).fill('x').join('/');
    const subscriptions = [
      { topic: deep, qos: 1 as const },
      { topic: 'fine', qos: 1 as const },
    ];
    client.send({ cmd: 'subscribe', messageId: 2, subscriptions });
    expect((await client.next('suback')).granted).toEqual([0x80, 1]);
    await client.leave();
  });
});

describe('retained messages', () => {
  it('come to each new subscription with the flag, live ones without it, and an empty body removes them', async () => {
    const publisher = await mqtt.connectAsync(url);
    const live: boolean[] = [];
    publisher.on('message', (_topic, _payload, packet) => live.push(packet.retain));
    await publisher.subscribeAsync('kept/#', { qos: 1 });
    await publisher.publishAsync('kept/a', 'first', { qos: 1, retain: true });
    await publisher.publishAsync('kept/a', 'second', { qos: 1, retain: true });
    await until(() => live.length === 2);
    expect(live).toEqual([false, false]);
    for (const qos of [0, 1, 2] as const) {
      const client = await RawClient.connect(broker.ports.mqtt, 'newcomer');
      await client.subscribe('kept/+', qos);
      const packet = await client.next('publish');
      expect([packet.payload.toString(), packet.retain, packet.qos]).toEqual(['second', true, Math.min(qos, 1)]);
      await client.subscribe('kept/+', qos, 2); // and again for the same filter [MQTT-3.8.4-3]
      expect((await client.next('publish')).retain).toBe(true);
      await client.leave();
    }
    await publisher.publishAsync('kept/a', '', { qos: 1, retain: true });
    const late = await RawClient.connect(broker.ports.mqtt, 'late');
    await late.subscribe('kept/+', 1);
    await late.settle();
    expect(late.packets).toEqual([]);
    await late.leave();
    await publisher.endAsync();
  });
});

describe('large bodies', () => {
  const sha = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

  it('of 0, 1 and 2 arrive whole, at several subscribers, in order with small ones', async () => {
    const bodies = [128 * 1024, 128 * 1024 + 1, 1_000_000, 20_000_000].map((size) => randomBytes(size));
    for (const qos of [0, 1, 2] as const) {
      const subscribers = await Promise.all(
        [1, 2].map(async (n) => {
          const client = await mqtt.connectAsync(url, { clientId: `large-${n}-${qos}`, clean: qos < 2 });
          const got: string[] = [];
          client.on('message', (_topic, payload) => got.push(payload.length < 100 ? String(payload) : sha(payload)));
          await client.subscribeAsync('large/#', { qos });
          return { client, got };
        }),
      );
      const publisher = await mqtt.connectAsync(url);
      const sent: Promise<unknown>[] = [];
      for (const [i, body] of bodies.entries()) {
        sent.push(publisher.publishAsync('large/x', body, { qos }));
        sent.push(publisher.publishAsync('large/x', `small ${i}`, { qos }));
      }
      await Promise.all(sent);
      const expected = bodies.flatMap((body, i) => [sha(body), `small ${i}`]);
      for (const { client, got } of subscribers) {
        await until(() => got.length === expected.length, `all bodies with QoS ${qos}`, 20_000);
        expect(got).toEqual(expected);
        await client.endAsync();
      }
      await publisher.endAsync();
    }
  });

  it('hold up what follows on the same connection, and no other connection', async () => {
    const stuck = await RawClient.connect(broker.ports.mqtt, 'stuck');
    await stuck.subscribe('bulk', 1);
    stuck.pause();
    const other = await RawClient.connect(broker.ports.mqtt, 'other');
    await other.subscribe('bulk', 0);
    const publisher = await mqtt.connectAsync(url);
    const body = randomBytes(40_000_000);
    await publisher.publishAsync('bulk', body, { qos: 1 });
    expect(sha((await other.next('publish')).payload as Buffer)).toBe(sha(body));
    await other.settle();
    stuck.send({ cmd: 'pingreq' });
    stuck.resume();
    await stuck.next('pingresp');
    expect(stuck.packets.map((p) => p.cmd)).toEqual(['publish']);
    expect(sha((stuck.packets[0] as { payload: Buffer }).payload)).toBe(sha(body));
    await Promise.all([stuck.leave(), other.leave(), publisher.endAsync()]);
  });

  it('broken off on the way leave nothing behind', async () => {
    const watcher = await RawClient.connect(broker.ports.mqtt, 'watcher');
    await watcher.subscribe('half', 1);
    const publisher = await RawClient.connect(broker.ports.mqtt, 'halver');
    publisher.raw(Buffer.concat([Buffer.of(0x32, 0x80, 0x80, 0x80, 1, 0, 4), Buffer.from('half'), Buffer.of(0, 1)]));
    publisher.raw(Buffer.alloc(500_000));
    await publisher.vanish();
    watcher.publish('half', 'whole');
    expect((await watcher.next('publish')).payload.toString()).toBe('whole');
    await watcher.leave();
  });
});

describe('a client that does not read', () => {
  it('loses QoS 0 messages past the bound, none of QoS 1, and harms no one', async () => {
    const slow = await RawClient.connect(broker.ports.mqtt, 'sleeper');
    await slow.subscribe('flood/0', 0);
    await slow.subscribe('flood/1', 1, 2);
    slow.pause();
    const publisher = await mqtt.connectAsync(url);
    const body = Buffer.alloc(10_000, 'x');
    for (let i = 0; i < 4000; i++) publisher.publish('flood/0', body, { qos: 0 });
    await publisher.publishAsync('flood/1', 'kept', { qos: 1 });
    slow.resume();
    await until(() => slow.packets.some((p) => p.cmd === 'publish' && p.topic === 'flood/1'), 'the QoS 1 message');
    const received = slow.packets.filter((p) => p.cmd === 'publish' && p.topic === 'flood/0').length;
    expect(received).toBeGreaterThan(100);
    expect(received).toBeLessThan(4000);
    await Promise.all([slow.leave(), publisher.endAsync()]);
  });
});

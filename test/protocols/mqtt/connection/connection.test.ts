/** What may be said when, and how a connection ends. */
import * as wire from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { RawClient } from '../raw-client.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ data: null });
});
afterAll(() => broker.close());

async function connackOf(bytes: Buffer): Promise<{ returnCode: number | undefined; closed: boolean }> {
  const client = await RawClient.dial(broker.ports.mqtt);
  client.raw(bytes);
  await until(() => client.closed, 'the broker to close');
  const connack = client.packets.find((packet) => packet.cmd === 'connack');
  return { returnCode: connack?.returnCode, closed: client.closed };
}

function connect(options: Partial<wire.IConnectPacket>): Buffer {
  return wire.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: 'c',
    clean: true,
    ...options,
  });
}

describe('CONNECT', () => {
  it('is answered with 0x01 for a level that is not spoken, and closed [MQTT-3.1.2-2]', async () => {
    for (const level of [2, 3, 6, 0x83]) {
      const bytes = connect({});
      bytes[8] = level;
      expect(await connackOf(bytes)).toEqual({ returnCode: 1, closed: true });
    }
  });

  it('without an identifier is answered with 0x02 unless the session is clean [MQTT-3.1.3-8]', async () => {
    expect(await connackOf(Buffer.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0))).toMatchObject({
      returnCode: 2,
    });
    const client = await RawClient.connect(broker.ports.mqtt, '');
    await client.leave();
  });

  it('with an identifier too long for a queue name is answered with 0x02', async () => {
    expect(await connackOf(connect({ clientId: 'x'.repeat(238) }))).toMatchObject({ returnCode: 2 });
    await (await RawClient.connect(broker.ports.mqtt, 'x'.repeat(237))).leave();
  });

  it('with a wrong password, or to an unknown vhost, is answered with 0x04', async () => {
    const wrong = connect({ username: 'guest', password: Buffer.from('wrong') });
    expect(await connackOf(wrong)).toMatchObject({ returnCode: 4 });
    const nowhere = connect({ username: 'nowhere:guest', password: Buffer.from('guest') });
    expect(await connackOf(nowhere)).toMatchObject({ returnCode: 4 });
    const here = await RawClient.connect(broker.ports.mqtt, 'v', {
      username: '/:guest',
      password: Buffer.from('guest'),
    });
    await here.leave();
  });

  it('of version 3.1 is spoken too', async () => {
    const client = await RawClient.connect(broker.ports.mqtt, 'old', { protocolId: 'MQIsdp', protocolVersion: 3 });
    // SUBSCRIBE marked as sent again, which 3.1 allows.
    client.raw(Buffer.of(0x8a, 6, 0, 1, 0, 1, 0x61, 0));
    expect((await client.next('suback')).granted).toEqual([0]);
    await client.leave();
  });

  it('may be followed by packets at once [MQTT 3.1.4]', async () => {
    const client = await RawClient.dial(broker.ports.mqtt);
    const sub = wire.generate({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'eager', qos: 1 }] });
    const pub = wire.generate({
      cmd: 'publish',
      topic: 'eager',
      payload: 'x',
      qos: 1,
      messageId: 3,
      dup: false,
      retain: false,
    });
    client.raw(Buffer.concat([connect({ clientId: 'eager', clean: false }), sub, pub]));
    await client.next('puback');
    expect((await client.next('publish')).payload.toString()).toBe('x');
    expect(client.packets.map((p) => p.cmd)).toEqual(['connack', 'suback']);
    await client.leave();
  });
});

describe('a connection is closed, and nothing more is said, on', () => {
  const publish = (flags: number, ...rest: number[]): Buffer => Buffer.from([0x30 | flags, rest.length, ...rest]);
  it.each<[string, Buffer]>([
    ['a second CONNECT [MQTT-3.1.0-2]', connect({})],
    ['QoS 3', publish(6, 0, 1, 0x61, 0, 1)],
    ['DUP with QoS 0', publish(8, 0, 1, 0x61)],
    ['an empty topic', publish(0, 0, 0)],
    ['+ in a topic', publish(0, 0, 3, 0x61, 0x2f, 0x2b)],
    ['# in a topic', publish(0, 0, 1, 0x23)],
    ['U+0000 in a topic', publish(0, 0, 2, 0x61, 0)],
    ['a topic that is not UTF-8', publish(0, 0, 2, 0xc3, 0x28)],
    ['a topic of 129 levels', Buffer.concat([Buffer.of(0x30, 0x82, 1, 0, 0x80), Buffer.alloc(0x80, '/')])],
    ['SUBSCRIBE with flags 0', Buffer.of(0x80, 6, 0, 1, 0, 1, 0x61, 0)],
    ['SUBSCRIBE without a filter', Buffer.of(0x82, 2, 0, 1)],
    ['PUBREL with flags 0', Buffer.of(0x60, 2, 0, 1)],
    ['PUBACK with flags', Buffer.of(0x42, 2, 0, 1)],
    ['PUBACK of one byte', Buffer.of(0x40, 1, 0)],
    ['a malformed shared subscription', Buffer.of(0x82, 13, 0, 1, 0, 8, ...Buffer.from('$share/g'), 0)],
    ['a server packet', Buffer.of(0xd0, 0)],
    ['packet type 0', Buffer.of(0, 0)],
    ['packet type 15', Buffer.of(0xf0, 0)],
    ['PINGREQ with content', Buffer.of(0xc0, 1, 0)],
    ['a remaining length of five bytes', Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01)],
  ])('%s', async (_, bytes) => {
    const client = await RawClient.connect(broker.ports.mqtt, 'breaker');
    client.raw(bytes);
    await until(() => client.closed, 'the broker to close');
    expect(client.packets).toEqual([]);
  });

  it('a first packet that is not CONNECT', async () => {
    expect(await connackOf(Buffer.of(0xc0, 0))).toEqual({ returnCode: undefined, closed: true });
  });
});

describe('wills', () => {
  const will = { topic: 'will/t', payload: Buffer.from('gone'), qos: 1 as const, retain: false };

  it('are published when the connection is lost, when the client breaks a rule, and when it is taken over', async () => {
    const watcher = await RawClient.connect(broker.ports.mqtt, 'watcher');
    await watcher.subscribe('will/#', 0);
    const lost = await RawClient.connect(broker.ports.mqtt, 'mortal', { will });
    await lost.vanish();
    expect((await watcher.next('publish')).payload.toString()).toBe('gone');
    const rude = await RawClient.connect(broker.ports.mqtt, 'mortal', { will });
    rude.raw(Buffer.of(0xf0, 0));
    expect((await watcher.next('publish')).payload.toString()).toBe('gone');
    const first = await RawClient.connect(broker.ports.mqtt, 'mortal', { will });
    const second = await RawClient.connect(broker.ports.mqtt, 'mortal');
    expect((await watcher.next('publish')).payload.toString()).toBe('gone');
    await until(() => first.closed, 'the taken-over connection to close');
    await second.leave();
    await watcher.leave();
  });

  it('are discarded by DISCONNECT [MQTT-3.1.2-10]', async () => {
    const watcher = await RawClient.connect(broker.ports.mqtt, 'watcher');
    await watcher.subscribe('will/#', 1);
    const polite = await RawClient.connect(broker.ports.mqtt, 'polite', { will });
    await polite.leave();
    watcher.publish('will/after', 'marker', 0);
    expect((await watcher.next('publish')).topic).toBe('will/after');
    await watcher.leave();
  });

  it('may be retained', async () => {
    const retained = { ...will, topic: 'last/words', retain: true };
    const watcher = await RawClient.connect(broker.ports.mqtt, 'watcher');
    await watcher.subscribe('last/#', 0);
    const lost = await RawClient.connect(broker.ports.mqtt, 'mortal', { will: retained });
    await lost.vanish();
    expect((await watcher.next('publish')).retain).toBe(false); // [MQTT-3.3.1-9]
    await watcher.leave();
    const later = await RawClient.connect(broker.ports.mqtt, 'later');
    await later.subscribe('last/words', 0);
    const packet = await later.next('publish');
    expect([packet.payload.toString(), packet.retain]).toEqual(['gone', true]);
    await later.leave();
  });
});

describe('silence', () => {
  it('of one and a half keep-alive periods ends a connection, and not of less [MQTT-3.1.2-24]', async () => {
    const startedMs = performance.now();
    const quiet = await RawClient.connect(broker.ports.mqtt, 'quiet', { keepalive: 1 });
    await until(() => quiet.closed, 'the broker to close');
    const silentMs = performance.now() - startedMs;
    expect(silentMs).toBeGreaterThanOrEqual(1450);
    expect(silentMs).toBeLessThan(2500);
  });

  it('is broken by PINGREQ', async () => {
    const startedMs = performance.now();
    const client = await RawClient.connect(broker.ports.mqtt, 'pinging', { keepalive: 1 });
    while (performance.now() - startedMs < 2200) await client.settle();
    expect(client.closed).toBe(false);
    await client.leave();
  });
});

describe('a client identifier', () => {
  it('belongs to the connection that came last [MQTT-3.1.4-2]', async () => {
    const first = await RawClient.connect(broker.ports.mqtt, 'same');
    await first.subscribe('take/over', 1);
    const second = await RawClient.connect(broker.ports.mqtt, 'same');
    await until(() => first.closed, 'the first connection to close');
    await second.subscribe('take/over', 1);
    second.publish('take/over', 'once', 1, 5);
    expect((await second.next('publish')).payload.toString()).toBe('once');
    await second.settle();
    expect(second.packets.filter((p) => p.cmd === 'publish')).toEqual([]);
    await second.leave();
  });
});

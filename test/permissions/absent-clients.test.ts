/** What is kept for clients that are not there: sessions and wills are judged by what their users may do now, not when they left. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';
import { amqp, type RuledBroker, RulesByUser, startRuledBroker } from './harness.ts';

let clock: ManualClock;
let directory: ReturnType<typeof temporaryDirectory>;
let broker: RuledBroker;
let rules: RulesByUser;
/** The administrator's, once there is one. */
let connection: ChannelModel;

beforeEach(async () => {
  clock = new ManualClock();
  directory = temporaryDirectory();
  rules = new RulesByUser();
  rules.set('u', {});
  broker = await startRuledBroker({ clock, data: directory.path, rules });
});

afterEach(async () => {
  await broker.stop();
  directory.remove();
});

async function restart(): Promise<void> {
  await broker.stop();
  broker = await startRuledBroker({ clock, data: directory.path, rules });
}

const connect = (clientId: string, user: string, more: object = {}): Promise<MqttClient> =>
  MqttClient.connect(broker.ports.mqtt, clientId, { username: user, password: Buffer.from('p'), ...more });

const topics = (read: string, write = '.*') => ({ topics: [{ exchange: 'amq.topic', read, write }] });

async function publish(...names: string[]): Promise<void> {
  const client = await connect('publisher', 'admin');
  for (const [i, name] of names.entries()) {
    client.publish(name, name, 1, i + 1);
    await client.next('puback');
  }
  await client.leave();
}

/** The topics of what comes to a client by itself. */
async function received(client: MqttClient): Promise<string[]> {
  await client.settle();
  await client.settle();
  return client.packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []));
}

async function subscribedAndAway(clientId: string, ...filters: string[]): Promise<void> {
  const client = await connect(clientId, 'u', { clean: false });
  for (const [i, filter] of filters.entries()) expect(await client.subscribe(filter, 1, i + 1)).toBe(1);
  await client.leave();
}

const back = (clientId: string): Promise<MqttClient> => connect(clientId, 'u', { clean: false });

function waiting(queue: string): number {
  const [vhost] = [...broker.running.broker.allVhosts];
  return vhost!.topology.queues.get(queue)?.messages ?? 0;
}

function counted(name: 'droppedForbidden' | 'withheldRetained'): number {
  return broker.running.broker.statistics()[0]!.counters[name];
}

describe('a kept session whose client is away', () => {
  it('collects no more of what its user may not read any more, from that moment on', async () => {
    await subscribedAndAway('kept', 'open/+', 'closed/+');
    rules.set('u', topics('^open'));
    await publish('open/1', 'closed/1');
    expect(waiting('mqtt-subscription-kept')).toBe(1);
    // It has lost the subscription, not only its messages.
    rules.set('u', {});
    await publish('closed/2');
    const client = await back('kept');
    expect(await received(client)).toEqual(['open/1']);
    await client.leave();
  });

  it('delivers nothing that came before and may not be read any more, which is counted', async () => {
    await subscribedAndAway('kept', 'open/+', 'closed/+');
    await publish('open/1', 'closed/1', 'open/2', 'closed/2');
    rules.set('u', topics('^open'));
    const client = await back('kept');
    expect(await received(client)).toEqual(['open/1', 'open/2']);
    expect(counted('droppedForbidden')).toBe(2);
    await client.leave();
    expect(waiting('mqtt-subscription-kept')).toBe(0);
  });

  it('delivers what a binding still brings, though the pattern is one of filters', async () => {
    await subscribedAndAway('kept', 'a/#', 'b/#');
    await publish('a/1', 'b/1');
    rules.set('u', topics('^a\\.#$'));
    const client = await back('kept');
    expect(await received(client)).toEqual(['a/1']);
    await client.leave();
  });

  it('delivers what was sent to its queue by name', async () => {
    await subscribedAndAway('kept', 'a/#');
    const channel = await confirmChannel();
    channel.sendToQueue('mqtt-subscription-kept', Buffer.from('x'), { persistent: true });
    await channel.waitForConfirms();
    rules.set('u', topics('^nothing$'));
    const client = await back('kept');
    expect(await received(client)).toEqual(['$queue/mqtt-subscription-kept']);
    await client.leave();
    await connection.close();
  });

  it('collects nothing once its user may not even come in, and has no subscription when that is over', async () => {
    await subscribedAndAway('kept', 'a');
    rules.set('u', undefined);
    await publish('a');
    expect(waiting('mqtt-subscription-kept')).toBe(0);
    rules.set('u', {});
    const client = await back('kept');
    expect(client.sessionPresent).toBe(true);
    await publish('a');
    expect(await received(client)).toEqual([]);
    await client.leave();
  });

  it('is looked at when the broker starts, since rules may have changed meanwhile', async () => {
    await subscribedAndAway('kept', 'open', 'closed');
    await broker.stop();
    rules = new RulesByUser();
    rules.set('u', topics('^open'));
    broker = await startRuledBroker({ clock, data: directory.path, rules });
    await publish('open', 'closed');
    expect(waiting('mqtt-subscription-kept')).toBe(1);
  });

  it('keeps what it has where nobody can tell what an absent user may do', async () => {
    await subscribedAndAway('kept', 'closed');
    Object.assign(rules, { recall: () => undefined });
    rules.set('u', topics('^open'));
    await publish('closed');
    expect(waiting('mqtt-subscription-kept')).toBe(1);
    const client = await back('kept');
    expect(await received(client)).toEqual([]);
    await client.leave();
  });
});

it('a durable STOMP subscription brings nothing that may not be read when its client is back', async () => {
  const login = { login: 'u', passcode: 'p' };
  const subscribe = { destination: '/topic/a', id: '1', durable: 'true', receipt: 'r' };
  const first = await StompClient.open(broker.ports.stomp, '1.2', login);
  first.send('SUBSCRIBE', subscribe);
  expect((await first.take('RECEIPT')).command).toBe('RECEIPT');
  first.cut();
  await publish('a');
  rules.set('u', topics('^other'));
  const second = await StompClient.open(broker.ports.stomp, '1.2', login);
  second.send('SUBSCRIBE', subscribe);
  expect(String((await second.error()).body)).toContain("access to topic 'a' in exchange 'amq.topic'");
  second.cut();
});

it('a durable STOMP subscription ends when its topic may not be read any more, though its queue may', async () => {
  const client = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
  client.send('SUBSCRIBE', { destination: '/topic/a', id: '1', durable: 'true', receipt: 'r' });
  await client.take('RECEIPT');
  rules.set('u', topics('^other'));
  expect(String((await client.error()).body)).toContain('may not read it any more');
  client.cut();
});

describe('retained messages', () => {
  it('are shown topic by topic, as their reader may read them', async () => {
    const keeper = await connect('keeper', 'admin');
    for (const [i, topic] of ['open/1', 'closed/1', 'open/2'].entries()) {
      keeper.publish(topic, 'x', 1, i + 1, { retain: true });
      await keeper.next('puback');
    }
    await keeper.leave();
    rules.set('u', topics('^(#$|open)'));
    const client = await connect('reader', 'u');
    expect(await client.subscribe('#', 0)).toBe(0);
    expect((await received(client)).sort()).toEqual(['open/1', 'open/2']);
    expect(counted('withheldRetained')).toBe(1);
    await client.leave();
  });
});

describe('a will that waits', () => {
  const will = (topic: string) => ({
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 100 },
    will: { topic, payload: Buffer.from('x'), qos: 1, retain: false, properties: { willDelayInterval: 10 } },
  });
  let channel: ConfirmChannel;

  beforeEach(async () => {
    channel = await confirmChannel();
  });

  afterEach(() => connection.close().catch(() => {}));

  async function leftBehind(clientId: string, topic: string): Promise<void> {
    const client = await connect(clientId, 'u', will(topic));
    await client.vanish();
    await until(() => broker.running.connections === 1);
  }

  async function published(): Promise<number> {
    clock.advance(11_000);
    return (await channel.purgeQueue('wills')).messageCount;
  }

  it('is published when its time has come and its user still may', async () => {
    await leftBehind('c', 'mine/will');
    expect(await published()).toBe(1);
  });

  it('is refused at CONNECT by topic and client identifier', async () => {
    rules.set('u', topics('.*', '^{client_id}\\.{vhost}'));
    await expect(connect('c', 'u', will('d/.'))).rejects.toThrow('CONNACK 135');
    await (await connect('c', 'u', will('c/.'))).leave();
  });

  it('is judged with the client identifier and the vhost of its client when it is due', async () => {
    await leftBehind('c', 'c/.');
    rules.set('u', topics('.*', '^{client_id}\\.{vhost}'));
    expect(await published()).toBe(1);
    rules.set('u', {});
    await leftBehind('c', 'd/.');
    rules.set('u', topics('.*', '^{client_id}\\.{vhost}'));
    expect(await published()).toBe(0);
  });

  it.each([
    ['may not publish to its topic any more', topics('.*', '^other')],
    ['may not write to the exchange any more', { write: '' }],
    ['is gone', undefined],
  ])('is not published when its user %s', async (_what, now) => {
    await leftBehind('c', 'mine/will');
    rules.set('u', now);
    expect(await published()).toBe(0);
  });

  it('is not published when its user has gone while the broker was down', async () => {
    await leftBehind('c', 'mine/will');
    await connection.close();
    rules.set('u', undefined);
    await restart();
    channel = await confirmChannel();
    expect(await published()).toBe(0);
  });

  it('is published by who its client proved to be, where names alone tell nothing', async () => {
    Object.assign(rules, { recall: () => undefined });
    await leftBehind('c', 'mine/will');
    expect(await published()).toBe(1);
  });

  it('is judged as well when another connection with its identifier brings it up', async () => {
    await leftBehind('c', 'mine/will');
    rules.set('u', topics('.*', '^other'));
    await (await connect('c', 'u', { protocolVersion: 5, clean: true })).leave();
    expect((await channel.purgeQueue('wills')).messageCount).toBe(0);
  });
});

/** Collects what is published in `wills`. */
async function confirmChannel(): Promise<ConfirmChannel> {
  connection = await amqp(broker.ports.amqp, 'admin');
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('wills');
  await channel.bindQueue('wills', 'amq.topic', '*.will');
  await channel.bindQueue('wills', 'amq.topic', '*./');
  return channel;
}

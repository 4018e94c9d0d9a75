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

function queues(): string[] {
  const [vhost] = [...broker.running.broker.allVhosts];
  return [...vhost!.topology.queues.keys()];
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

  it('is no member any more of a share whose filter its user may not read, from that moment on', async () => {
    await subscribedAndAway('kept', '$share/g/closed/+', '$share/g/open/+');
    await publish('closed/1', 'open/1');
    expect([waiting('$share/g/closed/+'), waiting('$share/g/open/+')]).toEqual([1, 1]);
    rules.set('u', topics('^open'));
    // It was the last one, and the queue has gone with it.
    await until(() => !queues().includes('$share/g/closed/+'), 'the end of the share');
    await publish('closed/2', 'open/2');
    expect(queues()).not.toContain('$share/g/closed/+');
    // And it is none when it is back, whatever its user may do by then; nor after a restart.
    rules.set('u', {});
    await restart();
    const client = await back('kept');
    expect(client.sessionPresent).toBe(true);
    await publish('closed/3', 'open/3');
    expect(await received(client)).toEqual(['open/1', 'open/2', 'open/3']);
    await client.leave();
  });

  it('leaves a share to those who may read it, and all of them once its user may not even come in', async () => {
    const other = await connect('other', 'admin', { clean: false });
    expect(await other.subscribe('$share/g/a', 1)).toBe(1);
    await subscribedAndAway('kept', '$share/g/a', '$share/h/a');
    rules.set('u', undefined);
    await until(() => !queues().includes('$share/h/a'), 'the end of the other share');
    await publish('a');
    expect(await received(other)).toEqual(['a']);
    await other.leave();
    expect(queues()).toContain('$share/g/a');
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

describe('a durable STOMP subscription whose client is away', () => {
  const open = (more: Record<string, string> = {}): Promise<StompClient> =>
    StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p', ...more });
  const subscribe = async (client: StompClient, more: Record<string, string> = {}): Promise<void> => {
    client.send('SUBSCRIBE', { destination: '/topic/closed.1', id: '1', durable: 'true', receipt: 'r', ...more });
    await client.take('RECEIPT');
  };
  const NAMED = { 'durable-subscriber-name': 's' };
  const left = async (more: Record<string, string> = {}): Promise<string> => {
    const before = queues();
    const client = await open({ 'client-id': 'me' });
    await subscribe(client, more);
    client.cut();
    await until(() => broker.running.connections === 0);
    return queues().find((name) => !before.includes(name))!;
  };
  const looked = (): Promise<void> => until(() => bound() === 0, 'the subscription to have lost its binding');
  let queue: string;
  const bound = (): number => {
    const [vhost] = [...broker.running.broker.allVhosts];
    const { topology } = vhost!;
    return topology.bindingsOf(topology.queues.get(queue)!).length;
  };

  it.each([
    ['known by its id', {}],
    ['that has a name', NAMED],
  ])('(%s) collects no more of what its user may not read any more, from that moment on', async (_what, more) => {
    queue = await left(more);
    await publish('closed/1');
    rules.set('u', topics('^open'));
    await looked();
    await publish('closed/1');
    expect(waiting(queue)).toBe(1);
    // What had come before is there when its user may read it again, and the subscription begins anew.
    rules.set('u', {});
    const client = await open({ 'client-id': 'me' });
    await subscribe(client, more);
    await publish('closed/1');
    const came = [await client.take('MESSAGE'), await client.take('MESSAGE')];
    expect(came.map(({ body }) => String(body))).toEqual(['closed/1', 'closed/1']);
    client.send('UNSUBSCRIBE', { id: '1', durable: 'true', receipt: 'u' });
    await client.take('RECEIPT');
    expect(queues()).not.toContain(queue);
    client.cut();
  });

  it.each([
    ['may not even come in', undefined],
    ['may not write to its queue', { write: '' }],
  ])('collects nothing once its user %s', async (_what, now) => {
    queue = await left();
    rules.set('u', now);
    await looked();
    await publish('closed/1');
    expect(waiting(queue)).toBe(0);
  });

  it('is looked at when the broker starts, since rules may have changed meanwhile', async () => {
    queue = await left();
    await broker.stop();
    rules = new RulesByUser();
    rules.set('u', topics('^open'));
    broker = await startRuledBroker({ clock, data: directory.path, rules });
    await looked();
  });

  it('keeps what others have bound to its queue', async () => {
    queue = await left(NAMED);
    const channel = await confirmChannel();
    await channel.bindQueue(queue, 'amq.topic', 'others');
    rules.set('u', topics('^open'));
    await until(() => bound() === 1);
    await publish('others', 'closed/1');
    expect(waiting(queue)).toBe(1);
    await connection.close();
  });

  it('keeps what it has where nobody can tell what an absent user may do', async () => {
    queue = await left();
    Object.assign(rules, { recall: () => undefined });
    rules.set('u', topics('^open'));
    await publish('closed/1');
    expect(waiting(queue)).toBe(1);
  });

  it('loses its binding as well where its client was there and has lost it', async () => {
    const client = await open();
    await subscribe(client);
    queue = queues().find((name) => name.startsWith('stomp-subscription-'))!;
    rules.set('u', topics('^open'));
    await client.error();
    await looked();
    client.cut();
  });

  it('stays as it is while its client is there and may read it, though it could not be made any more', async () => {
    const client = await open();
    await subscribe(client);
    rules.set('u', { write: '' });
    const channel = await confirmChannel(); // a login, so that the rules have been looked at by then
    channel.publish('amq.topic', 'closed.1', Buffer.from('x'));
    await channel.waitForConfirms();
    expect(String((await client.take('MESSAGE')).body)).toBe('x');
    client.cut();
    await connection.close();
  });

  it('leaves no record behind when its queue is deleted by others, once there are more', async () => {
    const channel = await confirmChannel();
    const [vhost] = [...broker.running.broker.allVhosts];
    for (let i = 0; i < 20; i++) {
      const before = queues();
      const client = await open();
      await subscribe(client, { id: `${i}` });
      client.cut();
      await until(() => broker.running.connections === 1);
      await channel.deleteQueue(queues().find((name) => !before.includes(name))!);
    }
    expect(vhost!.state.keys('stomp/durable/').length).toBeLessThan(4);
    await connection.close();
  });
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

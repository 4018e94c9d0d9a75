/** What the broker says of itself nobody says in its place, by whatever way he comes. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Counters } from '../../src/vhost/counters.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { ErrorReply, RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { header, RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { amqp, commit, type RuledBroker, startRuledBroker, transactional } from './harness.ts';

let broker: RuledBroker;
beforeEach(async () => {
  broker = await startRuledBroker();
  broker.rules.set('u', {});
});
afterEach(() => broker.stop());

const MEANT = ['$SYS.broker.uptime', '$CONTROL.dynamic-security.v1.response', '$CONTROL.dynamic-security.v1'];

it.each(MEANT)('%s', async (key) => {
  const listener = await MqttClient.connect(broker.ports.mqtt, 'console', {
    username: 'admin',
    password: Buffer.from('p'),
  });
  await listener.subscribe('$CONTROL/#', 0);
  const connection = await amqp(broker.ports.amqp, 'u');
  const channel = await connection.createConfirmChannel();
  const closed = new Promise((resolve) => channel.once('error', resolve));
  channel.publish('amq.topic', key, Buffer.from('forged'));
  expect(String(await closed)).toContain(`access to topic '${key}' in exchange 'amq.topic'`);
  await connection.close();
  const stomp = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
  const error = await stomp.refused('SEND', { destination: `/topic/${key}` }, 'forged');
  expect(header(error, 'message')).toBe('access_refused');
  const redis = await RedisClient.open(broker.ports.redis);
  await redis.call('AUTH', 'u', 'p');
  expect(await redis.call('PUBLISH', key, 'forged')).toBeInstanceOf(ErrorReply);
  redis.cut();
  await listener.settle();
  expect(listener.packets).toEqual([]);
  await listener.leave();
});

it('a bridge may say how it is, as ever', async () => {
  const bridge = await MqttClient.connect(broker.ports.mqtt, 'bridge', { username: 'u', password: Buffer.from('p') });
  await bridge.subscribe('$SYS/broker/connection/bridge/state', 1);
  bridge.publish('$SYS/broker/connection/bridge/state', '1', 1, 2);
  await bridge.next('puback');
  expect(await bridge.next('publish')).toMatchObject({ topic: '$SYS/broker/connection/bridge/state' });
  await bridge.leave();
});

describe("leads nowhere that is the broker's", () => {
  const KEY = '$SYS.broker.forged';
  let admin: ChannelModel;
  let listener: MqttClient;
  let queue: ConfirmChannel;

  beforeEach(async () => {
    listener = await MqttClient.connect(broker.ports.mqtt, 'console', {
      ...{ username: 'admin', password: Buffer.from('p') },
    });
    await listener.subscribe('$SYS/broker/forged', 1);
    await listener.subscribe('$SYS/broker/forged/#', 0, 2);
    admin = await amqp(broker.ports.amqp, 'admin');
    queue = await admin.createConfirmChannel();
    await queue.assertQueue('watch');
    await queue.bindQueue('watch', 'amq.topic', '$SYS.broker.forged.#');
  });
  afterEach(async () => {
    await listener.leave();
    await admin.close();
  });

  const counters = (): Counters => broker.running.broker.statistics()[0]!.counters;

  type Way = (channel: ConfirmChannel) => Promise<unknown>;
  const X = Buffer.from('x');
  const http = (path: string, body: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${broker.ports.http}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('u:p').toString('base64')}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const stomp = async (headers: Record<string, string>): Promise<void> => {
    const client = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
    client.send('SEND', { persistent: 'true', ...headers, receipt: 'r' }, 'x');
    await client.next();
    client.cut();
  };
  /** An exchange of one's own, from which all goes on to the topics. */
  const front = async (channel: ConfirmChannel, type = 'fanout', more: object = {}): Promise<void> => {
    await channel.assertExchange('front', type, more);
    await channel.bindExchange('amq.topic', 'front', type === 'topic' ? '#' : KEY);
  };
  const mourned = async (channel: ConfirmChannel, name: string, key?: string): Promise<void> => {
    const more = key === undefined ? {} : { deadLetterRoutingKey: key };
    await channel.assertQueue(name, { deadLetterExchange: 'amq.topic', maxLength: 0, ...more });
    channel.sendToQueue(name, X);
    await channel.waitForConfirms();
  };
  const WAYS: Record<string, Way> = {
    'an exchange that leads there': async (channel) => {
      await front(channel);
      channel.publish('front', KEY, X);
    },
    'two of them, and a transaction': async (channel) => {
      await front(channel, 'topic');
      await channel.assertExchange('before', 'direct');
      await channel.bindExchange('front', 'before', KEY);
      const other = (await (await amqp(broker.ports.amqp, 'u')).createChannel()) as ConfirmChannel;
      await transactional(other);
      for (let i = 0; i < 300; i++) other.publish('before', KEY, X);
      await commit(other);
    },
    'other keys of the same message': async (channel) => {
      await front(channel);
      channel.publish('front', 'other', X, { CC: [KEY], BCC: [`${KEY}.more`] });
    },
    'an alternate exchange': async (channel) => {
      await channel.assertExchange('odd', 'direct', { alternateExchange: 'amq.topic' });
      channel.publish('odd', KEY, X);
    },
    'a dead letter with a key of its queue': async (channel) => mourned(channel, 'q', KEY),
    'a dead letter with its own key': async (channel) => mourned(channel, KEY),
    'a dead letter that another exchange sends on': async (channel) => {
      await front(channel);
      await channel.assertQueue('q', { deadLetterExchange: 'front', deadLetterRoutingKey: KEY, maxLength: 0 });
      channel.sendToQueue('q', X);
    },
    'a delay': async (channel) => {
      await front(channel, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
      channel.publish('front', KEY, X, { headers: { 'x-delay': 1 } });
    },
    'headers that decide': async (channel) => {
      await channel.assertExchange('front', 'headers');
      await channel.bindExchange('amq.topic', 'front', '', { 'x-match': 'all', a: 'b' });
      channel.publish('front', KEY, X, { headers: { a: 'b' } });
    },
    'a half message, and a schedule': async (channel) => {
      await front(channel);
      const half = { destination: `/exchange/front/${KEY}`, 'x-half-id': 'one' };
      await stomp({ ...half, 'x-half-message': 'prepare' });
      await stomp({ ...half, 'x-half-message': 'commit' });
      await stomp({ destination: half.destination, AMQ_SCHEDULED_DELAY: '1' });
      await stomp({ destination: `/topic/${KEY}`, AMQ_SCHEDULED_DELAY: '1' });
      await stomp({ destination: `/topic/${KEY}`, 'x-half-id': 'two', 'x-half-message': 'prepare' });
    },
    'HTTP, and what operators move': async (channel) => {
      await front(channel);
      broker.rules.setTags('u', ['management', 'monitoring']);
      const message = { properties: {}, payload: 'x', payload_encoding: 'string', routing_key: KEY };
      expect((await http('/api/exchanges/%2F/amq.topic/publish', message)).status).toBe(401);
      expect((await http('/api/exchanges/%2F/front/publish', message)).status).toBe(200);
      for (const exchange of ['amq.topic', 'front']) {
        await channel.assertQueue('q');
        channel.sendToQueue('q', X);
        await channel.waitForConfirms();
        const to = { exchange, routingKey: KEY };
        await http('/v1/vhosts/%2F/queues/q/messages/move', { to, limit: 1 });
        await http('/v1/vhosts/%2F/queues/q/messages/copy', { to, limit: 1 });
      }
    },
    "MQTT's own words, and a will": async () => {
      const login = { username: 'u', password: X };
      const client = await MqttClient.connect(broker.ports.mqtt, 'u', { ...login, password: Buffer.from('p') });
      for (const [i, topic] of ['$delayed/0/$SYS/broker/forged', '$SYS/broker/forged'].entries()) {
        client.publish(topic, 'x', 1, i + 1, { retain: true });
        await client.next('puback');
      }
      await client.leave();
      const will = { topic: '$SYS/broker/forged', payload: X, qos: 0 as const, retain: false };
      const dying = await MqttClient.connect(broker.ports.mqtt, 'w', { ...login, password: Buffer.from('p'), will });
      await dying.vanish();
    },
  };

  it.each(Object.entries(WAYS))('%s', async (_, way) => {
    const connection = await amqp(broker.ports.amqp, 'u');
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    await way(channel);
    await channel.waitForConfirms();
    await connection.close();
    // What was delayed has come by now.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await listener.settle();
    expect(listener.packets).toEqual([]);
    expect((await queue.checkQueue('watch')).messageCount).toBe(0);
  });

  it('is not what a session is told to whose own queue another exchange is bound', async () => {
    const connection = await amqp(broker.ports.amqp, 'u');
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange('side', 'fanout');
    await channel.bindQueue('mqtt-subscription-console', 'side', '');
    channel.publish('side', KEY, X);
    expect(await listener.next('publish')).toMatchObject({ topic: '_SYS/broker/forged' });
    await connection.close();
  });

  it('is counted, and what else it leads to gets it', async () => {
    const connection = await amqp(broker.ports.amqp, 'u');
    const channel = await connection.createConfirmChannel();
    await front(channel);
    await channel.assertQueue('mine');
    await channel.bindQueue('mine', 'front', KEY);
    channel.publish('front', KEY, X);
    await mourned(channel, 'q', KEY);
    expect((await channel.checkQueue('mine')).messageCount).toBe(1);
    expect(counters().withheldReserved).toBe(2);
    await connection.close();
  });
});

/** What the broker says of itself nobody says in its place, by whatever way he comes. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { ErrorReply, RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { header, RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { amqp, type RuledBroker, startRuledBroker } from './harness.ts';

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

/** Decisions are cached per route: what is asked does not grow with the messages, in any protocol, of whatever assurance. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Identity } from '../../src/api/index.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { amqp, type RuledBroker, RulesByUser, startRuledBroker } from './harness.ts';

let asked = 0;

/** Counts, and has rules over topics for everybody, as roles are. */
class Counting extends RulesByUser {
  override permits(...args: Parameters<RulesByUser['permits']>): boolean {
    asked++;
    return super.permits(...args);
  }

  topicRules(_: Identity): { receives(): boolean; mayUnsubscribe(): boolean } {
    const ask = (): boolean => {
      asked++;
      return true;
    };
    return { receives: ask, mayUnsubscribe: ask };
  }
}

let broker: RuledBroker;
let listeners: MqttClient[];

beforeEach(async () => {
  const rules = new Counting();
  rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^t', read: '^t' }] });
  broker = await startRuledBroker({ rules });
  listeners = [];
  for (const qos of [0, 1, 2] as const) {
    const listener = await mqtt(`listener-${qos}`);
    await listener.subscribe('t', qos);
    listeners.push(listener);
  }
});
afterEach(async () => {
  for (const listener of listeners) await listener.vanish();
  await broker.stop();
});

const mqtt = (clientId: string): Promise<MqttClient> =>
  MqttClient.connect(broker.ports.mqtt, clientId, { username: 'u', password: Buffer.from('p') });

type Publish = (messages: number) => Promise<unknown>;
const WAYS: Record<string, () => Promise<Publish>> = {
  AMQP: async () => {
    const channel = await (await amqp(broker.ports.amqp, 'u')).createConfirmChannel();
    return (messages) => {
      for (let i = 0; i < messages; i++)
        channel.publish('amq.topic', 't', Buffer.from('x'), { persistent: i % 2 === 0 });
      return channel.waitForConfirms();
    };
  },
  MQTT: async () => {
    const client = await mqtt('publisher');
    return async (messages) => {
      for (let i = 0; i < messages; i++) client.publish('t', 'x', 0, 0);
      await client.settle();
    };
  },
  STOMP: async () => {
    const client = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
    return async (messages) => {
      for (let i = 0; i < messages; i++) client.send('SEND', { destination: '/topic/t' }, 'x');
      await client.confirmed('SEND', { destination: '/topic/t' });
    };
  },
  Redis: async () => {
    const client = await RedisClient.open(broker.ports.redis);
    await client.call('AUTH', 'u', 'p');
    return async (messages) => {
      for (let i = 0; i < messages; i++) await client.call('PUBLISH', 't', 'x');
    };
  },
};

it.each(Object.entries(WAYS))('%s', async (_, open) => {
  const publish = await open();
  await publish(10);
  for (const listener of listeners) await listener.settle();
  asked = 0;
  await publish(200);
  for (const listener of listeners) await listener.settle();
  expect(listeners.every(({ packets }) => packets.some(({ cmd }) => cmd === 'publish'))).toBe(true);
  expect(asked).toBe(0);
});

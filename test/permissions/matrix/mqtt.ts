/** MQTT 3.1.1 and 5.0: a return code or a reason code, where the packet that answers has one. */
import type { IConnectPacket } from 'mqtt-packet';
import { expect } from 'vitest';
import { RawClient } from '../../protocols/mqtt/raw-client.ts';
import { until } from '../../support/until.ts';
import { type Answer, DONE, ONLY_HTTP, type Side, sideOf } from './cells.ts';
import { type SaidMessage, saidCells } from './said.ts';
import type { Scene } from './scene.ts';

const NOT_MINE = { topics: [{ exchange: 'amq.topic', write: '^other', read: '^other' }] };
const WILL = { topic: 'mine/will', payload: Buffer.from('x'), qos: 0 as const, retain: false };
const NO_PROPERTIES = 'has no user properties before 5.0';
const NO_PACKET = 'has no packet for it: queues come and go with subscriptions';

export function mqttSide(scene: Scene, protocolVersion: 4 | 5): Side {
  const v5 = protocolVersion === 5;
  const connect = (more: Partial<IConnectPacket> = {}): Promise<RawClient> =>
    RawClient.connect(scene.ports.mqtt, scene.fresh('c'), {
      protocolVersion,
      username: 'u',
      password: Buffer.from('p'),
      ...more,
    });
  const admin = (): Promise<RawClient> =>
    RawClient.connect(scene.ports.mqtt, scene.fresh('admin'), { username: 'admin', password: Buffer.from('p') });

  const publishes = async (client: RawClient, topic: string): Promise<Answer> => {
    await scene.arrived();
    client.publish(topic, 'x', 1, 1);
    const { reasonCode } = await client.next('puback');
    if ((await scene.arrived()) === 1) {
      expect(reasonCode ?? 0).toBe(0);
      return DONE;
    }
    // 3.1.1 has no word for it: the message is acknowledged and dropped.
    return v5 ? `PUBACK ${reasonCode}` : 'PUBACK, dropped';
  };
  const says = async (client: RawClient, { key, body, headers }: SaidMessage): Promise<Answer> => {
    const userProperties = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    client.publish(key.replaceAll('.', '/'), body, 1, 1, { properties: { userProperties } });
    const { reasonCode = 0 } = await client.next('puback');
    return reasonCode < 0x80 ? DONE : `PUBACK ${reasonCode}`;
  };
  const subscribes = async (client: RawClient, filter: string): Promise<Answer> => {
    const granted = await client.subscribe(filter, 1);
    return granted < 0x80 ? DONE : `SUBACK ${granted}`;
  };
  const ended = (client: RawClient) => async (): Promise<Answer> => {
    await until(() => client.closed, 'the end of the connection');
    return v5 ? `DISCONNECT ${(await client.next('disconnect')).reasonCode}` : 'the connection ends';
  };
  /** Subscribed, until the connection is ended for it. */
  const subscribed = (filter: string) => async (client: RawClient) => {
    await client.subscribe(filter, 1);
    return ended(client);
  };
  const subscription = (filter: string) => ({
    denied: NOT_MINE,
    attempt: (client: RawClient) => subscribes(client, filter),
    begin: subscribed(filter),
    refused: v5 ? 'SUBACK 135' : 'SUBACK 128',
    over: v5 ? 'DISCONNECT 135' : 'the connection ends',
  });
  /** Breaks off, and the broker has noticed. */
  const vanished = async (client: RawClient): Promise<void> => {
    const before = scene.broker.running.connections;
    await client.vanish();
    await until(() => scene.broker.running.connections < before, 'the end of the connection');
  };

  return sideOf<RawClient>({
    refused: v5 ? 'PUBACK 135' : 'PUBACK, dropped',
    connect,
    leave: async (client) => {
      if (!client.closed) await client.leave();
    },
    none: {
      browse: 'has no packet that looks at a queue',
      declare: NO_PACKET,
      'passive declare': NO_PACKET,
      delete: NO_PACKET,
      purge: NO_PACKET,
      'bind exchanges': NO_PACKET,
      'dead-letter': NO_PACKET,
      'alternate exchange': NO_PACKET,
      transaction: 'has no transactions',
      schedule: 'has no words for it',
      'several destinations': 'publishes to one topic',
      'virtual topic': 'has no names for it: it is share',
      ...ONLY_HTTP,
      ...(!v5 && { 'half message': NO_PROPERTIES, 'taken once': NO_PROPERTIES }),
      ...(!v5 && { 'reply-to': 'has no response topics before 5.0' }),
    },
    cells: {
      enter: {
        denied: undefined,
        comes: true,
        refused: v5 ? 'CONNACK 135' : 'CONNACK 5',
        over: v5 ? 'DISCONNECT 152' : 'the connection ends',
        attempt: async () => {
          try {
            await (await connect()).leave();
            return DONE;
          } catch (error) {
            return (error as Error).message;
          }
        },
        begin: async () => ended(await connect()),
      },
      ...(v5
        ? saidCells<RawClient>(scene, says)
        : { delay: { denied: NOT_MINE, attempt: (client) => publishes(client, '$delayed/0/mine/x') } }),
      publish: { denied: NOT_MINE, attempt: (client) => publishes(client, 'mine/x') },
      consume: { ...subscription('mine/+'), denied: { read: '' } },
      bind: subscription('mine/#'),
      share: subscription('$share/g/mine/s'),
      will: {
        denied: NOT_MINE,
        refused: v5 ? 'CONNACK 135' : 'CONNACK 5',
        over: 'not published',
        attempt: async () => {
          await scene.arrived();
          let client: RawClient;
          try {
            client = await connect({ will: WILL });
          } catch (error) {
            return (error as Error).message;
          }
          await vanished(client);
          return (await scene.arrived()) === 1 ? DONE : 'not published';
        },
        // Permitted at CONNECT, and not any more when it would be published.
        begin: async () => {
          await scene.arrived();
          const client = await connect({ will: WILL });
          return async () => {
            await vanished(client);
            return (await scene.arrived()) === 0 ? 'not published' : DONE;
          };
        },
      },
      retained: {
        denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^mine\\.\\*$' }] },
        refused: 'not shown',
        // The filter may be subscribed to, its topics are asked for one by one.
        attempt: async (client) => {
          const keeper = await admin();
          keeper.publish('mine/kept', 'x', 1, 1, { retain: true });
          await keeper.next('puback');
          await keeper.leave();
          expect(await client.subscribe('mine/+', 0)).toBe(0);
          await client.settle();
          const came = client.packets.some(({ cmd }) => cmd === 'publish');
          client.packets.length = 0;
          client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['mine/+'] });
          await client.next('unsuback');
          return came ? DONE : 'not shown';
        },
      },
      // A response topic is a topic like any other.
      ...(v5 && { 'reply-to': { denied: NOT_MINE, attempt: (client) => publishes(client, 'mine/replies') } }),
    },
  });
}

/**
 * Clients that never stop: MQTT's, STOMP's and Redis' publishers whose messages nobody takes, and clients that ask and never read. AMQP's
 * are in `memory.ts`.
 */
import {
  type Abuser,
  AmqpAbuser,
  bindQueue,
  declareQueue,
  MqttAbuser,
  many,
  mqtt,
  type Ports,
  RedisAbuser,
  redisCommand,
  StompAbuser,
} from '../wire.ts';
import { type Case, CONTENT, forever, MARK_BYTES } from './case.ts';

const TEXT = CONTENT.toString('latin1');
const AT_A_TIME = 64;

const stompSend = (destination: string, headers = ''): Buffer =>
  Buffer.from(`SEND\ndestination:${destination}\n${headers}\n${TEXT}\0`);

/** A queue that nobody consumes, with all that `key` brings of the exchange that topics and channels live in. */
async function heap(ports: Ports, key: string): Promise<void> {
  const owner = await AmqpAbuser.open(ports.amqp);
  await owner.sync(Buffer.concat([declareQueue('heap', 0), bindQueue('heap', 'amq.topic', key)]));
}

/** A case in which one client sends the same again and again. */
function flood(name: string, prepare: (ports: Ports) => Promise<readonly [client: Abuser, piece: Buffer]>): Case {
  return {
    name,
    residentMaxBytes: MARK_BYTES,
    measuredMs: 3_000,
    async prepare(ports) {
      const [client, piece] = await prepare(ports);
      return () => forever(client, piece);
    },
  };
}

export const FLOODS: readonly Case[] = [
  flood('an MQTT publisher that never stops, at QoS 0, to a queue that nobody consumes', async (ports) => {
    await heap(ports, 'flood.#');
    const client = await MqttAbuser.open(ports.mqtt, 'flood');
    return [client, many(AT_A_TIME, () => mqtt.publish(4, 0x30, 'flood/a', undefined, TEXT))];
  }),
  flood('an MQTT publisher that never stops, at QoS 1, to a session that is away', async (ports) => {
    const away = await MqttAbuser.open(ports.mqtt, 'away', 0x00);
    await away.sync(mqtt.packet(0x82, mqtt.u16(1), mqtt.text('flood/#'), 1));
    away.socket.destroy();
    const client = await MqttAbuser.open(ports.mqtt, 'flood');
    return [client, many(AT_A_TIME, (i) => mqtt.publish(4, 0x32, 'flood/a', 1 + i, TEXT))];
  }),
  flood('an MQTT publisher at QoS 1 that never stops and never reads its acknowledgements', async (ports) => {
    const client = await MqttAbuser.open(ports.mqtt, 'flood');
    client.socket.pause();
    return [client, many(1_000, (i) => mqtt.publish(4, 0x32, 'flood/a', 1 + i, 'x'))];
  }),
  flood('a STOMP publisher that never stops, to a queue that nobody consumes', async (ports) => {
    const client = await StompAbuser.open(ports.stomp);
    return [client, many(AT_A_TIME, () => stompSend('/queue/heap'))];
  }),
  flood('a STOMP publisher that never stops and never reads its receipts', async (ports) => {
    const client = await StompAbuser.open(ports.stomp);
    client.socket.pause();
    return [client, many(1_000, () => Buffer.from(`SEND\ndestination:/topic/none\nreceipt:${'r'.repeat(200)}\n\nx\0`))];
  }),
  flood('a Redis publisher that never stops, to a queue that nobody consumes', async (ports) => {
    await heap(ports, 'flood');
    const client = await RedisAbuser.open(ports.redis);
    return [client, many(AT_A_TIME, () => redisCommand('PUBLISH', 'flood', TEXT))];
  }),
  flood('a Redis client that pushes onto a list without end', async (ports) => {
    const client = await RedisAbuser.open(ports.redis);
    return [client, many(AT_A_TIME, () => redisCommand('LPUSH', 'heap', TEXT))];
  }),
  flood('a Redis client that asks without end and reads no answer', async (ports) => {
    const client = await RedisAbuser.open(ports.redis);
    client.socket.pause();
    return [client, many(AT_A_TIME, () => redisCommand('ECHO', TEXT))];
  }),
  flood('STOMP subscribers that never read, whose publisher never stops', async (ports) => {
    for (let i = 0; i < 4; i++) {
      const reader = await StompAbuser.open(ports.stomp);
      // One by one of a queue, the others of a topic.
      const destination = i === 0 ? '/queue/unread' : '/topic/unread';
      const subscribe = `SUBSCRIBE\nid:s\ndestination:${destination}\nack:auto\nreceipt:there\n\n\0`;
      await reader.ask(Buffer.from(subscribe), Buffer.from('receipt-id:there'));
      reader.socket.pause();
    }
    const client = await StompAbuser.open(ports.stomp);
    return [client, many(AT_A_TIME, (i) => stompSend(i % 2 === 0 ? '/topic/unread' : '/queue/unread'))];
  }),
  flood('Redis subscribers that never read, whose publisher never stops', async (ports) => {
    for (let i = 0; i < 4; i++) {
      const reader = await RedisAbuser.open(ports.redis);
      await reader.write(redisCommand('HELLO', '3'));
      await reader.sync(i % 2 === 0 ? redisCommand('SUBSCRIBE', 'unread') : redisCommand('PSUBSCRIBE', 'un*'));
      reader.socket.pause();
    }
    const client = await RedisAbuser.open(ports.redis);
    return [client, many(AT_A_TIME, () => redisCommand('PUBLISH', 'unread', TEXT))];
  }),
];

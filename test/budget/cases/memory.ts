/** Abuses of memory: who sends without end what nobody takes, and who takes without end what it does not read. */
import {
  AmqpAbuser,
  bindQueue,
  consume,
  declareExchange,
  declareQueue,
  MqttAbuser,
  many,
  message,
  mqtt,
} from '../wire.ts';
import { type Case, CONTENT, forever, MARK_BYTES } from './case.ts';

export const MEMORY: readonly Case[] = [
  {
    name: 'a publisher that never stops, of transient messages that nobody consumes',
    residentMaxBytes: MARK_BYTES,
    measuredMs: 3_000,
    async prepare(ports) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(declareQueue('heap', 0));
      return () =>
        forever(
          client,
          many(64, () => message('', 'heap', CONTENT)),
        );
    },
  },
  {
    name: 'consumers that never read, whose publisher never stops',
    residentMaxBytes: MARK_BYTES,
    measuredMs: 3_000,
    async prepare(ports) {
      const publisher = await AmqpAbuser.open(ports.amqp);
      await publisher.sync(declareExchange('all', 'fanout'));
      for (let i = 0; i < 4; i++) {
        const reader = await AmqpAbuser.open(ports.amqp);
        await reader.sync(Buffer.concat([declareQueue(`r${i}`, 0), bindQueue(`r${i}`, 'all', '')]));
        await reader.sync(consume(`r${i}`, 'c', true));
        reader.socket.pause();
      }
      for (let i = 0; i < 4; i++) {
        const reader = await MqttAbuser.open(ports.mqtt, `never-reads-${i}`);
        await reader.sync(mqtt.packet(0x82, mqtt.u16(1), mqtt.text('#'), 0));
        reader.socket.pause();
      }
      const piece = many(64, (i) => message(i % 2 === 0 ? 'all' : 'amq.topic', 'a.b', CONTENT));
      return () => forever(publisher, piece);
    },
  },
  {
    name: 'a consumer without prefetch that settles nothing, whose publisher never stops',
    residentMaxBytes: MARK_BYTES,
    measuredMs: 3_000,
    async prepare(ports) {
      const consumer = await AmqpAbuser.open(ports.amqp);
      await consumer.sync(declareQueue('held', 0));
      await consumer.sync(consume('held', 'c', false));
      const publisher = await AmqpAbuser.open(ports.amqp);
      return () =>
        forever(
          publisher,
          many(1_000, () => message('', 'held', CONTENT.subarray(0, 16))),
        );
    },
  },
];

/** Properties that are long when they have crossed are written from where they lie: every receiver of every kind gets all of them. */
import { connect as amqpConnect, type ConsumeMessage } from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { StompWire } from './stomp-wire.ts';

const COUNT = 2_000;
const HEADERS = Object.fromEntries(Array.from({ length: COUNT }, (_, i) => [`header-${i}`, `value ${i}`]));
/** One that is copied, one that is written from where it lies, one that comes in pieces. */
const BODIES = ['short', 'x'.repeat(20_000), 'y'.repeat(200_000)];

let broker: RunningBroker;
const open: (() => unknown)[] = [];

beforeAll(async () => {
  broker = await createBroker({ listen: ['amqp', 'mqtt', 'stomp'].map((name) => `${name}://127.0.0.1:0`) });
});
afterAll(async () => {
  for (const close of open) await close();
  await broker.close();
});

async function device(): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, { protocolVersion: 5 });
  open.push(() => client.endAsync(true));
  return client;
}

async function channel() {
  const connection = await amqpConnect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  open.push(() => connection.close());
  return connection.createConfirmChannel();
}

/** Compared without the bodies in the report: what is wrong is to be found in it. */
const lengthOf = ({ headers, body }: Seen) => ({ headers: Object.keys(headers).length, body: body.length });

type Seen = { readonly headers: Record<string, unknown>; readonly body: string };

async function devices(topic: string, qos: 0 | 1, seen: Seen[]): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const client = await device();
    client.on('message', (_topic, body, packet) => {
      seen.push({ headers: { ...packet.properties?.userProperties }, body: String(body) });
    });
    await client.subscribeAsync(topic, { qos });
  }
}

async function consumers(key: string, seen: Seen[]): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const consumer = await channel();
    const { queue } = await consumer.assertQueue('', { exclusive: true });
    await consumer.bindQueue(queue, 'amq.topic', key);
    const take = (message: ConsumeMessage | null): void => {
      seen.push({ headers: message!.properties.headers ?? {}, body: String(message!.content) });
    };
    await consumer.consume(queue, take, { noAck: true });
  }
}

async function subscribers(destination: string, seen: Seen[]): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const client = await StompWire.open(broker.port('stomp'), (headers, body) => {
      const own = [...headers].filter(([name]) => name.startsWith('header-'));
      seen.push({ headers: Object.fromEntries(own), body });
    });
    open.push(() => client.close());
    await client.subscribe(destination);
  }
}

it.each(BODIES.map((body) => [body.length, body] as const))(
  'with a body of %i bytes, of an AMQP publisher',
  async (length, body) => {
    const seen = { qos0: [] as Seen[], qos1: [] as Seen[], stomp: [] as Seen[] };
    await devices(`from/amqp/${length}`, 0, seen.qos0);
    await devices(`from/amqp/${length}`, 1, seen.qos1);
    await subscribers(`/topic/from.amqp.${length}`, seen.stomp);
    const publisher = await channel();
    for (let i = 0; i < 2; i++)
      publisher.publish('amq.topic', `from.amqp.${length}`, Buffer.from(body), { headers: HEADERS });
    await publisher.waitForConfirms();
    const all = Array.from({ length: 4 }, () => ({ headers: HEADERS, body }));
    for (const kind of Object.values(seen)) await expect.poll(() => kind.length, { timeout: 10_000 }).toBe(4);
    for (const [kind, got] of Object.entries(seen)) expect(got.map(lengthOf), kind).toEqual(all.map(lengthOf));
    expect(seen).toEqual({ qos0: all, qos1: all, stomp: all });
  },
);

it.each(BODIES.map((body) => [body.length, body] as const))(
  'with a body of %i bytes, of an MQTT publisher',
  async (length, body) => {
    const seen = { same: [] as Seen[], amqp: [] as Seen[], stomp: [] as Seen[] };
    await devices(`from/mqtt/${length}`, 0, seen.same);
    await consumers(`from.mqtt.${length}`, seen.amqp);
    await subscribers(`/topic/from.mqtt.${length}`, seen.stomp);
    const publisher = await device();
    const properties = { userProperties: HEADERS };
    for (let i = 0; i < 2; i++) await publisher.publishAsync(`from/mqtt/${length}`, body, { qos: 1, properties });
    const all = Array.from({ length: 4 }, () => ({ headers: HEADERS, body }));
    for (const kind of Object.values(seen)) await expect.poll(() => kind.length, { timeout: 10_000 }).toBe(4);
    for (const [kind, got] of Object.entries(seen)) expect(got.map(lengthOf), kind).toEqual(all.map(lengthOf));
    expect(seen).toEqual({ same: all, amqp: all, stomp: all });
  },
);

/** What a client says of itself decides how it is understood. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { frame, GREETING, header, long, method, methodOf, publish, short, u8, u16, u32, Wire } from '../wire.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
});
afterAll(() => broker.close());

const startOk = (product: string): Buffer =>
  method(
    0,
    10,
    11,
    long(Buffer.concat([short('product'), u8(0x53), long(product)])),
    short('PLAIN'),
    long('\0guest\0guest'),
    short('en_US'),
  );
const qos = (count: number): Buffer => method(1, 60, 10, u32(0), u16(count), u8(0));
const send = (queue: string, text: string): Buffer =>
  Buffer.concat([publish(1, '', queue), header(1, text.length), frame(3, 1, Buffer.from(text))]);

interface Running {
  readonly wire: Wire;
  /** Sets the prefetch, and counts what is delivered until a reply that comes behind it. */
  deliveries(prefetch: number): Promise<number>;
}

/** A consumer with a prefetch of 1 on a queue of five, which has got the first. */
async function consuming(port: number, product: string): Promise<Running> {
  const wire = await Wire.open(port, startOk(product));
  const queue = `q-${product}`;
  wire.send(method(1, 50, 10, u16(0), short(queue), u8(0b100), u32(0)), qos(1));
  wire.send(method(1, 60, 20, u16(0), short(queue), short('c'), u8(0), u32(0)));
  wire.send(...['1', '2', '3', '4', '5'].map((text) => send(queue, text)));
  await wire.until('60.60');
  return {
    wire,
    async deliveries(prefetch) {
      wire.send(qos(prefetch), method(1, 50, 10, u16(0), short(queue), u8(1), u32(0)));
      for (let seen = 0; ; ) {
        const name = methodOf(await wire.next());
        if (name === '60.60') seen++;
        if (name === '50.11') return seen;
      }
    },
  };
}

async function raisedTo(port: number, product: string): Promise<number> {
  const { wire, deliveries } = await consuming(port, product);
  const count = 1 + (await deliveries(3));
  wire.destroy();
  return count;
}

// kombu, which Celery stands on, takes brokers that are not RabbitMQ at the specification's word, and comes with py-amqp.
describe('basic.qos without global, while a consumer runs', () => {
  test('changes it for a library that reads the specification so, up and down', async () => {
    const { wire, deliveries } = await consuming(broker.ports.amqp, 'py-amqp');
    expect(await deliveries(3)).toBe(2);
    await deliveries(1);
    wire.send(method(1, 60, 80, u32(0), u32(2), u8(1)));
    expect(await deliveries(1)).toBe(0); // it still holds one
    wire.send(method(1, 60, 80, u32(0), u32(3), u8(0)));
    expect(await deliveries(1)).toBe(1);
    wire.destroy();
  });

  test('changes nothing for others, as with RabbitMQ', async () => {
    expect(await raisedTo(broker.ports.amqp, 'another')).toBe(1);
  });
});

test('clients are told the product that the operator has set, and those that ask for it are understood so', async () => {
  const running = await startTestBroker({
    listen: ['amqp://127.0.0.1:0'],
    amqp: { product: 'RabbitMQ', productVersion: '3.10.8' },
  });
  try {
    const wire = await Wire.connect(running.ports.amqp);
    wire.send(GREETING);
    const start = (await wire.next()).payload.toString('latin1');
    expect(start).toContain('\x07productS\0\0\0\x08RabbitMQ');
    expect(start).toContain('\x07versionS\0\0\0\x063.10.8');
    // What it really is stands beside it.
    expect(start).toMatch(/information.{5}Entrepot \d/);
    wire.destroy();
    expect(await raisedTo(running.ports.amqp, 'py-amqp')).toBe(1);
  } finally {
    await running.close();
  }
});

/** A consumer that holds a delivery for too long loses its channel or is cancelled, and the message goes to someone else. */
import amqplib, { type Channel, type ChannelModel, type ConsumeMessage, type GetMessage } from 'amqplib';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { startTestBroker } from '../../../support/broker.ts';
import { pass } from '../../../support/pass.ts';
import { closeOf, method, methodOf, short, u8, u16, u32, u64, Wire } from '../wire.ts';

test('the channel is closed as RabbitMQ closes it, and the message comes again', async () => {
  const clock = new ManualClock();
  const broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], clock });
  const slow = await Wire.open(broker.ports.amqp);
  slow.send(method(1, 50, 10, u16(0), short('slow'), u8(0), u32(0)));
  slow.send(method(1, 60, 40, u16(0), short(''), short('slow'), u8(0)));
  slow.send(Buffer.from([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xce]));
  slow.send(method(1, 60, 20, u16(0), short('slow'), short('t'), u8(0), u32(0)));
  await slow.until('60.60');
  await pass(clock, 29 * 60_000);
  slow.send(method(1, 60, 10, u32(0), u16(1), u8(0)));
  await slow.until('60.11');
  await pass(clock, 3 * 60_000);
  expect(closeOf(await slow.until('20.40'))).toBe(
    '406 PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. ' +
      'This timeout value can be configured, see consumers doc guide to learn more',
  );
  slow.send(method(1, 20, 41), method(1, 20, 10, short('')), method(1, 60, 70, u16(0), short('slow'), u8(0)));
  expect((await slow.until('60.71')).payload[12]).toBe(1);
  slow.send(method(1, 60, 80, u64(1), u8(0)));
  slow.destroy();
  await broker.close();
});

test('with a limit of 0 a delivery may be held for ever; one that is held by basic.get counts like any other', async () => {
  for (const [consumerTimeout, closed] of [
    [0, false],
    [1_800_000, true],
  ] as const) {
    const clock = new ManualClock();
    const broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], clock, amqp: { consumerTimeout } });
    const wire = await Wire.open(broker.ports.amqp);
    wire.send(method(1, 50, 10, u16(0), short('held'), u8(0), u32(0)));
    wire.send(method(1, 60, 40, u16(0), short(''), short('held'), u8(0)));
    wire.send(Buffer.from([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xce]));
    wire.send(method(1, 60, 70, u16(0), short('held'), u8(0)));
    await wire.until('60.71');
    await pass(clock, 32 * 60_000);
    wire.send(method(1, 60, 10, u32(0), u16(1), u8(0)));
    let told = '';
    while (told !== '20.40' && told !== '60.11') told = methodOf(await wire.next());
    expect(told === '20.40').toBe(closed);
    wire.destroy();
    await broker.close();
  }
});

interface Silent {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  readonly closed: Promise<Error>;
  readonly got: (ConsumeMessage | null)[];
  until(count: number): Promise<void>;
}

/** A queue with messages, and a consumer that answers nothing by itself. */
async function silent(port: number, vhost: string, queue: object, consumer: object, bodies = ['m']): Promise<Silent> {
  const connection = await amqplib.connect(`amqp://127.0.0.1:${port}/${encodeURIComponent(vhost)}?heartbeat=0`);
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  const closed = new Promise<Error>((resolve) => channel.on('error', resolve));
  await channel.assertQueue('q', { arguments: queue });
  for (const body of bodies) channel.sendToQueue('q', Buffer.from(body));
  const got: (ConsumeMessage | null)[] = [];
  let heard = (): void => {};
  const until = async (count: number): Promise<void> => {
    while (got.length < count) await new Promise<void>((resolve) => (heard = resolve));
  };
  const record = (message: ConsumeMessage | null): void => {
    got.push(message);
    heard();
  };
  await channel.consume('q', record, { arguments: consumer });
  await until(bodies.length);
  return { connection, channel, closed, got, until };
}

/** @param policy of the vhost `/` */
async function within(policy: object | null, act: (port: number, clock: ManualClock) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const policies = policy === null ? [] : [{ name: 'p', pattern: '^q$', definition: policy as Record<string, number> }];
  const vhosts = { '/': { policies }, four: { compat: 'rabbitmq-4' as const } };
  const broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], clock, vhosts });
  await act(broker.ports.amqp, clock);
  await broker.close();
}

test.each([
  ['the queue', { 'x-consumer-timeout': 60_000 }, {}, null],
  [
    'the consumer, whatever the queue says',
    { 'x-consumer-timeout': 3_600_000 },
    { 'x-consumer-timeout': 60_000 },
    null,
  ],
  ['a policy, where it says less', { 'x-consumer-timeout': 3_600_000 }, {}, { 'consumer-timeout': 60_000 }],
])('the limit is said by %s', (_by, queue, consumer, policy) =>
  within(policy, async (port, clock) => {
    const { connection, closed, channel } = await silent(port, '/', queue, consumer);
    await pass(clock, 59_000);
    await channel.checkQueue('q');
    await pass(clock, 6_000);
    expect((await closed).message).toContain('Timeout value used: 60000 ms');
    const other = await connection.createChannel();
    const again = await other.get('q');
    expect(again && [again.fields.redelivered, again.properties.headers]).toEqual([true, {}]);
    await connection.close();
  }),
);

test('with 0 the queue says that nothing is limited, and a consumer that answers is never late', () =>
  within(null, async (port, clock) => {
    const first = await silent(port, '/', { 'x-consumer-timeout': 0 }, {});
    await pass(clock, 3 * 3_600_000);
    await first.channel.checkQueue('q');
    await first.connection.close();
    const busy = await silent(port, 'four', {}, { 'x-consumer-timeout': 60_000 });
    for (let i = 1; i <= 20; i++) {
      await pass(clock, 30_000);
      busy.channel.ack(busy.got.at(-1)!);
      busy.channel.sendToQueue('q', Buffer.from(`${i}`));
      await busy.until(i + 1);
    }
    await busy.connection.close();
  }));

test('under rabbitmq-4 the consumer is cancelled and the channel stays; what comes too late changes nothing', () =>
  within(null, async (port, clock) => {
    const { connection, channel, got, until } = await silent(port, 'four', {}, { 'x-consumer-timeout': 60_000 }, [
      'a',
      'b',
    ]);
    channel.ack(got[1]!);
    await channel.checkQueue('q');
    await pass(clock, 66_000);
    await until(3);
    expect(got[2]).toBeNull(); // basic.cancel
    channel.ack(got[0]!);
    const again = await channel.get('q');
    expect(again && [again.content.toString(), again.fields.redelivered]).toEqual(['a', true]);
    channel.ack(again as GetMessage);
    expect((await channel.checkQueue('q')).messageCount).toBe(0);
    await connection.close();
  }));

test('under rabbitmq-4 a client that cannot be told of a cancel, and a basic.get, lose the channel', () =>
  within(null, async (port, clock) => {
    const connection = await amqplib.connect(`amqp://127.0.0.1:${port}/four?heartbeat=0`);
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    const closed = new Promise<Error>((resolve) => channel.on('error', resolve));
    await channel.assertQueue('q', { arguments: { 'x-consumer-timeout': 60_000 } });
    channel.sendToQueue('q', Buffer.from('m'));
    await channel.get('q');
    await pass(clock, 66_000);
    expect((await closed).message).toContain('406');
    await connection.close();
  }));

test('what a transaction has acknowledged is not taken back before its commit', () =>
  within(null, async (port, clock) => {
    const wire = await Wire.open(port);
    const args = Buffer.concat([short('x-lease'), Buffer.from('I'), u32(1_000)]);
    wire.send(method(1, 50, 10, u16(0), short('q'), u8(0), u32(args.length), args));
    wire.send(method(1, 60, 40, u16(0), short(''), short('q'), u8(0)));
    wire.send(Buffer.from([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xce]));
    wire.send(method(1, 60, 20, u16(0), short('q'), short('t'), u8(0), u32(0)));
    await wire.until('60.60');
    wire.send(method(1, 90, 10), method(1, 60, 80, u64(1), u8(0)), method(1, 60, 10, u32(0), u16(1), u8(0)));
    await wire.until('60.11');
    await pass(clock, 10_000);
    wire.send(method(1, 90, 20));
    await wire.until('90.21');
    wire.send(method(1, 60, 70, u16(0), short('q'), u8(1)));
    await wire.until('60.72');
    wire.destroy();
  }));

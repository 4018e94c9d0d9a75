/** A consumer that holds a delivery for too long loses its channel, and the message goes to someone else. */
import { describe, expect, test } from 'vitest';
import { AckTimeout, TICKS_PER_TIMEOUT } from '../../../../protocols/amqp/deliver/ack-timeout.ts';
import { TagWindow } from '../../../../protocols/amqp/deliver/tag-window.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { startTestBroker } from '../../../support/broker.ts';
import { closeOf, method, methodOf, short, u8, u16, u32, u64, Wire } from '../wire.ts';

describe('the time-out', () => {
  test('counts from the delivery, not from when the delivery became the oldest', () => {
    const held = new TagWindow<object>();
    const timeout = new AckTimeout();
    const first = held.push({}, 0);
    const second = held.push({}, 1);
    for (let i = 0; i < TICKS_PER_TIMEOUT; i++) expect(timeout.tick(held)).toBe(false);
    held.take(first);
    expect(timeout.tick(held)).toBe(true);
    held.take(second);
    expect(timeout.tick(held)).toBe(false);
  });

  test('does not mind a consumer that is slow but settles', () => {
    const held = new TagWindow<object>();
    const timeout = new AckTimeout();
    for (let i = 0; i < 200; i++) held.push({}, i);
    for (let tick = 0; tick < 1_000; tick++) {
      for (let i = 0; i < 10; i++) {
        held.take(held.first());
        held.push({}, 0);
      }
      expect(timeout.tick(held)).toBe(false);
    }
  });
});

test('the channel is closed as RabbitMQ closes it, and the message comes again', async () => {
  const clock = new ManualClock();
  const broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], clock });
  const slow = await Wire.open(broker.ports.amqp);
  slow.send(method(1, 50, 10, u16(0), short('slow'), u8(0), u32(0)));
  slow.send(method(1, 60, 40, u16(0), short(''), short('slow'), u8(0)));
  slow.send(Buffer.from([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xce]));
  slow.send(method(1, 60, 20, u16(0), short('slow'), short('t'), u8(0), u32(0)));
  await slow.until('60.60');
  clock.advance(29 * 60_000);
  slow.send(method(1, 60, 10, u32(0), u16(1), u8(0)));
  await slow.until('60.11');
  clock.advance(3 * 60_000);
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
    clock.advance(32 * 60_000);
    wire.send(method(1, 60, 10, u32(0), u16(1), u8(0)));
    let told = '';
    while (told !== '20.40' && told !== '60.11') told = methodOf(await wire.next());
    expect(told === '20.40').toBe(closed);
    wire.destroy();
    await broker.close();
  }
});

/** `x-opt-delivery-time` and `x-opt-delivery-delay` in every protocol that has properties: when a message is to be routed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import type { RawClient } from '../protocols/mqtt/raw-client.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { Amqp, mqttClient, mqttProperties, Stomp, WIRES, type Wire } from './harness.ts';

let clock: ManualClock;
let broker: TestBroker;
let amqp: Amqp;
let stomp: Stomp;
let device: RawClient;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startTestBroker({ data: null, clock });
  amqp = await Amqp.open(broker);
  stomp = await Stomp.open(broker);
  device = await mqttClient(broker, 'device', true);
  await amqp.declare('q');
});
afterEach(async () => {
  amqp.close();
  stomp.close();
  await broker.close();
});

async function send(wire: Wire, text: string, name: string, value: number): Promise<void> {
  const body = text.padEnd(1, ' ');
  if (wire === 'amqp') await amqp.publish('', 'q', { [`h:${name}`]: `l:${value}` }, body);
  else if (wire === 'stomp') await stomp.sure('SEND', { destination: '/queue/q', [name]: `${value}` }, body);
  else {
    device.publish('$queue/q', body, 1, 1, { properties: mqttProperties({ [`u:${name}`]: `${value}` })! });
    await device.next('puback');
  }
}

describe.each(WIRES)('%s', (wire) => {
  it('a message comes when its time is there, whatever the exchange', async () => {
    await send(wire, 'timed', 'x-opt-delivery-time', clock.epochMs() + 5_000);
    await send(wire, 'delayed', 'x-opt-delivery-delay', 3_000);
    await amqp.publish('', 'q', {}, 'plain');
    expect((await amqp.next('q')).body).toBe('plain');
    clock.advance(2_900);
    expect(await amqp.get('q')).toBeUndefined();
    clock.advance(200);
    expect((await amqp.next('q')).body).toBe('delayed');
    clock.advance(1_700);
    expect(await amqp.get('q')).toBeUndefined();
    clock.advance(400);
    expect((await amqp.next('q')).body).toBe('timed');
  });

  it('one whose time has passed goes at once, in its order', async () => {
    await send(wire, 'a', 'x-opt-delivery-time', clock.epochMs() - 1);
    await amqp.publish('', 'q', {}, 'b');
    expect([(await amqp.next('q')).body, (await amqp.next('q')).body]).toEqual(['a', 'b']);
  });
});

it('a time counts from when it was said, and not from the commit of its transaction', async () => {
  await stomp.sure('BEGIN', { transaction: 't' });
  const time = `${clock.epochMs() + 2_000}`;
  stomp.send('SEND', { destination: '/queue/q', transaction: 't', 'x-opt-delivery-time': time }, 'timed');
  clock.advance(1_500);
  await stomp.sure('COMMIT', { transaction: 't' });
  expect(await amqp.get('q')).toBeUndefined();
  clock.advance(600);
  expect((await amqp.next('q')).body).toBe('timed');
});

it('one that is further away than the broker can wait is refused, and never early', async () => {
  await expect(send('stomp', 'x', 'x-opt-delivery-delay', 2 ** 33)).rejects.toThrow(/x-opt-delivery-delay/);
  expect(await amqp.get('q')).toBeUndefined();
});

it('a timestamp of AMQP is a time, of whole seconds', async () => {
  const seconds = Math.ceil(clock.epochMs() / 1_000) + 2;
  await amqp.publish('', 'q', { 'h:x-opt-delivery-time': `T:${seconds}` }, 'timed');
  clock.advance(seconds * 1_000 - clock.epochMs() - 100);
  expect(await amqp.get('q')).toBeUndefined();
  clock.advance(200);
  expect((await amqp.next('q')).body).toBe('timed');
});

it('what is no integer is no time', async () => {
  await amqp.publish('', 'q', { 'h:x-opt-delivery-time': 'S:tomorrow' }, 'x');
  expect((await amqp.next('q')).body).toBe('x');
});

/** While memory is past its mark publishers are held back, and 5.0 hears of it; nothing that was acknowledged is lost, and it heals. */
import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';

const PAST = { memory: { highWatermark: '1 MiB' } } as const;

let clock: ManualClock;
let broker: TestBroker;
let clients: MqttClient[];
let got: string[];

beforeEach(async () => {
  clock = new ManualClock();
  clients = [];
  got = [];
  broker = await startTestBroker({ clock, listen: ['mqtt://127.0.0.1:0', 'http://127.0.0.1:0'] });
  const reader = await connect(5);
  reader.on('message', (_topic, payload) => got.push(payload.toString().slice(0, 20)));
  await reader.subscribeAsync('t', { qos: 2 });
});

afterEach(async () => {
  broker.setLimits({});
  clock.advance(10_000);
  for (const client of clients) client.end(true);
  await broker.close();
});

async function connect(protocolVersion: 4 | 5): Promise<MqttClient> {
  const options = { reconnectPeriod: 0, protocolVersion, keepalive: 0 } as const;
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, options);
  clients.push(client);
  return client;
}

/** How publishes were answered so far, by their payloads. */
function publishes(client: MqttClient, qos: 0 | 1 | 2, ...payloads: (string | Buffer)[]): Map<string, string> {
  const answers = new Map<string, string>();
  for (const payload of payloads) {
    const name = payload.toString().slice(0, 20);
    client.publish('t', payload, { qos }, (error) => {
      answers.set(name, error ? `0x${(error as { code?: number }).code?.toString(16)}` : 'taken');
    });
  }
  return answers;
}

/** The mark is passed, and the client has noticed: the first message that comes is taken still. */
async function pass(client: MqttClient): Promise<void> {
  broker.setLimits(PAST);
  const first = publishes(client, 1, 'first');
  await until(() => first.get('first') === 'taken');
}

/** What the client has sent has come. */
async function second(answers: Map<string, string>, size: number): Promise<void> {
  const began = performance.now();
  while (answers.size < size && performance.now() - began < 5_000) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it.each([1, 2] as const)(
  'QoS %i: what has waited for a second is refused with 0x97, one at a time, and the rest is taken when there is room',
  async (qos) => {
    const client = await connect(5);
    await pass(client);
    const answers = publishes(client, qos, 'a', 'b', 'c');
    await second(answers, 1);
    expect([...answers]).toEqual([['a', '0x97']]);
    clock.advance(500);
    expect(answers.size).toBe(1);
    await second(answers, 2);
    expect(answers.get('b')).toBe('0x97');
    broker.setLimits({});
    await until(() => answers.size === 3);
    expect(answers.get('c')).toBe('taken');
    await until(() => got.length === 2);
    expect(got).toEqual(['first', 'c']);
    const text = await (await fetch(`http://127.0.0.1:${broker.port('http')}/metrics`)).text();
    expect(text).toMatch(/event="held_refused"\} 2$/m);
  },
);

it('a large body is refused as a small one', async () => {
  const client = await connect(5);
  await pass(client);
  const answers = publishes(client, 1, Buffer.alloc(1_000_000, 'L'), 'after');
  await second(answers, 1);
  expect([...answers]).toEqual([['L'.repeat(20), '0x97']]);
  broker.setLimits({});
  await until(() => answers.get('after') === 'taken');
  await until(() => got.length === 2);
});

it('QoS 0 cannot be told, and waits with all behind it until there is room', async () => {
  const client = await connect(5);
  await pass(client);
  publishes(client, 0, 'zero');
  const answers = publishes(client, 1, 'behind');
  for (let i = 0; i < 50; i++) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([answers.size, got.length]).toEqual([0, 1]);
  broker.setLimits({});
  await until(() => got.length === 3);
  expect(got).toEqual(['first', 'zero', 'behind']);
});

it('3.1.1 has no word for it: it waits, and goes on', async () => {
  const client = await connect(4);
  await pass(client);
  const answers = publishes(client, 1, 'a', 'b');
  for (let i = 0; i < 50; i++) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(answers.size).toBe(0);
  broker.setLimits({});
  await until(() => answers.size === 2);
  expect(got).toEqual(['first', 'a', 'b']);
});

it('who subscribes to $SYS/broker/publish/held is told, 3.1.1 as well', async () => {
  const watcher = await connect(4);
  const said: string[] = [];
  watcher.on('message', (_topic, payload) => said.push(payload.toString()));
  await watcher.subscribeAsync('$SYS/broker/publish/held');
  await until(() => said.length === 1);
  broker.setLimits(PAST);
  clock.advance(10_000);
  await until(() => said.length === 2);
  broker.setLimits({});
  clock.advance(10_000);
  await until(() => said.length === 3);
  expect(said).toEqual(['no', 'memory', 'no']);
});

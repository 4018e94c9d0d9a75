/** `entrepot bench`: it counts what it says, in every protocol, and leaves nothing behind. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Latencies } from '../../src/command/bench/latencies.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { entrepot } from './harness.ts';

const directory = temporaryDirectory();
const data = join(directory.path, 'data');
let broker: RunningBroker;

beforeAll(async () => {
  broker = await createBroker({ data, listen: ['http://127.0.0.1:0', 'amqp+mqtt+stomp://127.0.0.1:0'] });
});
afterAll(async () => {
  await broker.close();
  directory.remove();
});

interface Result {
  readonly published: number;
  readonly received: number;
  readonly expected: number;
  readonly publishedPerSecond: number;
  readonly endToEndMs: Readonly<Record<string, number>>;
  readonly confirmMs: Readonly<Record<string, number | null>>;
}

async function bench(...args: readonly string[]): Promise<Result> {
  const { code, stdout, stderr } = await entrepot('bench', '--data', data, '--json', ...args);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Result;
}

const counted = (): number => broker.broker.vhostsByName.get('/')!.counters.published;

describe.each(['amqp', 'mqtt', 'stomp'])('%s', (protocol) => {
  it('publishes as many as were asked for, confirmed, and sees all of them come', async () => {
    const before = counted();
    const result = await bench('--protocol', protocol, '--count', '3000', '--producers', '2', '--window', '100');
    expect(counted() - before).toBe(3000);
    expect(result).toMatchObject({ published: 3000, received: 3000, expected: 3000 });
    const { p50, p99, max } = result.endToEndMs;
    expect(0 < p50! && p50! <= p99! && p99! <= max!).toBe(true);
    expect(result.confirmMs['p50']).toBeGreaterThan(0);
  });

  it('publishes without confirms', async () => {
    const result = await bench('--protocol', protocol, '--count', '500', '--no-confirms', '--transient');
    expect(result).toMatchObject({ published: 500, received: 500, confirmMs: { p50: null } });
  });

  it('publishes bodies of many frames and of the least size', async () => {
    await bench('--protocol', protocol, '--count', '20', '--size', '300KiB');
    await bench('--protocol', protocol, '--count', '20', '--size', '16');
  });
});

it('gives each subscriber of a topic every message, and a queue none twice', async () => {
  expect(await bench('--protocol', 'mqtt', '--count', '300', '--consumers', '3')).toMatchObject({ received: 900 });
  expect(await bench('--protocol', 'amqp', '--count', '300', '--consumers', '3')).toMatchObject({ received: 300 });
  expect(await bench('--count', '300', '--consumers', '0')).toMatchObject({ published: 300, received: 0, expected: 0 });
});

it('keeps to a rate', async () => {
  const { publishedPerSecond } = await bench('--rate', '1000', '--count', '500');
  expect(publishedPerSecond).toBeGreaterThan(400);
  expect(publishedPerSecond).toBeLessThan(1_050);
});

it('takes what it has made away again', async () => {
  await bench('--count', '10', '--consumers', '0');
  expect(broker.broker.vhostsByName.get('/')!.topology.queues.has('entrepot-bench')).toBe(false);
  const left = [...broker.broker.vhostsByName.get('/')!.topology.queues.values()];
  expect(left.filter(({ name, options }) => name.includes('bench') && options.arguments.length === 0)).toEqual([]);
});

it('says how it went in words', async () => {
  const { stdout } = await entrepot('bench', '--data', data, '--count', '100');
  expect(stdout).toMatch(
    /^Load +amqp, 1 producer, 1 consumer\nMessages +1\.0 KiB, persistent, confirmed, 1,000 open at most\nConfirmed +100 in .*\nReceived +100 in .*\nEnd to end +p50 .*\nConfirms +p50 .*\nGenerator +\d+ % of a processor/,
  );
});

it('tells wrong usage, who is not let in, and who is not there', async () => {
  for (const wrong of [
    ['--size', '5'],
    ['--count', '0'],
    ['--rate', 'x'],
    ['--protocol', 'smtp'],
    ['--address', 'x://y'],
    ['--user', 'eve'],
  ]) {
    expect((await entrepot('bench', '--data', data, ...wrong)).code).toBe(2);
  }
  writeFileSync(join(directory.path, 'wrong'), 'wrong', { mode: 0o600 });
  const login = ['--user', 'eve', '--password-file', join(directory.path, 'wrong')];
  for (const protocol of ['amqp', 'mqtt', 'stomp']) {
    const { code, stderr } = await entrepot('bench', '--data', data, '--protocol', protocol, ...login);
    expect([code, stderr.split('\n').length]).toEqual([1, 2]);
  }
  const { code, stderr } = await entrepot('bench', '--address', 'amqp://127.0.0.1:1');
  expect(code).toBe(3);
  expect(stderr).toMatch(/^entrepot: amqp:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
});

describe('latencies', () => {
  it('are told within two in a hundred', () => {
    const latencies = new Latencies();
    for (let i = 1; i <= 10_000; i++) latencies.add(i / 100);
    for (const [part, ms] of [
      [0.5, 50],
      [0.99, 99],
      [1, 100],
    ] as const) {
      expect(latencies.percentile(part)! / ms).toBeGreaterThan(0.99);
      expect(latencies.percentile(part)! / ms).toBeLessThan(1.021);
    }
    expect(new Latencies().percentile(0.5)).toBeUndefined();
  });
});

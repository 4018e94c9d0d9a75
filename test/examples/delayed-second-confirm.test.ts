/**
 * The recipe in `examples/delayed-second-confirm`, with its programs as processes of their own: each is killed at each of its steps, messages
 * of each kind are lost, the callback service is away. In the end every order has been done once, and is confirmed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import amqplib, { type Channel, type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../support/broker.ts';

const SOURCE = fileURLToPath(new URL('../../examples/delayed-second-confirm/src/', import.meta.url));
const SERVICES = ['upstream', 'downstream', 'callback'] as const;
type Name = (typeof SERVICES)[number];
const QUEUES = ['orders', 'confirms', 'checks', 'resends'];

let broker: TestBroker;
let data: Awaited<ReturnType<typeof temporaryDirectory>>;
let connection: ChannelModel;
let channel: Channel;
let worlds = 0;

beforeAll(async () => {
  data = await temporaryDirectory();
  broker = await startTestBroker({ data: join(data.path, 'broker') });
  connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  channel = await connection.createChannel();
});
afterAll(async () => {
  await connection?.close();
  await broker?.close();
  await data?.remove();
});

/** The three services, under somebody who starts them again when they have died. */
class World {
  readonly prefix = `w${++worlds}-`;
  private readonly running = new Map<Name, ChildProcess>();
  private over = false;
  /** How often each has died. */
  readonly deaths: Record<Name, number> = { upstream: 0, downstream: 0, callback: 0 };

  start(name: Name, { dieAt, orders = [] }: { dieAt?: string; orders?: readonly string[] } = {}): void {
    const child = spawn(process.execPath, [join(SOURCE, `${name}.ts`), ...orders], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: {
        ...{ PATH: process.env['PATH'], PREFIX: this.prefix, JOURNAL: this.path(name), CHECK_DELAY_MS: '400' },
        AMQP_URL: `amqp://127.0.0.1:${broker.ports.amqp}`,
        ...(dieAt !== undefined && { DIE_AT: dieAt }),
      },
    });
    this.running.set(name, child);
    child.once('exit', () => {
      if (this.over || this.running.get(name) !== child) return;
      this.deaths[name]++;
      this.start(name, { orders });
    });
  }

  /** It is away until it is started again. */
  async stop(name: Name): Promise<void> {
    const child = this.running.get(name);
    if (child === undefined) return;
    this.running.delete(name);
    const gone = once(child, 'exit');
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await gone;
    }
  }

  async end(): Promise<void> {
    this.over = true;
    for (const name of SERVICES) await this.stop(name);
  }

  private path(name: Name): string {
    return join(data.path, `${this.prefix}${name}`);
  }

  /** What a service has written, line by line: a line that is there twice was done twice. */
  lines(name: Name): string[] {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8').split('\n').slice(0, -1) : [];
  }

  has(name: Name, line: string): boolean {
    return this.lines(name).includes(line);
  }

  /** Takes everything out of a queue that comes while `meanwhile` waits. */
  async losing(queue: string, meanwhile: (lost: () => number) => Promise<void>): Promise<number> {
    let lost = 0;
    const name = this.prefix + queue;
    await channel.assertQueue(name, { durable: true });
    const { consumerTag } = await channel.consume(name, (message) => {
      if (message === null) return;
      lost++;
      channel.ack(message);
    });
    await meanwhile(() => lost);
    await channel.cancel(consumerTag);
    return lost;
  }

  async waiting(): Promise<number> {
    let sum = 0;
    for (const queue of QUEUES) sum += (await channel.assertQueue(this.prefix + queue, { durable: true })).messageCount;
    return sum;
  }
}

/** Until it holds; what it waits for is on its way, in other processes. */
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (await holds()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 25);
    });
  }
  throw new Error(`it never came: ${what}`);
}

/** Every order is done once and confirmed, and nothing is under way. */
async function consistent(world: World, orders: readonly string[]): Promise<void> {
  await until(() => orders.every((id) => world.has('callback', `confirmed ${id}`)), 'every confirm');
  await until(() => orders.every((id) => world.has('upstream', `published ${id}`)), 'what upstream notes');
  await until(async () => (await world.waiting()) === 0, 'empty queues');
  expect(world.lines('downstream').sort()).toEqual(orders.map((id) => `done ${id}`).sort());
}

async function inWorld(act: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await act(world);
  } finally {
    await world.end();
  }
}

const ORDERS = ['a', 'b'];
const STEPS: readonly (readonly [Name, string])[] = [
  ['upstream', 'placed'],
  ['upstream', 'order-sent'],
  ['upstream', 'check-sent'],
  ['upstream', 'published'],
  ['downstream', 'order-came'],
  ['downstream', 'done'],
  ['downstream', 'confirm-sent'],
  ['callback', 'confirm-came'],
  ['callback', 'noted'],
  ['callback', 'check-came'],
];

describe('every order is done once and confirmed', { timeout: 60_000 }, () => {
  test.each(STEPS)('where %s dies at %s', (name, dieAt) =>
    inWorld(async (world) => {
      for (const one of SERVICES) {
        world.start(one, { ...(one === 'upstream' && { orders: ORDERS }), ...(one === name && { dieAt }) });
      }
      await until(() => world.deaths[name] > 0, `the death of ${name}`);
      await consistent(world, ORDERS);
    }),
  );

  test.each([
    ['callback', 'asked-again'],
    ['upstream', 'sent-again'],
  ] as const)('where %s dies at %s, after an order was lost', (name, dieAt) =>
    inWorld(async (world) => {
      const lost = await world.losing('orders', async () => {
        world.start('upstream', { orders: ORDERS, ...(name === 'upstream' && { dieAt }) });
        await until(() => ORDERS.every((id) => world.has('upstream', `published ${id}`)), 'orders that are lost');
      });
      world.start('downstream');
      world.start('callback', name === 'callback' ? { dieAt } : {});
      expect(lost).toBeGreaterThan(0);
      await until(() => world.deaths[name] > 0, `the death of ${name}`);
      await consistent(world, ORDERS);
    }),
  );

  test('where the confirms were lost', () =>
    inWorld(async (world) => {
      const lost = await world.losing('confirms', async () => {
        world.start('upstream', { orders: ORDERS });
        world.start('downstream');
        await until(() => ORDERS.every((id) => world.has('downstream', `done ${id}`)), 'work whose confirms are lost');
        await until(async () => (await channel.checkQueue(`${world.prefix}orders`)).messageCount === 0, 'all of it');
        await world.stop('downstream');
      });
      expect(lost).toBeGreaterThan(0);
      world.start('downstream');
      world.start('callback');
      await consistent(world, ORDERS);
    }));

  test('where the checks were lost, and the orders were not', () =>
    inWorld(async (world) => {
      world.start('downstream');
      await world.losing('checks', async (lost) => {
        world.start('upstream', { orders: ORDERS });
        await until(() => lost() === ORDERS.length, 'the checks');
      });
      world.start('callback');
      await consistent(world, ORDERS);
    }));

  test('where the callback service is away until all checks have come', () =>
    inWorld(async (world) => {
      world.start('upstream', { orders: ORDERS });
      world.start('downstream');
      await until(
        async () => (await channel.assertQueue(`${world.prefix}checks`, { durable: true })).messageCount === 2,
        'both checks',
      );
      world.start('callback');
      await consistent(world, ORDERS);
    }));
});

/** What readers and operators are told of a message that has failed: in other brokers' words, how often, and why it is gone. */
import { expect } from 'vitest';
import { untilAsked } from '../../../support/until.ts';
import { type Cell, type Feature, readable, reading } from './feature.ts';

/** How a queue is told to retry, and how long what failed once waits then. */
const DIALECTS: readonly [whose: string, args: object, delayMs: number][] = [
  ['RabbitMQ', { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': 300, 'x-delayed-retry-max': 900 }, 300],
  ['LavinMQ', { 'x-delayed-retry-min': 300, 'x-delayed-retry-multiplier': 3 }, 300],
  ['RocketMQ', { 'x-retry-delays': 'rocketmq' }, 10_000],
  ['Spring', { 'x-retry-initial-interval': 300, 'x-retry-max-attempts': 3 }, 300],
];

/** Fails a message that came alone; it is back after so long, and not before. */
async function failOnce(cell: Cell, queue: string, delayMs: number): Promise<void> {
  const { scene } = cell;
  await scene.put(queue, 'poor');
  await reading(cell, queue, async (reader) => {
    await (await reader.next()).end('fail');
    await scene.pass(delayMs - 100);
    expect((await scene.count(queue)) + reader.waiting).toBe(0);
    await scene.pass(200);
    await (await reader.next()).end('accept');
    await untilAsked(async () => (await scene.count(queue)) === 0, 'its end');
  });
}

export const TELLING: readonly Feature[] = [
  {
    name: 'retries in four brokers’ words',
    async run(cell) {
      for (const [whose, args, delayMs] of DIALECTS) await failOnce(cell, await readable(cell, whose, args), delayMs);
      return 'each waited as long as it says';
    },
  },
  {
    name: 'how often it came back',
    async run(cell) {
      const { scene, protocol } = cell;
      const queue = await readable(cell, 'counted', { 'x-queue-type': 'quorum' });
      await scene.put(queue, 'poor');
      return reading(cell, queue, async (reader) => {
        for (let failed = 0; failed < 2; failed++) await (await reader.next()).end('fail');
        const third = await reader.next();
        expect([third.header('x-delivery-count'), third.header('x-acquired-count')]).toEqual(['2', '2']);
        await third.end('accept');
        return protocol === 'HTTP' ? 'attempts 2, acquired 2' : 'x-delivery-count 2, x-acquired-count 2';
      });
    },
  },
  {
    name: 'a death record of its own is counted on',
    async run(cell) {
      const { scene, side } = cell;
      const dead = await readable(cell, 'dead');
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
      const queue = await scene.queue('fatal', args);
      const headers = {
        ...{ 'x-first-death-queue': 'first', 'x-first-death-reason': 'expired' },
        ...{ 'x-last-death-queue': queue, 'x-last-death-reason': 'rejected', 'x-death-count': '3' },
      };
      expect(await side.publish(queue, 'again', { headers })).toBe('taken');
      const got = await scene.channel.get(queue);
      if (got !== false) scene.channel.nack(got, false, false);
      await scene.until(dead, 1);
      return reading(cell, dead, async (reader) => {
        const letter = await reader.next();
        expect(letter.header('x-first-death-queue')).toBe('first');
        const listed = JSON.parse(letter.header('x-death') ?? '[]') as { count: number }[];
        const sum = listed.reduce((total, { count }) => total + count, 0);
        // Who is shown the list counts it; what else an AMQP publisher has said is shown as he said it.
        expect(listed.length > 0 ? sum : Number(letter.header('x-death-count'))).toBe(4);
        await letter.end('accept');
        return 'four deaths, the first is known';
      });
    },
  },
  {
    name: 'why it was dropped',
    async run(cell) {
      const { scene } = cell;
      const queue = await readable(cell, 'fatal');
      await scene.put(queue, 'refused', { messageId: queue });
      await reading(cell, queue, async (reader) => (await reader.next()).end('reject'));
      type Dropped = { queue: string; messageId?: string };
      const found = async (): Promise<Dropped | undefined> =>
        (await scene.v1<{ dropped: Dropped[] }>('/dropped?reason=rejected')).dropped.find((one) => one.queue === queue);
      await untilAsked(async () => (await found()) !== undefined, 'why');
      expect(await found()).toMatchObject({ reason: 'rejected' });
      return 'rejected, in its queue';
    },
  },
];

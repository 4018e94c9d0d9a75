/** Lists that others have to do with: queues that were declared or deleted by other protocols. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { QueueOptions } from '../../../../src/api/index.ts';
import { RedisHarness } from '../harness.ts';

const QUEUE: QueueOptions = { durable: true, exclusive: false, autoDelete: false, arguments: [] };

let harness: RedisHarness;
beforeEach(async () => {
  harness = await RedisHarness.start();
});
afterEach(() => harness.stop());

it('a queue that another protocol has declared is a list of the first order that it is used in', async () => {
  (await harness.session()).declareQueue('theirs', QUEUE);
  const raw = await harness.open();
  expect(await raw.call('LPUSH', 'theirs', 'a')).toBe(1);
  expect(await raw.call('LPOP', 'theirs')).toMatchObject({ text: expect.stringMatching(/filled with LPUSH/) });
  expect(await raw.call('RPOP', 'theirs')).toBe('a');
});

it('a list that somebody deletes is made again by who fills it next', async () => {
  const session = await harness.session();
  const raw = await harness.open();
  expect(await raw.call('LPUSH', 'q', 'a')).toBe(1);
  session.deleteQueue('q', false, false);
  expect(await raw.call('LPUSH', 'q', 'b')).toBe(1);
  expect(await raw.call('RPOP', 'q')).toBe('b');
});

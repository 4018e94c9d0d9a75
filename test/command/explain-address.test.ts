/** `entrepot explain`: what an address leads to, and what a subscription to it would get, in words and as exit codes. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { temporaryDirectory } from '../support/broker.ts';
import { entrepot } from './harness.ts';

let running: RunningBroker;
let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(async () => {
  directory = temporaryDirectory();
  running = await createBroker({ data: directory.path, listen: 'http://127.0.0.1:0' });
  await running.users.put('ann', { password: 'ann' });
  await running.users.setPermissions('ann', '/', { configure: '', write: '.*', read: '^orders$' });
});
afterEach(async () => {
  await running.close();
  directory.remove();
});

const explained = (...args: string[]) => entrepot('explain', ...args, '--data', directory.path);

it('says where a message would go, and 1 where nobody would get it', async () => {
  const lost = await explained('mqtt:plant/1', '--of', 'ann');
  expect(lost).toMatchObject({ code: 1, stderr: '' });
  expect(lost.stdout.split('\n').slice(0, 2)).toEqual([
    'nobody would get it',
    "  published to exchange 'amq.topic' with the key 'plant.1'",
  ]);
  await entrepot('queues', 'add', 'orders', '--data', directory.path);
  const found = await explained('queue:orders');
  expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining('one queue would get it\n') });
  expect(found.stdout).toContain("  queue 'orders': 0 messages, 0 consumers\n");
});

it('says what a subscription would get, and 1 where its user may not, or there is nothing to read', async () => {
  await entrepot('queues', 'add', 'orders', '--data', directory.path);
  const mine = await explained('queue:orders', '--subscribe', '--of', 'ann');
  expect(mine).toMatchObject({
    code: 0,
    stdout: `subscribers would take turns; messages wait in the queue
  queue 'orders': 0 messages, 0 consumers
  allowed: user 'ann', read queue 'orders': permission '^orders$'
`,
  });
  const refused = await explained('mqtt:plant/+/#', '--of', 'ann');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/^user 'ann' may not subscribe to it\n/);
  expect(refused.stdout).toContain("  denied: user 'ann', read exchange 'amq.topic': permission '^orders$'\n");
  expect(await explained('queue:gone', '--subscribe')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("there is no queue 'gone'"),
  });
  const json = JSON.parse((await explained('redis:news.*', '--subscribe', '--json')).stdout);
  expect(json).toMatchObject({ as: 'subscribe', granted: true, binding: { key: 'news.#' }, permissions: [] });
});

it('refuses what is no address, in words', async () => {
  expect(await explained('plant/1')).toMatchObject({ code: 2 });
  const neither = await explained('mqtt:a/#/b');
  expect(neither).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining("'a/#/b' is no topic") });
  const own = await explained('stomp:/temp-queue/x', '--publish');
  expect(own.stderr.split('/temp-queue/x')).toHaveLength(2);
});

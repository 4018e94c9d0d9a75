/** Limits of vhosts and users over RabbitMQ's HTTP API: which numbers they take, and what they mean, as RabbitMQ has it. */
import amqp from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApiBroker, startApi } from './harness.ts';

let api: ApiBroker;
const put = (path: string, value: unknown) => api.ask(path, { method: 'PUT', login: 'root:pw', body: { value } });
const get = (path: string) => api.ask(path, { login: 'root:pw' });

beforeEach(async () => {
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } };
  api = await startApi({ users: { root: { password: 'pw', tags: ['administrator'], permissions } } });
});
afterEach(() => api.close());

async function comesIn(): Promise<boolean> {
  try {
    await (await amqp.connect(`amqp://root:pw@127.0.0.1:${api.port('amqp')}`)).close();
    return true;
  } catch {
    return false;
  }
}

it.each([
  ['/user-limits/root', 'max-connections'],
  ['/vhost-limits/%2F', 'max-connections'],
])('%s takes any whole number, and a negative one is none', async (path, name) => {
  for (const value of [-1, -2, -1_000, 5, 2 ** 40]) {
    expect((await put(`${path}/${name}`, 0)).status).toBe(204);
    expect(await comesIn()).toBe(false);
    expect((await put(`${path}/${name}`, value)).status).toBe(204);
    expect((await get(path)).body).toMatchObject([{ value: { [name]: value } }]);
    expect(await comesIn()).toBe(true);
  }
});

it.each([
  ['/user-limits/root/max-channels', '5', 'max-channels should be a number, actually was <<"5">>'],
  ['/user-limits/root/max-channels', 1.5, 'max-channels should be a number, actually was 1.5'],
  ['/user-limits/root/max-channels', null, 'max-channels should be a number, actually was null'],
  ['/user-limits/root/odd', -1, 'Unrecognised terms [{<<"odd">>,-1}] in user-limits'],
  ['/vhost-limits/%2F/max-queues', true, 'Validation failed\n\nmax-queues should be a number, actually was true\n'],
  ['/vhost-limits/%2F/max-queues', [], 'Validation failed\n\nmax-queues should be a number, actually was []\n'],
  ['/vhost-limits/%2F/odd', 'x', 'Validation failed\n\nUnrecognised terms [{<<"odd">>,<<"x">>}] in limits\n'],
])('%s refuses %j in words', async (path, value, reason) => {
  expect(await put(path, value)).toMatchObject({ status: 400, body: { error: 'bad_request', reason } });
});

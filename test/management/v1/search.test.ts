/** One text, looked for in the names of all that there is, as far as who asks may see it. */
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startV1, type V1Broker } from './harness.ts';

const everything = { configure: '.*', write: '.*', read: '.*' };
const nothing = { configure: '', write: '', read: '' };

let broker: V1Broker;
beforeAll(async () => {
  broker = await startV1({
    listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'],
    vhosts: { '/': {}, other: {} },
    users: {
      guest: { password: 'guest', tags: ['administrator'], permissions: { '/': everything, other: everything } },
      plant: { password: 'plant', tags: ['management'], permissions: { '/': nothing } },
    },
  });
  const channel = await broker.channel();
  for (const name of ['old.plant', 'plant', 'plant.1', 'PLANT.2', 'elsewhere']) await channel.assertQueue(name);
  for (let i = 0; i < 20; i++) await channel.assertQueue(`line.${i}`);
  await channel.assertExchange('plants', 'topic');
  await broker.operator.policies.set('other', {
    ...{ name: 'plant-policy', kind: 'policy', pattern: 'x', definition: { 'max-length': 1 }, applyTo: 'all' },
    priority: 0,
  });
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, {
    ...{ username: 'guest', password: 'guest', clientId: 'plant-gateway', clean: false },
  });
  await client.subscribeAsync('x', { qos: 1 });
  await client.publishAsync('plant/line.1/state', 'on', { qos: 1, retain: true });
});
afterAll(() => broker.close());

// biome-ignore lint/suspicious/noExplicitAny: an answer is looked at part by part
async function search(text: string, login = 'guest:guest', more = ''): Promise<any> {
  const { status, body } = await broker.ask(`/search?text=${encodeURIComponent(text)}${more}`, { login });
  expect(status).toBe(200);
  return body;
}

const named = (found: { kind: string; name: string }[], kind: string): string[] =>
  found.filter((one) => one.kind === kind).map(({ name }) => name);

it('finds every kind of thing, what is called so first, whatever the case', async () => {
  const { found } = await search('Plant');
  const queues = named(found, 'queue');
  expect(queues.filter((one) => !one.startsWith('mqtt'))).toEqual(['plant', 'PLANT.2', 'plant.1', 'old.plant']);
  expect(named(found, 'exchange')).toEqual(['plants']);
  expect(named(found, 'session')).toEqual(['plant-gateway']);
  expect(named(found, 'topic')).toEqual(['plant.line/1.state']);
  expect(found).toContainEqual({ kind: 'policy', name: 'plant-policy', vhost: 'other' });
  expect(named(found, 'user')).toEqual(['plant']);
  expect(found).toContainEqual({
    ...{ kind: 'connection', name: expect.stringMatching(/^127\.0\.0\.1:\d+ -> /), vhost: '/' },
    about: 'plant-gateway, guest',
  });
});

it('finds a topic as its publisher spells it', async () => {
  expect(named((await search('line.1/state')).found, 'topic')).toEqual(['plant.line/1.state']);
});

it('answers a few of each kind and says how many there are', async () => {
  const { found, matching } = await search('line.', undefined, '&limit=3');
  expect(named(found, 'queue')).toHaveLength(3);
  expect(matching).toContainEqual({ kind: 'queue', matching: 20 });
});

it('shows nobody what he may not see', async () => {
  const { found, matching } = await search('plant', 'plant:plant');
  expect(new Set(found.map(({ kind }: { kind: string }) => kind))).toEqual(new Set(['queue', 'exchange']));
  expect(matching.map(({ kind }: { kind: string }) => kind)).toEqual(['queue', 'exchange']);
  expect((await broker.ask('/search?text=', {})).status).toBe(400);
});

/** Bindings over `/v1/`: pages of them, by their ends. */
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
const list = (query: string) => broker.ask(`/vhosts/%2F/bindings?${query}`);

beforeEach(async () => {
  broker = await startV1({ listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'] });
  const channel = await broker.channel();
  await channel.assertExchange('orders', 'topic');
  await channel.assertExchange('archive', 'headers');
  await channel.bindExchange('archive', 'orders', 'done.#');
  for (const name of ['a', 'b', 'c']) {
    await channel.assertQueue(name);
    await channel.bindQueue(name, 'orders', `new.${name}`);
  }
  await channel.bindQueue('a', 'archive', '', { 'x-match': 'any', size: 5 });
});
afterEach(() => broker.close());

describe('bindings', () => {
  it('from an exchange are listed a page at a time, to queues and to exchanges', async () => {
    const { body } = await list('source=orders&limit=3');
    expect(body).toMatchObject({ total: 4, matching: 4 });
    const next = await list('source=orders&limit=3&skip=3');
    const all = [...body.bindings, ...next.body.bindings].map(
      ({ destinationType, destination, key }: Record<string, string>) => `${destinationType} ${destination} ${key}`,
    );
    expect(all.sort()).toEqual(['exchange archive done.#', 'queue a new.a', 'queue b new.b', 'queue c new.c']);
  });

  it('to a queue or an exchange are those alone, with their arguments', async () => {
    const { body } = await list('queue=a');
    expect(body.bindings).toContainEqual({
      source: 'archive',
      destination: 'a',
      destinationType: 'queue',
      key: '',
      spelling: 'dots',
      arguments: { 'x-match': 'any', size: 5 },
    });
    expect(body.bindings.map(({ source }: { source: string }) => source).sort()).toEqual(['', 'archive', 'orders']);
    expect((await list('exchange=archive')).body).toMatchObject({
      total: 1,
      bindings: [{ source: 'orders', key: 'done.#' }],
    });
  });

  it('are looked for by key and destination', async () => {
    expect((await list('source=orders&name=new.b')).body).toMatchObject({
      total: 4,
      matching: 1,
      bindings: [{ destination: 'b' }],
    });
    expect((await list('source=orders&name=archive')).body).toMatchObject({ matching: 1 });
  });

  it('of MQTT clients are told in their own spelling', async () => {
    const client = await connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, {
      ...{ username: 'guest', password: 'guest', clientId: 'meter', protocolVersion: 5, clean: false },
      properties: { sessionExpiryInterval: 60 },
    });
    await client.subscribeAsync('v1.2/+/t', { qos: 1 });
    const { body } = await list('source=amq.topic');
    expect(body.bindings).toMatchObject([{ key: 'v1.2/+/t', spelling: 'slashes', destinationType: 'queue' }]);
    await client.endAsync();
  });

  it('ask for the tag management and the vhost', async () => {
    expect((await broker.ask('/vhosts/none/bindings')).status).toBe(404);
    expect((await broker.ask('/vhosts/%2F/bindings', { login: null })).status).toBe(401);
  });
});

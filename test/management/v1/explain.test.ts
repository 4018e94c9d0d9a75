/** Addresses explained over `/v1/`, in every protocol's own words, against what a publish really does. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let channel: ConfirmChannel;
const explain = (query: Record<string, string>, login = 'guest:guest') =>
  broker.ask(`/explain?${new URLSearchParams(query)}`, { login });

beforeEach(async () => {
  broker = await startV1();
  channel = await broker.channel();
  await channel.assertQueue('q');
  await channel.assertExchange('rest', 'fanout');
  await channel.assertExchange('x', 'direct', { alternateExchange: 'rest' });
  await channel.bindQueue('q', 'x', 'k');
  await channel.bindQueue('q', 'amq.topic', 'a.*');
});
afterEach(() => broker.close());

describe('an explanation', () => {
  it.each([
    [
      'amqp',
      { address: 'x', key: 'k' },
      { exchange: 'x', type: 'direct', bindings: [{ exchange: 'x', key: 'k', to: { queue: 'q' } }] },
    ],
    ['amqp', { address: '', key: 'q' }, { exchange: '', type: 'default', key: 'q', bindings: [] }],
    ['mqtt', { address: 'a/b' }, { exchange: 'amq.topic', key: 'a.b', bindings: [{ key: 'a.*' }] }],
    ['mqtt', { address: '$queue/q' }, { exchange: '', key: 'q' }],
    ['mqtt', { address: '$delayed/5/a/b' }, { delayMs: 5000, key: 'a.b' }],
    ['stomp', { address: '/topic/a.b' }, { exchange: 'amq.topic', key: 'a.b' }],
    ['stomp', { address: '/queue/q' }, { exchange: '', key: 'q' }],
    ['stomp', { address: '/exchange/x/k' }, { exchange: 'x', key: 'k' }],
    ['redis', { address: 'a.b' }, { exchange: 'amq.topic', key: 'a.b' }],
  ])('of %s %j leads to the queue', async (protocol, address, expected) => {
    const answered = await explain({ protocol, ...address });
    expect(answered.body).toMatchObject({
      protocol,
      user: 'guest',
      delivered: true,
      queues: [{ name: 'q', durable: true }],
      ...expected,
    });
  });

  it('tells what an alternate gets, and what leads nowhere', async () => {
    const lost = await explain({ protocol: 'amqp', address: 'x', key: 'other' });
    expect(lost.body).toMatchObject({
      ...{ delivered: false, queues: [], bindings: [] },
      alternates: [{ exchange: 'x', alternate: 'rest' }],
    });
    await channel.bindQueue('q', 'rest', '');
    expect((await explain({ protocol: 'amqp', address: 'x', key: 'other' })).body).toMatchObject({
      ...{ delivered: true, queues: [{ name: 'q' }] },
      bindings: [{ exchange: 'rest', to: { queue: 'q' } }],
    });
    expect((await explain({ protocol: 'amqp', address: 'gone', key: '' })).body).toMatchObject({
      type: null,
      delivered: false,
    });
    expect((await explain({ protocol: 'amqp', address: 'amq.headers', key: '' })).body).toMatchObject({
      perMessage: true,
    });
  });

  it('tells which queue a destination would declare, without declaring it', async () => {
    const answered = await explain({ protocol: 'stomp', address: '/queue/new' });
    expect(answered.body).toMatchObject({ declares: 'new', delivered: true });
    expect((await broker.ask('/vhosts/%2F/queues/new')).status).toBe(404);
  });

  it.each([
    ['mqtt', 'a/#', 400],
    ['mqtt', '$SYS/x', 400],
    ['stomp', '/nothing/x', 400],
    ['stomp', '/temp-queue/x', 400],
    ['smoke', 'x', 404],
  ])('of %s %s says why there is none', async (protocol, address, status) => {
    const answered = await explain({ protocol, address });
    expect(answered.status).toBe(status);
    expect(answered.body.detail).toContain(protocol === 'smoke' ? 'smoke' : address);
  });

  it('names the rule that decides for a user', async () => {
    await broker.close();
    const all = { configure: '.*', write: '.*', read: '.*' };
    broker = await startV1({
      users: {
        root: { password: 'r', tags: ['administrator'], permissions: { '/': all } },
        some: { password: 's', tags: ['management'], permissions: { '/': { ...all, write: '^amq\\.topic$' } } },
      },
    } as never);
    const asked = { protocol: 'mqtt', address: 'a/b', user: 'some' };
    expect((await explain(asked, 'root:r')).body.permissions).toMatchObject([
      {
        action: 'write',
        resource: 'exchange',
        name: 'amq.topic',
        allowed: true,
        decidedBy: 'permission',
        pattern: '^amq\\.topic$',
      },
      { resource: 'topic', routingKey: 'a.b', allowed: true, decidedBy: 'no-topic-permission' },
    ]);
    const refused = await explain({ protocol: 'amqp', address: 'amq.direct', key: 'k' }, 'some:s');
    expect(refused.body).toMatchObject({
      delivered: false,
      permissions: [{ allowed: false, pattern: '^amq\\.topic$' }],
    });
    expect((await explain({ ...asked, user: 'root' }, 'some:s')).status).toBe(403);
    expect((await explain({ ...asked, user: 'nobody' }, 'root:r')).body).toMatchObject({
      permissions: [{ decidedBy: 'no-permissions' }, {}],
    });
  });
});

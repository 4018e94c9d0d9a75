/** Addresses explained over `/v1/`, in every protocol's own words, against what a publish and a subscription really do. */
import type { ConfirmChannel } from 'amqplib';
import mqtt from 'mqtt';
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
    const answered = await explain({ protocol, address, as: 'publish' });
    expect(answered.status).toBe(status);
    // Once, and not again behind it.
    expect(answered.body.detail.split(protocol === 'smoke' ? 'smoke' : address)).toHaveLength(2);
  });

  it('is of a subscription where nothing can be published', async () => {
    for (const [protocol, address] of [
      ['mqtt', 'a/#'],
      ['mqtt', '$share/g/a/+'],
      ['mqtt', '$SYS/x'],
      ['stomp', '/temp-queue/x'],
    ] as const) {
      const answered = await explain({ protocol, address });
      expect([address, answered.status, answered.body.as]).toEqual([address, 200, 'subscribe']);
    }
    const neither = await explain({ protocol: 'mqtt', address: 'a/#/b' });
    expect([neither.status, neither.body.detail]).toEqual([400, expect.stringContaining('no topic')]);
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

describe('an explanation of a subscription', () => {
  const subscribing = (query: Record<string, string>, login?: string) => explain({ as: 'subscribe', ...query }, login);
  const ownUse = [
    { action: 'read', resource: 'exchange', name: 'amq.topic', allowed: true },
    { action: 'read', resource: 'topic', name: 'amq.topic', allowed: true },
  ];

  it.each([
    [
      'amqp',
      { address: 'q' },
      {
        ...{ queueName: 'q', declares: false, shared: true, waits: 'queue' },
        queue: { name: 'q', durable: true, consumers: 0, messages: 0, exclusive: false },
        bindings: [
          { exchange: 'x', key: 'k', to: { queue: 'q' } },
          { exchange: 'amq.topic', key: 'a.*', to: { queue: 'q' } },
        ],
        permissions: [{ action: 'read', resource: 'queue', name: 'q', allowed: true }],
      },
    ],
    [
      'amqp',
      { address: 'x', key: 'k' },
      {
        ...{ declares: true, shared: false, waits: 'connection' },
        binding: { exchange: 'x', type: 'direct', key: 'k', isThere: false },
        permissions: [
          { action: 'configure', resource: 'queue', name: 'amq.gen-' },
          { action: 'write', resource: 'queue', name: 'amq.gen-' },
          { action: 'read', resource: 'exchange', name: 'x' },
          { action: 'read', resource: 'queue', name: 'amq.gen-' },
        ],
      },
    ],
    [
      'mqtt',
      { address: 'a/+/#', clientId: 'c' },
      {
        ...{ queueName: 'mqtt-subscription-c', declares: true, shared: false, waits: 'session' },
        binding: { exchange: 'amq.topic', type: 'topic', key: 'a.*.#' },
        retained: { count: 0, withheld: 0, keys: [] },
        permissions: [ownUse[0], { ...ownUse[1], routingKey: 'a.*.#' }],
      },
    ],
    [
      'mqtt',
      { address: '$share/g/a/#' },
      {
        ...{ queueName: '$share/g/a/#', declares: true, shared: true, waits: 'queue' },
        binding: { exchange: 'amq.topic', key: 'a.#', isThere: false },
        permissions: ownUse,
      },
    ],
    [
      'stomp',
      { address: '/topic/a.*' },
      { declares: true, shared: false, waits: 'connection', binding: { exchange: 'amq.topic', key: 'a.*' } },
    ],
    ['stomp', { address: '/queue/new' }, { queueName: 'new', declares: true, shared: true, bindings: [] }],
    ['stomp', { address: '/queue/Consumer.c.VirtualTopic.t' }, { binding: { key: 'VirtualTopic.t' } }],
    ['amqp10', { address: '/queues/q' }, { queueName: 'q', declares: false, shared: true, waits: 'queue' }],
    [
      'amqp10',
      { address: '/topic/a.*' },
      { declares: true, shared: false, waits: 'connection', binding: { exchange: 'amq.topic', key: 'a.*' } },
    ],
    [
      'redis',
      { address: 'news.*' },
      { declares: true, shared: false, waits: 'never', binding: { exchange: 'amq.topic', key: 'news.#' } },
    ],
  ])('of %s %j', async (protocol, address, expected) => {
    const { body } = await subscribing({ protocol, ...address });
    expect(body).toMatchObject({ as: 'subscribe', protocol, user: 'guest', granted: true, cut: false, ...expected });
    expect((await broker.ask('/vhosts/%2F/queues/new')).status).toBe(404);
  });

  it('tells by which ways messages come, also from other exchanges', async () => {
    await channel.assertExchange('first', 'fanout');
    await channel.bindExchange('x', 'first', '');
    const { body } = await subscribing({ protocol: 'amqp', address: 'q' });
    expect(body.bindings).toContainEqual({ exchange: 'first', key: '', to: { exchange: 'x' } });
    expect((await subscribing({ protocol: 'amqp', address: 'gone', key: '' })).body).toMatchObject({
      ...{ granted: false, binding: { type: null } },
    });
    expect((await subscribing({ protocol: 'amqp', address: 'gone' })).body).toMatchObject({ granted: false });
  });

  it('counts what is retained, and what of it is not for this user, as a subscriber then gets it', async () => {
    await broker.close();
    const all = { configure: '.*', write: '.*', read: '.*' };
    broker = await startV1({ listen: ['http://127.0.0.1:0', 'mqtt://127.0.0.1:0'] });
    await broker.users.put('root', { password: 'r', tags: ['administrator'] });
    await broker.users.put('some', { password: 's' });
    for (const user of ['root', 'some']) await broker.users.setPermissions(user, '/', all);
    await broker.users.setTopicPermissions('some', '/', 'amq.topic', { write: '', read: '^plant\\.(1|\\*)' });
    const options = { username: 'root', password: 'r' };
    const publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, options);
    for (const line of [1, 2, 3]) await publisher.publishAsync(`plant/${line}`, 'x', { retain: true, qos: 1 });
    await publisher.publishAsync('plant/2', '', { retain: true, qos: 1 });
    await publisher.endAsync();
    const asked = { protocol: 'mqtt', address: 'plant/+' };
    expect((await subscribing(asked, 'root:r')).body.retained).toEqual({
      ...{ count: 2, withheld: 0 },
      keys: expect.arrayContaining(['plant.1', 'plant.3']),
    });
    const others = await subscribing({ ...asked, user: 'some' }, 'root:r');
    expect(others.body).toMatchObject({ granted: true, retained: { count: 1, withheld: 1, keys: ['plant.1'] } });
    const reader = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, {
      username: 'some',
      password: 's',
    });
    const got: string[] = [];
    reader.on('message', (topic) => void got.push(topic));
    await reader.subscribeAsync('plant/+', { qos: 1 });
    await expect.poll(() => got).toEqual(['plant/1']);
    await reader.endAsync();
    const elsewhere = await subscribing({ protocol: 'mqtt', address: 'other/#', user: 'some' }, 'root:r');
    expect(elsewhere.body).toMatchObject({ granted: false, permissions: [{ allowed: true }, { allowed: false }] });
  });

  it.each([
    ['mqtt', 'a/#/b'],
    ['mqtt', '$share/g'],
    ['mqtt', '$queue/q'],
    ['stomp', '/nothing/x'],
    ['stomp', '/remote-temp-queue/x'],
    ['stomp', '/queue/a,/queue/b'],
    ['amqp', ''],
  ])('of %s %s says why there is none', async (protocol, address) => {
    const answered = await subscribing({ protocol, address });
    expect([answered.status, answered.body.detail.split(address || 'missing').length]).toEqual([400, 2]);
  });
});

it('tells what goes by headers where it is told those of the message', async () => {
  const own = await startV1();
  try {
    const channel = await own.channel();
    await channel.assertExchange('by-headers', 'headers');
    for (const [queue, colour] of [
      ['reds', 'red'],
      ['blues', 'blue'],
    ] as const) {
      await channel.assertQueue(queue);
      await channel.bindQueue(queue, 'by-headers', '', { 'x-match': 'all', colour, size: 3 });
    }
    const asked = async (headers?: string) => {
      const more = headers === undefined ? '' : `&headers=${encodeURIComponent(headers)}`;
      return own.ask(`/explain?protocol=amqp&address=by-headers&key=${more}`);
    };
    expect((await asked()).body).toMatchObject({ perMessage: true, queues: [] });
    expect((await asked('{"colour": "red", "size": 3}')).body).toMatchObject({
      ...{ perMessage: false, delivered: true, queues: [{ name: 'reds' }] },
    });
    expect((await asked('{"colour": "red"}')).body).toMatchObject({ delivered: false, queues: [] });
    for (const wrong of ['colour=red', '[1]', 'null', '"x"']) expect((await asked(wrong)).status, wrong).toBe(400);
  } finally {
    await own.close();
  }
});

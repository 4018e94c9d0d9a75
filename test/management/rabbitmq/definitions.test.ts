/** Definitions taken over and given away over RabbitMQ's HTTP API; limits and bindings, which they hold too. */
import amqp from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiBroker, startApi } from './harness.ts';

let api: ApiBroker;
const others: ApiBroker[] = [];
const ask = (method: string, path: string, body?: unknown, on = api) =>
  on.ask(path, { method, body, login: 'root:pw' });
const start = async (): Promise<ApiBroker> => {
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } };
  const made = await startApi({ users: { root: { password: 'pw', tags: ['administrator'], permissions } } });
  others.push(made);
  return made;
};

beforeEach(async () => {
  api = await start();
});
afterEach(async () => {
  for (const one of others.splice(0)) await one.close();
});

/** As a RabbitMQ 3.10 has written it; the password is test12. */
const DEFINITIONS = {
  ...{ rabbit_version: '3.10.8', rabbitmq_version: '3.10.8', product_name: 'RabbitMQ', product_version: '3.10.8' },
  users: [
    {
      ...{ name: 'ann', tags: ['management'], limits: { 'max-channels': 7 } },
      password_hash: 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR',
      hashing_algorithm: 'rabbit_password_hashing_sha256',
    },
  ],
  vhosts: [{ name: '/' }, { name: 'plant', description: 'of machines', tags: ['t'] }],
  permissions: [{ user: 'ann', vhost: 'plant', configure: '.*', write: '.*', read: '.*' }],
  topic_permissions: [{ user: 'ann', vhost: 'plant', exchange: 'amq.topic', write: '^a', read: '^b' }],
  parameters: [
    { value: { 'max-queues': 9 }, vhost: 'plant', component: 'vhost-limits', name: 'limits' },
    {
      value: { pattern: '^c', definition: { 'max-length': 50 }, priority: 1, 'apply-to': 'queues' },
      ...{ vhost: 'plant', component: 'operator_policy', name: 'cap' },
    },
  ],
  global_parameters: [{ name: 'cluster_name', value: 'rabbit@a' }],
  policies: [
    {
      vhost: 'plant',
      name: 'short',
      pattern: '^q',
      'apply-to': 'queues',
      definition: { 'max-length': 5 },
      priority: 2,
    },
  ],
  queues: [
    { name: 'q', vhost: 'plant', durable: true, auto_delete: false, arguments: { 'x-message-ttl': 60000 } },
    { name: 'quorum', vhost: 'plant', durable: true, auto_delete: false, arguments: { 'x-queue-type': 'quorum' } },
  ],
  exchanges: [
    { name: 'x', vhost: 'plant', type: 'topic', durable: true, auto_delete: false, internal: false, arguments: {} },
    { name: 'y', vhost: 'plant', type: 'headers', durable: true, auto_delete: false, internal: true, arguments: {} },
  ],
  bindings: [
    { source: 'x', vhost: 'plant', destination: 'q', destination_type: 'queue', routing_key: 'a.#', arguments: {} },
    {
      ...{ source: 'y', vhost: 'plant', destination: 'q', destination_type: 'queue', routing_key: '' },
      arguments: { 'x-match': 'all', n: 5 },
    },
    { source: 'x', vhost: 'plant', destination: 'y', destination_type: 'exchange', routing_key: '#', arguments: {} },
  ],
};

describe('definitions', () => {
  it('of a RabbitMQ are taken over whole, and work', async () => {
    expect((await ask('POST', '/definitions', DEFINITIONS)).status).toBe(204);
    const client = await amqp.connect(`amqp://ann:test12@127.0.0.1:${api.port('amqp')}/plant`);
    const channel = await client.createConfirmChannel();
    channel.publish('x', 'a.b', Buffer.from('hello'));
    await channel.waitForConfirms();
    expect((await channel.checkQueue('q')).messageCount).toBe(1);
    await client.close();
    expect((await ask('GET', '/cluster-name')).body).toEqual({ name: 'rabbit@a' });
    expect((await ask('GET', '/vhost-limits/plant')).body).toEqual([{ vhost: 'plant', value: { 'max-queues': 9 } }]);
    expect(api.operator.queues.find('plant', 'q')?.policies.policy).toBe('short');
  });

  it('that were exported are the same at another broker, and again', async () => {
    await ask('POST', '/definitions', DEFINITIONS);
    const exported = (await ask('GET', '/definitions')).body;
    expect((await ask('GET', '/all-configuration')).body).toEqual(exported); // its name before 3.0
    expect(Object.keys(exported).sort()).toEqual(Object.keys(DEFINITIONS).sort());
    const other = await start();
    expect((await ask('POST', '/definitions', exported, other)).status).toBe(204);
    expect((await ask('POST', '/definitions', exported, other)).status).toBe(204);
    expect((await ask('GET', '/definitions', undefined, other)).body).toEqual(exported);
    for (const section of ['permissions', 'topic_permissions', 'policies', 'queues', 'exchanges'] as const) {
      expect(exported[section]).toEqual(DEFINITIONS[section]);
    }
    expect(exported.users).toEqual(DEFINITIONS.users);
    expect(exported.bindings).toHaveLength(3);
    expect(exported.bindings).toEqual(expect.arrayContaining(DEFINITIONS.bindings));
    expect(exported.parameters).toEqual(DEFINITIONS.parameters);
  });

  it('of one vhost go to another, whatever they say of theirs', async () => {
    await ask('POST', '/definitions', DEFINITIONS);
    const exported = (await ask('GET', '/definitions/plant')).body;
    expect(exported.users).toBeUndefined();
    expect(exported.queues[0]).toEqual({
      name: 'q',
      durable: true,
      auto_delete: false,
      arguments: { 'x-message-ttl': 60000 },
    });
    await ask('PUT', '/vhosts/copy', {});
    // The configuration's administrator has no permissions there; definitions are above them.
    expect((await ask('POST', '/definitions/copy', exported)).status).toBe(204);
    expect(api.operator.queues.find('copy', 'quorum')?.type).toBe('quorum');
    expect((await ask('GET', '/definitions/nov')).body.reason).toBe('vhost_not_found');
  });

  it('tell what would become of each entry, without doing it', async () => {
    const { status, body } = await ask('POST', '/definitions?dry_run=true', {
      ...DEFINITIONS,
      parameters: [{ value: {}, vhost: '/', component: 'shovel', name: 's' }],
      permissions: [{ user: 'nou', vhost: '/', configure: '', write: '', read: '' }],
    });
    expect(status).toBe(200);
    const found = (kind: string) => body.items.filter((item: { kind: string }) => item.kind === kind);
    expect(found('users')).toEqual([{ kind: 'users', name: 'ann', outcome: 'would-be-done' }]);
    expect(found('parameters')).toMatchObject([{ outcome: 'left-out', reason: 'there is no component shovel here' }]);
    expect(found('permissions')).toMatchObject([{ outcome: 'failed', reason: '["no_such_user","nou"]' }]);
    expect(api.operator.users.get('ann')).toBeUndefined();
    expect(api.operator.vhosts.find('plant')).toBeUndefined();
  });

  it('say beforehand what would fail, and nothing else would', async () => {
    const vhost = 'dry';
    const policy = { vhost, pattern: '^q', 'apply-to': 'all', priority: 0 };
    const queue = { vhost, durable: true, auto_delete: false };
    const exchange = { vhost, durable: true, auto_delete: false, internal: false, arguments: {} };
    const binding = { vhost, destination_type: 'queue', routing_key: 'k', arguments: {} };
    const given = {
      vhosts: [{ name: vhost }],
      parameters: [
        { vhost, component: 'vhost-limits', name: 'limits', value: { 'max-queues': 100 } },
        { vhost, component: 'vhost-limits', name: 'limits', value: { odd: 1 } },
        { vhost, component: 'operator_policy', name: 'o', value: { pattern: '^q', definition: { 'max-length': 1 } } },
        { vhost, component: 'operator_policy', name: 'o2', value: { pattern: '(', definition: { 'max-length': 1 } } },
        { vhost, component: 'shovel', name: 's', value: {} },
      ],
      policies: [
        { ...policy, name: 'good', definition: { 'max-length': 5 } },
        { ...policy, name: 'odd', definition: { odd: 5 } },
        { ...policy, name: 'pattern', pattern: '(', definition: { 'max-length': 5 } },
      ],
      queues: [
        { ...queue, name: 'q', arguments: {} },
        { ...queue, name: 'q', arguments: { 'x-max-length': 3 } },
        { ...queue, name: 'stream', arguments: { 'x-queue-type': 'stream' } },
        { ...queue, name: 'ttl', arguments: { 'x-message-ttl': -1 } },
        { ...queue, name: 'transient', durable: false, arguments: { 'x-queue-type': 'quorum' } },
        { ...queue, name: 'amq.mine', arguments: {} },
      ],
      exchanges: [
        { ...exchange, name: 'x', type: 'topic' },
        { ...exchange, name: 'odd', type: 'x-recent-history' },
        { ...exchange, name: 'later', type: 'x-delayed-message' },
        { ...exchange, name: 'alternate', type: 'fanout', arguments: { 'alternate-exchange': 5 } },
      ],
      bindings: [
        { ...binding, source: 'x', destination: 'q' },
        { ...binding, source: 'amq.topic', destination: 'q' },
        { ...binding, source: '', destination: 'q' },
        { ...binding, source: 'odd', destination: 'q' },
        { ...binding, source: 'x', destination: 'stream' },
        { ...binding, source: 'x', destination: 'x', destination_type: 'exchange' },
      ],
    };
    type Item = { kind: string; name: string; outcome: string; reason?: string };
    const items = async (query: string): Promise<Item[]> =>
      (await ask('POST', `/definitions?${query}`, given)).body.items;
    const dry = await items('dry_run=true');
    const done = await items('report=true');
    const told = ({ kind, name, outcome, reason }: Item) => [kind, name, outcome, reason ?? ''];
    expect(dry.map((item) => told({ ...item, outcome: item.outcome.replace('would-be-done', 'done') }))).toEqual(
      done.map(told),
    );
    expect(done.filter(({ outcome }) => outcome === 'failed').length).toBe(13);
  });

  it('go on behind an entry that fails where a report is asked for, and stop there where none is', async () => {
    const given = {
      queues: [
        { name: 'a', vhost: '/', durable: true, auto_delete: false, arguments: {} },
        { name: 'b', vhost: 'nov', durable: true, auto_delete: false, arguments: {} },
        { name: 'c', vhost: '/', durable: true, auto_delete: false, arguments: {} },
      ],
    };
    expect(await ask('POST', '/definitions', given)).toMatchObject({
      status: 400,
      body: { error: 'bad_request', reason: ['no_such_vhost', 'nov'] },
    });
    expect(api.operator.queues.find('/', 'a')).toBeDefined();
    expect(api.operator.queues.find('/', 'c')).toBeUndefined();
    const { body } = await ask('POST', '/definitions?report=true', given);
    expect(body.items.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['kept', 'failed', 'done']);
  });

  it.each([['[]'], ['{'], ['5']])('that are %s are none', async (text) => {
    expect((await ask('POST', '/definitions', text)).body.reason).toBe('failed_to_parse_json');
  });

  it.each([['{}'], [''], ['null'], ['{"unknown":1}']])('that are %j change nothing', async (text) => {
    expect((await ask('POST', '/definitions', text)).status).toBe(204);
  });

  it('are for administrators', async () => {
    await api.users.put('ann', { password: 'pw', tags: ['management', 'policymaker', 'monitoring'] });
    for (const method of ['GET', 'POST']) {
      expect((await api.ask('/definitions', { method, login: 'ann:pw' })).status).toBe(401);
    }
  });
});

describe('limits', () => {
  it('of a vhost are in force at once, shown, and taken away', async () => {
    expect((await ask('PUT', '/vhost-limits/%2F/max-queues', { value: 1 })).status).toBe(204);
    expect((await ask('PUT', '/queues/%2F/one', {})).status).toBe(201);
    expect((await ask('PUT', '/queues/%2F/two', {})).body.reason).toContain("queue limit in vhost '/' (1) is reached");
    expect((await ask('DELETE', '/vhost-limits/%2F/max-queues')).status).toBe(204);
    expect((await ask('DELETE', '/vhost-limits/%2F/max-queues')).status).toBe(204);
    expect((await ask('PUT', '/queues/%2F/two', {})).status).toBe(201);
    expect((await ask('GET', '/vhost-limits')).body).toEqual([]);
    expect((await ask('PUT', '/vhost-limits/%2F/nosuch', { value: 1 })).status).toBe(400);
  });

  it('of a user are in force at once, of -1 are none, and are shown with the user', async () => {
    await ask('PUT', '/users/ann', { password: 'pw', tags: '' });
    await ask('PUT', '/permissions/%2F/ann', { configure: '', write: '', read: '' });
    const url = `amqp://ann:pw@127.0.0.1:${api.port('amqp')}`;
    await ask('PUT', '/user-limits/ann/max-connections', { value: 0 });
    await expect(amqp.connect(url)).rejects.toThrow();
    expect((await ask('GET', '/users/ann')).body.limits).toEqual({ 'max-connections': 0 });
    await ask('PUT', '/user-limits/ann/max-connections', { value: -1 });
    await (await amqp.connect(url)).close();
    await ask('PUT', '/user-limits/ann/max-channels', { value: 1 });
    await ask('DELETE', '/users/ann');
    await ask('PUT', '/users/ann', { password: 'pw', tags: '' });
    expect((await ask('GET', '/user-limits/ann')).body).toEqual([]);
    expect((await ask('PUT', '/user-limits/ann/nosuch', { value: 1 })).body.reason).toBe(
      'Unrecognised terms [{<<"nosuch">>,1}] in user-limits',
    );
  });
});

describe('bindings', () => {
  it('are made, found by the key that they are told, and deleted by it', async () => {
    await ask('PUT', '/queues/%2F/q', {});
    const path = '/bindings/%2F/e/amq.topic/q/q';
    const made = await ask('POST', path, { routing_key: 'a/b c', arguments: {} });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe('q/a%252Fb%2Bc');
    const key = made.headers.get('location')?.split('/').at(-1);
    expect((await ask('GET', `${path}/${key}`)).body).toMatchObject({
      routing_key: 'a/b c',
      properties_key: 'a%2Fb+c',
    });
    expect((await ask('DELETE', `${path}/${key}`)).status).toBe(204);
    expect((await ask('DELETE', `${path}/${key}`)).status).toBe(404);
  });

  it('between exchanges, and with arguments, are told apart', async () => {
    await ask('PUT', '/exchanges/%2F/y', { type: 'headers' });
    const path = '/bindings/%2F/e/y/e/amq.fanout';
    const first = await ask('POST', path, { arguments: { a: 1 } });
    await ask('POST', path, { arguments: { a: 2 } });
    expect((await ask('GET', path)).body).toHaveLength(2);
    const key = first.headers.get('location')?.split('/').at(-1);
    expect((await ask('DELETE', `${path}/${key}`)).status).toBe(204);
    expect((await ask('GET', path)).body).toMatchObject([{ arguments: { a: 2 } }]);
  });

  it('are refused where an end is missing, and of the default exchange', async () => {
    expect(await ask('POST', '/bindings/%2F/e/amq.topic/q/noq', {})).toMatchObject({
      status: 404,
      body: { error: 'not_found', reason: "no queue 'noq' in vhost '/'" },
    });
    await ask('PUT', '/queues/%2F/q', {});
    expect((await ask('POST', '/bindings/%2F/e/amq.default/q/q', {})).status).toBe(401);
  });
});

describe('numbers that no double holds', () => {
  const large = '9007199254740993';

  it('are the nearest in a policy, too large for a length, and no fault of the broker', async () => {
    const policy = (definition: string) =>
      ask('PUT', '/policies/%2F/p', `{"pattern":"^q","definition":${definition},"apply-to":"queues"}`);
    expect(await policy(`{"max-length-bytes":${large}}`)).toMatchObject({
      status: 400,
      body: { error: 'bad_request', reason: expect.stringContaining('9007199254740992 is not a valid maximum length') },
    });
    const imported = `{"policies":[{"vhost":"/","name":"p","pattern":"^q","definition":{"max-length":${large}},"priority":0}]}`;
    expect((await ask('POST', '/definitions', imported)).status).toBe(400);
  });

  it('are the nearest in a limit, which bounds nothing, as RabbitMQ takes them', async () => {
    expect((await ask('PUT', '/vhost-limits/%2F/max-queues', `{"value":${large}}`)).status).toBe(204);
    expect((await ask('GET', '/vhost-limits/%2F')).body).toMatchObject([{ value: { 'max-queues': 9007199254740992 } }]);
  });

  it('stay exact in the arguments of a queue that is imported', async () => {
    const queue = `{"name":"q","vhost":"/","durable":true,"auto_delete":false,"arguments":{"x-own":${large}}}`;
    expect((await ask('POST', '/definitions', `{"queues":[${queue}]}`)).status).toBe(204);
    expect(api.operator.queues.find('/', 'q')!.arguments).toEqual([
      { name: 'x-own', value: expect.objectContaining({ value: 9007199254740993n }) },
    ]);
  });
});

it('what clients have said in arguments is exported and imported as it was: nothing, and numbers that no double holds', async () => {
  const large = '9007199254740993';
  const queue = `{"name":"q","vhost":"/","durable":true,"auto_delete":false,"arguments":{"x-own":${large}}}`;
  await ask('POST', '/definitions', `{"queues":[${queue}]}`);
  const client = await amqp.connect(`amqp://root:pw@127.0.0.1:${api.port('amqp')}`);
  const channel = await client.createChannel();
  await channel.bindQueue('q', 'amq.headers', '', { nothing: null });
  await client.close();
  const exported = async (from: ApiBroker): Promise<string> => {
    const headers = { authorization: `Basic ${Buffer.from('root:pw').toString('base64')}` };
    const text = await (await fetch(`http://127.0.0.1:${from.port('http')}/api/definitions/%2F`, { headers })).text();
    return text.slice(text.indexOf('"queues"'));
  };
  const text = await exported(api);
  expect(text).toContain(`"x-own":${large}`);
  expect(text).toContain('"nothing":null');
  const other = await start();
  expect((await ask('POST', '/definitions/%2F', `{${text}`, other)).status).toBe(204);
  expect(await exported(other)).toBe(text);
});

it('what definitions hold and cannot be had is in the log where nobody asks for a report', async () => {
  const lines: unknown[] = [];
  const note = (...line: unknown[]): void => void lines.push(line);
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } };
  const logged = await startApi({
    users: { root: { password: 'pw', tags: ['administrator'], permissions } },
    logger: { debug: () => {}, info: () => {}, warn: note, error: note },
  });
  others.push(logged);
  const parameters = [{ vhost: '/', component: 'shovel', name: 'carry', value: { 'src-uri': 'amqp://' } }];
  expect((await ask('POST', '/definitions', { parameters }, logged)).status).toBe(204);
  expect(lines).toEqual([
    [
      { kind: 'parameters', name: 'shovel carry', vhost: '/', reason: 'there is no component shovel here' },
      'an entry of definitions was left out',
    ],
  ]);
});

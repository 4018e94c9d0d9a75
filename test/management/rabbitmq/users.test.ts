/** Users, permissions, vhosts, policies and parameters changed over RabbitMQ's HTTP API, with its statuses and words. */
import amqp from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiBroker, startApi } from './harness.ts';

let api: ApiBroker;
const ADMIN = 'root:pw';
const put = (path: string, body: unknown = {}, login = ADMIN) => api.ask(path, { method: 'PUT', login, body });
const del = (path: string, login = ADMIN) => api.ask(path, { method: 'DELETE', login });
const get = (path: string, login = ADMIN) => api.ask(path, { login });
const post = (path: string, body: unknown = {}, login = ADMIN) => api.ask(path, { method: 'POST', login, body });

beforeEach(async () => {
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } };
  api = await startApi({
    users: { root: { password: 'pw', tags: ['administrator'], permissions } },
  });
});
afterEach(() => api.close());

describe('users', () => {
  it('are made, shown, changed and deleted, and log in with what was set', async () => {
    expect((await put('/users/ann', { password: 'secret', tags: 'management, monitoring' })).status).toBe(201);
    expect((await get('/users/ann')).body).toMatchObject({
      name: 'ann',
      tags: ['management', 'monitoring'],
      limits: {},
    });
    expect((await get('/whoami', 'ann:secret')).body).toEqual({ name: 'ann', tags: ['management', 'monitoring'] });
    expect((await put('/users/ann', { password: 'other', tags: [] })).status).toBe(204);
    expect((await get('/whoami', 'ann:secret')).status).toBe(401);
    expect((await del('/users/ann')).status).toBe(204);
    expect((await del('/users/ann')).status).toBe(404);
    expect((await get('/users/ann')).body).toEqual({ error: 'Object Not Found', reason: 'Not Found' });
  });

  it('log in with a hash that RabbitMQ has made, and with one that this broker has shown', async () => {
    // Salt 90 8D C6 0A, password test12.
    const hash = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';
    await put('/users/old', { password_hash: hash, tags: 'management' });
    expect((await get('/whoami', 'old:test12')).status).toBe(200);
    const { password_hash, hashing_algorithm } = (await get('/users/old')).body;
    await put('/users/copy', { password_hash, hashing_algorithm, tags: 'management' });
    expect((await get('/whoami', 'copy:test12')).status).toBe(200);
    expect((await get('/whoami', 'copy:test13')).status).toBe(401);
  });

  it.each([
    [{}, 'tags_not_present'],
    [{ tags: '', password: 'a', password_hash: 'kI3GCg==' }, 'both_password_and_password_hash_are_provided'],
    [{ tags: '', password_hash: '!!' }, ['not_base64', '!!']],
  ])('refuse %j with %j', async (body, reason) => {
    expect(await put('/users/x', body)).toMatchObject({ status: 400, body: { error: 'bad_request', reason } });
    expect((await get('/users/x')).status).toBe(404);
  });

  it('without a password, or with an empty one, let nobody in', async () => {
    await put('/users/bare', { tags: 'management' });
    await put('/users/empty', { tags: 'management', password: '' });
    for (const login of ['bare:', 'empty:', 'bare:x']) expect((await get('/whoami', login)).status).toBe(401);
  });

  it('are listed, those without permissions too, and deleted several at a time', async () => {
    for (const name of ['b', 'a', 'c']) await put(`/users/${name}`, { tags: '' });
    await put('/permissions/%2F/b', { configure: '', write: '', read: '' });
    const names = async (path: string) => (await get(path)).body.map(({ name }: { name: string }) => name);
    expect(await names('/users?columns=name')).toEqual(['a', 'b', 'c', 'root']);
    expect(await names('/users/without-permissions')).toEqual(['a', 'c']);
    // As RabbitMQ does: those before the first that is not there are gone.
    expect(await post('/users/bulk-delete', { users: ['a', 'gone', 'c'] })).toMatchObject({
      status: 400,
      body: { reason: ['no_such_user', 'gone'] },
    });
    expect((await post('/users/bulk-delete', { users: ['c'] })).status).toBe(204);
    expect(await names('/users')).toEqual(['b', 'root']);
  });

  it('are for administrators alone, and not to be changed where the configuration sets them', async () => {
    await put('/users/ann', { password: 'pw', tags: 'management,policymaker,monitoring' });
    for (const path of ['/users', '/users/ann', '/permissions', '/topic-permissions']) {
      expect(await get(path, 'ann:pw')).toMatchObject({ status: 401, body: { reason: 'Not administrator user' } });
    }
    expect((await put('/users/ann', { tags: 'administrator' }, 'ann:pw')).status).toBe(401);
    expect((await put('/users/root', { tags: '' })).status).toBe(400);
    expect((await get('/whoami')).body.tags).toEqual(['administrator']);
  });
});

describe('permissions', () => {
  const rules = { configure: '^a', write: '^b', read: '^c' };

  it('are set, shown by user and by vhost, and taken away', async () => {
    await put('/users/ann', { tags: '' });
    expect((await put('/permissions/%2F/ann', rules)).status).toBe(201);
    expect((await put('/permissions/%2F/ann', rules)).status).toBe(204);
    const row = { user: 'ann', vhost: '/', ...rules };
    expect((await get('/permissions/%2F/ann')).body).toEqual(row);
    expect((await get('/users/ann/permissions')).body).toEqual([row]);
    expect((await get('/vhosts/%2F/permissions')).body).toContainEqual(row);
    expect((await del('/permissions/%2F/ann')).status).toBe(204);
    expect((await del('/permissions/%2F/ann')).status).toBe(404);
  });

  it('refuse what lacks a pattern, and a vhost or user that is not there', async () => {
    await put('/users/ann', { tags: '' });
    expect((await put('/permissions/%2F/ann', { configure: '' })).body.reason).toBe(
      '[{key_missing,write},{key_missing,read}]',
    );
    expect((await put('/permissions/nov/ann', rules)).body.reason).toBe('vhost_not_found');
    expect((await put('/permissions/%2F/nou', rules)).body.reason).toBe('user_not_found');
    expect((await put('/permissions/%2F/ann', { ...rules, read: '(' })).status).toBe(400);
  });

  it('of topics are kept by exchange, shown as a list, and deleted one by one or all', async () => {
    await put('/users/ann', { tags: '' });
    const path = '/topic-permissions/%2F/ann';
    expect((await get(path)).status).toBe(404);
    expect((await put(path, { exchange: 'amq.topic', write: 'w', read: 'r' })).status).toBe(201);
    expect((await put(path, { exchange: 'other', write: '', read: '' })).status).toBe(204);
    expect((await get(path)).body).toHaveLength(2);
    expect((await del(`${path}/other`)).status).toBe(204);
    expect((await get(path)).body).toEqual([{ user: 'ann', vhost: '/', exchange: 'amq.topic', write: 'w', read: 'r' }]);
    expect((await del(path)).status).toBe(204);
    expect((await get(path)).status).toBe(404);
  });
});

describe('what a node is told', () => {
  it('to start a vhost that runs is done, and of others said why not', async () => {
    const { node } = (await get('/overview')).body;
    expect((await post(`/vhosts/%2F/start/${node}`)).status).toBe(204);
    expect(await post(`/vhosts/nov/start/${node}`)).toMatchObject({
      status: 400,
      body: { reason: `Request to node ${node} failed with {no_such_vhost,<<"nov">>}` },
    });
    expect((await post('/vhosts/%2F/start/nosuch')).body.reason).toBe('Request to node nosuch failed with nodedown');
  });

  it('to count logins anew', async () => {
    const path = `/auth/attempts/${(await get('/overview')).body.node}`;
    expect((await get(path)).body[0].auth_attempts).toBeGreaterThan(1);
    expect((await get(path, 'watch:pw')).status).toBe(401);
    expect((await del(path)).status).toBe(204);
    const [http] = (await get(path)).body;
    expect(http).toEqual({ protocol: 'http', auth_attempts: 1, auth_attempts_failed: 0, auth_attempts_succeeded: 1 });
    expect((await del('/auth/attempts/nosuch')).status).toBe(404);
  });

  it('to sample anew, and keeps what it has counted', async () => {
    expect((await del('/reset')).status).toBe(204);
    expect((await del('/reset/nosuch')).status).toBe(404);
    await put('/users/ann', { password: 'pw', tags: 'monitoring' });
    expect((await del('/reset', 'ann:pw')).status).toBe(401);
  });

  it('in percent, where its memory goes', async () => {
    const { node } = (await get('/overview')).body;
    const { memory } = (await get(`/nodes/${node}/memory/relative`)).body;
    expect(memory.total).toBe(100);
    expect(memory.other_proc).toBeGreaterThan(0);
    expect(memory.queue_procs).toBe(0);
  });
});

describe('vhosts', () => {
  it('are made with what is said of them, for who made them, and deleted', async () => {
    await put('/users/boss', { password: 'pw', tags: 'administrator' });
    expect((await put('/vhosts/v', { description: 'd', tags: 'a,b' }, 'boss:pw')).status).toBe(201);
    expect((await put('/vhosts/v', { description: 'd', tags: ['a'] }, 'boss:pw')).status).toBe(204);
    expect((await get('/vhosts/v', 'boss:pw')).body).toMatchObject({
      name: 'v',
      description: 'd',
      tags: ['a'],
      metadata: { description: 'd', tags: ['a'] },
    });
    const client = await amqp.connect(`amqp://boss:pw@127.0.0.1:${api.port('amqp')}/v`);
    const gone = new Promise((resolve) => client.once('close', resolve));
    expect((await del('/vhosts/v', 'boss:pw')).status).toBe(204);
    await gone;
    expect((await del('/vhosts/v', 'boss:pw')).status).toBe(404);
    expect((await del('/vhosts/%2F')).status).toBe(400);
  });
});

describe('a user of the configuration', () => {
  it('may do everything in a vhost that it makes, also after what it was let into is read again', async () => {
    expect((await put('/vhosts/mine', {})).status).toBe(201);
    expect((await put('/queues/mine/q', {})).status).toBe(201);
    expect((await get('/permissions/mine/root')).body).toMatchObject({ configure: '.*', write: '.*', read: '.*' });
    // What the configuration says is changed there alone.
    expect((await put('/permissions/%2F/root', { configure: '', write: '', read: '' })).status).toBe(400);
    expect((await del('/permissions/mine/root')).status).toBe(204);
    expect((await put('/queues/mine/r', {})).status).toBe(401);
  });
});

describe('policies', () => {
  const policy = { pattern: '^q', definition: { 'max-length': 5 }, priority: 3, 'apply-to': 'queues' };

  it('are set, shown, in force, and cleared', async () => {
    expect((await put('/policies/%2F/p', policy)).status).toBe(201);
    expect((await put('/policies/%2F/p', policy)).status).toBe(204);
    expect((await get('/policies/%2F/p')).body).toEqual({ vhost: '/', name: 'p', ...policy });
    expect((await get('/policies')).body).toHaveLength(1);
    expect((await get('/operator-policies')).body).toEqual([]);
    await put('/queues/%2F/q1', { durable: true });
    expect(api.operator.queues.find('/', 'q1')?.policies.policy).toBe('p');
    expect((await del('/policies/%2F/p')).status).toBe(204);
    expect((await del('/policies/%2F/p')).status).toBe(404);
    expect(api.operator.queues.find('/', 'q1')?.policies.policy).toBeUndefined();
  });

  it.each([
    [{ pattern: 'a' }, '[{key_missing,definition}]'],
    [{ pattern: 'a', definition: {} }, expect.stringContaining('Validation failed\n\n')],
    [{ pattern: 'a', definition: { nosuch: 1 } }, expect.stringContaining('are not recognised policy settings')],
    [{ ...policy, priority: 'high' }, ['not_int', 'high']],
    [{ ...policy, 'apply-to': 'zzz' }, expect.stringContaining('apply-to')],
  ])('refuse %j', async (body, reason) => {
    expect(await put('/policies/%2F/p', body)).toMatchObject({ status: 400, body: { reason } });
  });

  it('of operators are also parameters of a component', async () => {
    await put('/operator-policies/%2F/o', { pattern: '', definition: { 'max-length': 9 } });
    const shown = { component: 'operator_policy', vhost: '/', name: 'o' };
    expect((await get('/parameters/operator_policy/%2F/o')).body).toMatchObject(shown);
    expect((await get('/parameters')).body).toHaveLength(1);
    expect((await get('/parameters/nosuch')).body).toEqual([]);
    expect((await put('/parameters/policy/%2F/x', { value: {} })).body.reason).toBe(
      'policies may not be set using this method',
    );
    expect((await put('/parameters/shovel/%2F/x', { value: {} })).body.reason).toBe(
      'Validation failed\n\ncomponent shovel not found\n',
    );
    expect((await del('/parameters/operator_policy/%2F/o')).status).toBe(204);
    expect((await get('/operator-policies')).body).toEqual([]);
  });

  it('of operators, and limits, are not a policymaker’s to change as parameters either', async () => {
    await put('/users/pm', { password: 'pw', tags: 'policymaker' });
    await put('/permissions/%2F/pm', { configure: '', write: '', read: '' });
    const value = { pattern: '^q', definition: { 'max-length': 1 } };
    for (const [path, body] of [
      ['/parameters/operator_policy/%2F/o', { value }],
      ['/parameters/vhost-limits/%2F/limits', { value: { 'max-queues': 1 } }],
    ] as const) {
      expect((await put(path, body, 'pm:pw')).status).toBe(401);
      expect((await del(path, 'pm:pw')).status).toBe(401);
    }
    expect((await get('/parameters', 'pm:pw')).body).toEqual([]);
  });

  it('of a vhost are limits, too: replaced as a whole, and under one name', async () => {
    const path = '/parameters/vhost-limits/%2F/limits';
    expect((await put(path, { value: { 'max-queues': 9, 'max-connections': -1 } })).status).toBe(201);
    expect((await put(path, { value: { 'max-queues': 8, odd: 1 } })).status).toBe(400);
    expect((await put(path, { value: { 'max-queues': 'many' } })).status).toBe(400);
    expect((await get('/vhost-limits/%2F')).body).toEqual([
      { vhost: '/', value: { 'max-connections': -1, 'max-queues': 9 } },
    ]);
    expect((await put(path, { value: { 'max-queues': 8 } })).status).toBe(204);
    const shown = { value: { 'max-queues': 8 }, vhost: '/', component: 'vhost-limits', name: 'limits' };
    expect((await get(path)).body).toEqual(shown);
    expect((await get('/parameters')).body).toEqual([shown]);
    expect((await get('/parameters/vhost-limits/%2F')).body).toEqual([shown]);
    expect((await get('/parameters/operator_policy')).body).toEqual([]);
    expect((await put('/parameters/vhost-limits/%2F/other', { value: { 'max-queues': 8 } })).status).toBe(400);
    expect((await del(path)).status).toBe(204);
    expect((await del(path)).status).toBe(404);
    expect((await get('/vhost-limits')).body).toEqual([]);
  });

  it('are for policymakers; operators set theirs', async () => {
    await put('/users/pm', { password: 'pw', tags: 'policymaker' });
    await put('/permissions/%2F/pm', { configure: '', write: '', read: '' });
    expect((await put('/policies/%2F/p', policy, 'pm:pw')).status).toBe(201);
    expect((await put('/operator-policies/%2F/p', policy, 'pm:pw')).status).toBe(401);
  });
});

describe('global parameters', () => {
  it('say which cluster this is, by the name that RabbitMQ gives it, until an operator says otherwise', async () => {
    const path = '/global-parameters/internal_cluster_id';
    const { value } = (await get(path)).body;
    expect(value).toMatch(/^rabbitmq-cluster-id-[\w-]{22}$/);
    expect((await put(path, { value: 'ours' })).status).toBe(204);
    expect((await get('/global-parameters')).body).toEqual([{ name: 'internal_cluster_id', value: 'ours' }]);
    expect((await del(path)).status).toBe(204);
    expect((await get(path)).body.value).toBe(value);
    const { global_parameters } = (await get('/definitions')).body;
    expect(global_parameters).toEqual([]);
  });

  it('keep any value of JSON, through a change and until they are deleted', async () => {
    expect((await put('/global-parameters/mine', { value: { a: [1, 'two'] } })).status).toBe(201);
    expect((await put('/global-parameters/mine', { value: 7 })).status).toBe(204);
    expect((await get('/global-parameters/mine')).body).toEqual({ name: 'mine', value: 7 });
    expect((await get('/global-parameters')).body).toContainEqual({ name: 'mine', value: 7 });
    expect((await del('/global-parameters/mine')).status).toBe(204);
    expect((await get('/global-parameters/mine')).status).toBe(404);
  });
});

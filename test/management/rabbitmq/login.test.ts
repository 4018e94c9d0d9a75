import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticator } from '../../../src/index.ts';
import { until } from '../../support/until.ts';
import { type ApiBroker, startApi } from './harness.ts';

let broker: ApiBroker;

beforeAll(async () => {
  broker = await startApi({ vhosts: { '/': {}, other: {} } });
  const all = { configure: '.*', write: '.*', read: '.*' };
  for (const [name, ...tags] of [
    ['root', 'administrator'],
    ['watcher', 'monitoring'],
    ['maker', 'policymaker'],
    ['plain', 'management'],
    ['nobody'],
  ] as const) {
    await broker.users.put(name, { password: 'secret', tags });
    await broker.users.setPermissions(name, '/', all);
  }
});

afterAll(() => broker.close());

describe('a login', () => {
  it('is asked for with a challenge', async () => {
    const { status, headers, body } = await broker.ask('/whoami', { login: null });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Basic realm="RabbitMQ Management"');
    expect(body).toBeUndefined();
  });

  it('says who one is', async () => {
    const { status, body } = await broker.ask('/whoami', { login: 'root:secret' });
    expect(status).toBe(200);
    expect(body).toEqual({ name: 'root', tags: ['administrator'] });
  });

  it.each(['root:wrong', 'unknown:secret', 'root:'])('with what is wrong (%s) is refused', async (login) => {
    const { status, headers, body } = await broker.ask('/whoami', { login });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Basic realm="RabbitMQ Management"');
    expect(body).toEqual({ error: 'not_authorized', reason: 'Login failed' });
  });

  it.each(['Basic', 'Basic ***', `Basic ${Buffer.from('nocolon').toString('base64')}`, 'Digest abc'])(
    'that cannot be read (%s) is a bad request',
    async (authorization) => {
      const { status, body } = await broker.ask('/whoami', { login: null, headers: { authorization } });
      expect(status).toBe(400);
      expect(body).toBeUndefined();
    },
  );

  it('by a token that nobody knows is refused', async () => {
    const { status, body } = await broker.ask('/whoami', { login: null, headers: { authorization: 'Bearer abc' } });
    expect(status).toBe(401);
    expect(body).toEqual({ error: 'not_authorized', reason: 'Login failed' });
  });

  it('is of no use without a tag, and that is no reason for another login', async () => {
    const { status, headers, body } = await broker.ask('/whoami', { login: 'nobody:secret' });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBeNull();
    expect(body).toEqual({ error: 'not_authorised', reason: 'Not management user' });
  });

  it('counts no more once the user is gone', async () => {
    await broker.users.put('leaver', { password: 'secret', tags: ['management'] });
    expect((await broker.ask('/whoami', { login: 'leaver:secret' })).status).toBe(200);
    await broker.users.delete('leaver');
    expect((await broker.ask('/whoami', { login: 'leaver:secret' })).status).toBe(401);
  });

  it('as guest works from this machine while there are no users', async () => {
    const fresh = await startApi();
    try {
      expect((await fresh.ask('/whoami')).body).toEqual({ name: 'guest', tags: ['administrator'] });
    } finally {
      await fresh.close();
    }
  });
});

describe('a path', () => {
  it('that is unknown is not found, logged in or not', async () => {
    for (const login of [null, 'root:secret']) {
      const { status, body } = await broker.ask('/nonsense', { login });
      expect(status).toBe(404);
      expect(body).toEqual({ error: 'Object Not Found', reason: 'Not Found' });
    }
  });

  it('holds no query, whatever it looks like', async () => {
    const login = 'root:secret';
    const name = 'v&columns=name';
    expect((await broker.ask(`/vhosts/${name}`, { method: 'PUT', login })).status).toBe(201);
    try {
      await broker.ask(`/permissions/${name}/root`, {
        ...{ method: 'PUT', login, body: { configure: '.*', write: '.*', read: '.*' } },
      });
      const { status, body } = await broker.ask(`/exchanges/${name}/amq.topic`, { login });
      expect(status).toBe(200);
      expect(body).toMatchObject({ name: 'amq.topic', vhost: name, type: 'topic' });
      expect((await broker.ask(`/exchanges/${name}/amq.topic?columns=name`, { login })).body).toEqual({
        name: 'amq.topic',
      });
    } finally {
      await broker.ask(`/vhosts/${name}`, { method: 'DELETE', login });
    }
  });

  it('says which methods it has, before it asks for a login', async () => {
    const { status, headers, body } = await broker.ask('/whoami', { method: 'PUT', login: null });
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe('HEAD, GET, OPTIONS');
    expect(body).toBeUndefined();
    expect((await broker.ask('/whoami', { method: 'OPTIONS', login: null })).status).toBe(200);
  });

  it('may end in a slash, and a HEAD has the length of a GET', async () => {
    const get = await broker.ask('/whoami/', { login: 'root:secret' });
    const head = await broker.ask('/whoami', { login: 'root:secret', method: 'HEAD' });
    expect(get.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
  });

  it('gives JSON and nothing else', async () => {
    const { status, body } = await broker.ask('/whoami', { login: 'root:secret', headers: { accept: 'text/html' } });
    expect(status).toBe(406);
    expect(body).toBeUndefined();
  });
});

describe('vhosts', () => {
  it.each([
    ['root', ['/', 'other']],
    ['watcher', ['/', 'other']],
    ['maker', ['/']],
    ['plain', ['/']],
  ])('are those that %s may see', async (user, names) => {
    const { body } = await broker.ask('/vhosts', { login: `${user}:secret` });
    expect(body.map(({ name }: { name: string }) => name)).toEqual(names);
  });

  it('by name are for administrators with permissions there', async () => {
    expect((await broker.ask('/vhosts/%2f', { login: 'root:secret' })).body.name).toBe('/');
    expect((await broker.ask('/vhosts/%2F', { login: 'watcher:secret' })).body).toEqual({
      error: 'not_authorised',
      reason: 'Not administrator user',
    });
    expect((await broker.ask('/vhosts/other', { login: 'root:secret' })).body.reason).toBe(
      'User not authorised to access virtual host',
    );
    expect((await broker.ask('/vhosts/none', { login: 'root:secret' })).status).toBe(404);
  });

  it('come in pages', async () => {
    const { body } = await broker.ask('/vhosts?page=2&page_size=1&columns=name', { login: 'root:secret' });
    expect(body).toEqual({
      filtered_count: 2,
      item_count: 1,
      items: [{ name: 'other' }],
      page: 2,
      page_count: 2,
      page_size: 1,
      total_count: 2,
    });
    const beyond = await broker.ask('/vhosts?page=4&page_size=10', { login: 'root:secret' });
    expect(beyond.status).toBe(400);
    expect(beyond.body).toEqual({
      error: 'page_out_of_range',
      reason: 'Page out of range, page: 4 page size: 10, len: 2',
    });
  });
});

it('waits for a back end that has to be asked whether a user may be in a vhost', async () => {
  const asked: (() => void)[] = [];
  let known = false;
  const authenticator: Authenticator = {
    authenticate: ({ user = '' }, done) => done({ user, tags: ['management'] }),
    mayEnter: () => known || { failed: false, whenKnown: (done) => asked.push(done) },
    permits: () => true,
  };
  const slow = await startApi({ authenticator });
  try {
    const answer = slow.ask('/queues/%2F', { login: 'u:p' });
    await until(() => asked.length > 0);
    known = true;
    for (const done of asked) done();
    expect((await answer).status).toBe(200);
  } finally {
    await slow.close();
  }
});

/** Users of a broker: what its authenticator says of them, how they are changed, and that they are kept. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthStep, Credentials, Identity, Refusal } from '../../src/api/index.ts';
import { Broker } from '../../src/broker/broker.ts';
import type { StartOptions } from '../../src/broker/options.ts';
import { MemoryFiles } from '../../src/log/files/memory-files.ts';
import { BrokerError } from '../../src/message/errors.ts';
import { ScramClient } from './scram-client.ts';

const SHA256_OF_TEST12 = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';
const ALL = { configure: '.*', write: '.*', read: '.*' };
const NO_ONE = 'credentials';

let brokers: Broker[];
beforeEach(() => {
  brokers = [];
});
afterEach(async () => {
  for (const broker of brokers) await broker.close();
});

async function start(options: Partial<StartOptions> = {}): Promise<Broker> {
  const broker = await Broker.start({ dataDirectory: null, dialects: [], ...options });
  brokers.push(broker);
  return broker;
}

const from = (address: string, user?: string, password?: string): Credentials => ({
  ...{ client: `test ${address}:1`, address, loopback: address === '127.0.0.1', user },
  password: password === undefined ? undefined : Buffer.from(password),
});

function login(broker: Broker, user?: string, password?: string, address = '10.0.0.1'): Promise<Identity | Refusal> {
  return new Promise((resolve) => broker.authenticate(from(address, user, password), resolve));
}

/** The user, or why not. */
async function answer(...given: Parameters<typeof login>): Promise<string> {
  const result = await login(...given);
  return 'refused' in result ? result.refused : result.user;
}

async function scram(broker: Broker, user: string, password: string, address = '10.0.0.1'): Promise<string> {
  const exchange = broker.beginAuthentication('SCRAM-SHA-256', from(address))!;
  const client = new ScramClient(user, password);
  const say = (data: Buffer) => new Promise<AuthStep>((resolve) => exchange.step(data, resolve));
  const asked = await say(client.first);
  const step = await say(client.last((asked as { challenge: Buffer }).challenge));
  if ('refused' in step) return step.refused;
  expect(client.trusts((step as { data: Buffer }).data)).toBe(true);
  return (step as { identity: Identity }).identity.user;
}

/** All that is written down of the broker's own state. */
async function stateIn(files: MemoryFiles): Promise<string> {
  let text = '';
  for (const name of await files.list('memory/state')) {
    const file = await files.open(`memory/state/${name}`, 'read');
    const bytes = Buffer.alloc(await file.sizeBytes());
    await new Promise<void>((done) => file.read(bytes, 0, bytes.length, 0, () => done()));
    text += bytes.toString('latin1');
    await file.close();
  }
  return text;
}

describe('who may come in', () => {
  it('without a user: guest and the nameless, from this machine', async () => {
    const broker = await start();
    expect(await answer(broker, 'guest', 'guest', '127.0.0.1')).toBe('guest');
    expect(await answer(broker, undefined, undefined, '127.0.0.1')).toBe('anonymous');
    expect(await answer(broker, 'guest', 'guest')).toBe('forbidden');
    expect(await answer(broker)).toBe('forbidden');
    expect(await scram(broker, 'guest', 'guest', '127.0.0.1')).toBe('guest');
  });

  it('with the first user: who has the right password, from everywhere, and nobody else any more', async () => {
    const broker = await start();
    await broker.users.put('ann', { password: 'secret', tags: ['monitoring'] });
    expect(await login(broker, 'ann', 'secret')).toEqual({ user: 'ann', tags: ['monitoring'] });
    expect(await answer(broker, 'ann', 'Secret')).toBe(NO_ONE);
    expect(await answer(broker, 'bob', 'secret')).toBe(NO_ONE);
    expect(await answer(broker, 'guest', 'guest', '127.0.0.1')).toBe(NO_ONE);
    expect(await answer(broker, undefined, undefined, '127.0.0.1')).toBe(NO_ONE);
    expect(await scram(broker, 'ann', 'secret')).toBe('ann');
    expect(await scram(broker, 'ann', 'wrong')).toBe(NO_ONE);
    expect(await scram(broker, 'guest', 'guest', '127.0.0.1')).toBe(NO_ONE);
  });

  it('by the settings: the nameless, and guest as a user of its own', async () => {
    const broker = await start({ login: { anonymous: 'anywhere', guest: 'anywhere' } });
    await broker.users.put('guest', { password: 'mine' });
    expect(await answer(broker)).toBe('anonymous');
    expect(await answer(broker, 'guest', 'mine')).toBe('guest');
    expect(await answer(broker, 'guest', 'guest')).toBe(NO_ONE);
    await broker.users.configure([], { anonymous: 'local', guest: 'auto' });
    expect(await answer(broker)).toBe('forbidden');
    expect(await answer(broker, undefined, undefined, '127.0.0.1')).toBe('anonymous');
    // Not from there, whatever the password: which one is right is told to nobody who may not come in.
    expect(await answer(broker, 'guest', 'mine')).toBe('forbidden');
    expect(await answer(broker, 'guest', 'wrong')).toBe('forbidden');
    expect(await scram(broker, 'guest', 'mine')).toBe(NO_ONE);
    expect(await answer(broker, 'guest', 'mine', '127.0.0.1')).toBe('guest');
    await broker.users.configure([], { anonymous: 'never', guest: 'never' });
    expect(await answer(broker, 'guest', 'mine', '127.0.0.1')).toBe('forbidden');
    expect(await answer(broker, undefined, undefined, '127.0.0.1')).toBe(NO_ONE);
  });

  it('nobody with an empty password, least of all where there is none', async () => {
    const broker = await start({ users: [{ name: 'configured' }] });
    await broker.users.put('none', {});
    await broker.users.put('rabbit', { passwordHash: '' });
    for (const user of ['none', 'rabbit', 'configured', 'nobody']) {
      for (const password of ['', undefined, 'x']) {
        expect(await answer(broker, user, password, `10.0.1.${user.length}`)).toBe(NO_ONE);
      }
      expect(await scram(broker, user, '', '10.0.2.1')).toBe(NO_ONE);
    }
    await expect(broker.users.put('empty', { password: '' })).rejects.toThrow('1 to 4096 bytes');
  });

  it('all clients of a user at once, as after a restart: they wait for one look at their password, and a wrong one for its own', async () => {
    const broker = await start();
    await broker.users.put('fleet', { password: 'right' });
    const right = Array.from({ length: 300 }, () => answer(broker, 'fleet', 'right'));
    const wrong = [answer(broker, 'fleet', 'wrong'), answer(broker, 'fleet', 'wrong')];
    expect(new Set(await Promise.all(right))).toEqual(new Set(['fleet']));
    expect(await Promise.all(wrong)).toEqual([NO_ONE, NO_ONE]);
  });

  it('nobody whose password has been changed, or who has been deleted, while it was looked at', async () => {
    const broker = await start();
    await broker.users.put('ann', { passwordHash: SHA256_OF_TEST12 });
    const late = answer(broker, 'ann', 'test12');
    await broker.users.put('ann', {});
    expect(await late).toBe(NO_ONE);
    await broker.users.put('ann', { passwordHash: SHA256_OF_TEST12 });
    const deleted = answer(broker, 'ann', 'test12');
    await broker.users.delete('ann');
    expect(await deleted).toBe(NO_ONE);
  });

  it('by a certificate alone: whom it names, whoever else the client says to be', async () => {
    const broker = await start({ userFrom: 'dns' });
    await broker.users.put('pump.example', { password: 'secret' });
    await broker.users.put('guest', {});
    const show = (dnsNames: string[], user?: string, password?: string): Promise<string> => {
      const certificate = { subject: 'CN=x', commonNames: ['x'], dnsNames, emails: [], uris: [] };
      return new Promise((resolve) => {
        broker.authenticate({ ...from('10.0.0.1', user, password), certificate }, (result) =>
          resolve('refused' in result ? result.refused : result.user),
        );
      });
    };
    expect(await show(['pump.example'])).toBe('pump.example');
    expect(await show(['pump.example'], 'pump.example', '')).toBe('pump.example');
    expect(await show(['other.example'], 'pump.example', 'secret')).toBe('pump.example');
    for (const [names, user] of [[[]], [['nobody']], [['pump.example', 'x']], [['x'], 'pump.example']] as const) {
      expect(await show([...names], user)).toBe(NO_ONE);
    }
    expect(await show(['pump.example'], 'guest')).toBe(NO_ONE);
    expect(await show(['guest'])).toBe('forbidden');
  });

  it('later, too, who takes another address of his IPv6 network for each guess', async () => {
    const broker = await start();
    await broker.users.put('ann', { password: 'right' });
    const { guesses } = broker.users.authenticator;
    for (const last of ['1', '2', 'a:b:c:d']) {
      expect(await answer(broker, 'ann', 'wrong', `2001:db8::${last}`)).toBe(NO_ONE);
    }
    const fourth = answer(broker, 'ann', 'wrong', '2001:db8::ffff');
    expect(guesses.delayed).toBe(1);
    expect(await answer(broker, 'ann', 'right', '2001:db8:0:1::1')).toBe('ann');
    expect(guesses.delayed).toBe(1);
    expect(await fourth).toBe(NO_ONE);
  });

  it('later and later, who guesses; and at once, the same user from elsewhere', async () => {
    const broker = await start();
    await broker.users.put('ann', { password: 'secret' });
    const { guesses } = broker.users.authenticator;
    for (let i = 0; i < 3; i++) expect(await answer(broker, 'ann', 'wrong')).toBe(NO_ONE);
    expect(guesses.delayed).toBe(0);
    let over = false;
    const waits = answer(broker, 'ann', 'secret').finally(() => {
      over = true;
    });
    expect(guesses.delayed).toBe(1);
    expect(await answer(broker, 'ann', 'secret', '10.0.0.9')).toBe('ann');
    expect(over).toBe(false);
    expect(await waits).toBe('ann');
    expect(await answer(broker, 'ann', 'secret')).toBe('ann');
    expect(guesses.delayed).toBe(1);
    for (let i = 0; i < 4; i++) expect(await scram(broker, 'ann', 'wrong')).toBe(NO_ONE);
    expect(guesses.delayed).toBe(2);
  });
});

describe('users', () => {
  it('say who they are, what they may do, and nothing of their passwords', async () => {
    const broker = await start({ vhosts: [{ name: '/' }, { name: 'plant' }] });
    const { users } = broker;
    await users.put('ann', { password: 'secret', tags: ['administrator'] });
    await users.setPermissions('ann', 'plant', { configure: '^a', write: '', read: '.*' });
    await users.setTopicPermissions('ann', 'plant', 'amq.topic', { write: '^a', read: '{username}' });
    await users.setTopicPermissions('ann', 'plant', 'other', { write: '', read: '' });
    expect(users.get('ann')).toEqual({
      ...{ name: 'ann', tags: ['administrator'], hasPassword: true, configured: false },
      permissions: [{ vhost: 'plant', configure: '^a', write: '', read: '.*' }],
      topicPermissions: [
        { vhost: 'plant', exchange: 'amq.topic', write: '^a', read: '{username}' },
        { vhost: 'plant', exchange: 'other', write: '', read: '' },
      ],
    });
    await users.put('ann', { tags: [] });
    expect(users.get('ann')).toMatchObject({ tags: [], hasPassword: false, permissions: [{ vhost: 'plant' }] });
    expect(await users.clearTopicPermissions('ann', 'plant', 'other')).toBe(true);
    expect(await users.clearTopicPermissions('ann', 'plant', 'other')).toBe(false);
    expect(await users.clearPermissions('ann', 'plant')).toBe(true);
    expect(await users.clearPermissions('ann', 'plant')).toBe(false);
    // Whoever gives them again does not thereby lift what topics are held to.
    expect(users.get('ann')).toMatchObject({ permissions: [], topicPermissions: [{ exchange: 'amq.topic' }] });
    expect(await users.delete('ann')).toBe(true);
    expect(await users.delete('ann')).toBe(false);
    expect(users.list()).toEqual([]);
  });

  it('tell of changes, when they are in force', async () => {
    const broker = await start();
    const { users } = broker;
    const seen: unknown[] = [];
    users.authenticator.onChanged(() => seen.push(users.authenticator.permissionsOf('ann', '/')?.read));
    await users.put('ann', { password: 'x' });
    await users.setPermissions('ann', '/', ALL);
    await users.setPermissions('ann', '/', { ...ALL, read: '^a' });
    await users.clearPermissions('ann', '/');
    await users.setPermissions('ann', '/', ALL);
    await users.delete('ann');
    expect(seen).toEqual([undefined, '.*', '^a', undefined, '.*', undefined]);
    const before = users.authenticator.permissionsOf('guest', '/');
    expect(before).toEqual(ALL);
    expect(users.authenticator.permissionsOf('guest', '/')).toBe(before);
  });

  it.each<[string, (broker: Broker) => Promise<unknown>, string, string]>([
    ['no name', ({ users }) => users.put('', {}), 'invalid', '1 to 255 bytes'],
    ['a long name', ({ users }) => users.put('é'.repeat(128), {}), 'invalid', '1 to 255 bytes'],
    ['a number for a password', ({ users }) => users.put('u', { password: 5 as never }), 'invalid', 'is a text'],
    ['both', ({ users }) => users.put('u', { password: 'a', passwordHash: SHA256_OF_TEST12 }), 'invalid', 'not both'],
    ['a bad hash', ({ users }) => users.put('u', { passwordHash: 'aaaa' }), 'invalid', '36 bytes in base64'],
    ['a long password', ({ users }) => users.put('u', { password: 'x'.repeat(4097) }), 'invalid', '1 to 4096 bytes'],
    ['tags of nothing', ({ users }) => users.put('u', { tags: [''] }), 'invalid', '1 to 64 characters'],
    ['no such user', ({ users }) => users.setPermissions('who', '/', ALL), 'not-found', "no user 'who'"],
    ['no such vhost', ({ users }) => users.setPermissions('ann', 'v', ALL), 'not-found', "vhost 'v' not found"],
    [
      'a part',
      ({ users }) => users.setPermissions('ann', '/', { read: '' } as never),
      'invalid',
      'permission configure',
    ],
    ['a bad pattern', ({ users }) => users.setPermissions('ann', '/', { ...ALL, read: '(' }), 'invalid', ''],
    ['look-ahead', ({ users }) => users.setPermissions('ann', '/', { ...ALL, read: '(?=a)' }), 'invalid', ''],
    ['the configured', ({ users }) => users.put('fixed', {}), 'not-allowed', 'the configuration sets'],
    ['the configured', ({ users }) => users.delete('fixed'), 'not-allowed', 'change it there'],
  ])('refuse %s', async (_, change, code, told) => {
    const broker = await start({ users: [{ name: 'fixed', password: 'x' }] });
    await broker.users.put('ann', {});
    const error = await change(broker).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BrokerError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(told);
  });

  it('of the configuration hide those that are kept, and are gone with it', async () => {
    const files = new MemoryFiles();
    const broker = await start({ files, users: [{ name: 'ann', password: 'configured', permissions: { '/': ALL } }] });
    expect(await answer(broker, 'ann', 'configured')).toBe('ann');
    expect(await scram(broker, 'ann', 'configured')).toBe('ann');
    await broker.users.configure([]);
    await broker.users.put('ann', { password: 'kept' });
    await broker.users.configure([{ name: 'ann', password: 'again' }]);
    expect(await answer(broker, 'ann', 'kept', '10.0.0.2')).toBe(NO_ONE);
    expect(await answer(broker, 'ann', 'again', '10.0.0.3')).toBe('ann');
    await expect(broker.users.configure([{ name: 'bob', permissions: { nowhere: ALL } }])).rejects.toThrow(
      "the configured user 'bob': there is no vhost 'nowhere'",
    );
    expect(await answer(broker, 'ann', 'again', '10.0.0.3')).toBe('ann');
    await broker.users.configure([]);
    expect(await answer(broker, 'ann', 'kept', '10.0.0.4')).toBe('ann');
  });
});

describe('users are kept', () => {
  it('over a restart, with hashes of RabbitMQ that have become ours when the password was seen', async () => {
    const files = new MemoryFiles();
    const first = await start({ files });
    await first.users.put('ann', { password: 'secret', tags: ['monitoring'] });
    await first.users.put('old', { passwordHash: SHA256_OF_TEST12 });
    await first.users.put('gone', { password: 'secret' });
    await first.users.setPermissions('ann', '/', { configure: '', write: '^a', read: '.*' });
    await first.users.setPermissions('gone', '/', ALL);
    await first.users.setTopicPermissions('ann', '/', 'amq.topic', { write: '^a', read: '.*' });
    await first.users.delete('gone');
    expect(await scram(first, 'old', 'test12', '10.0.0.7')).toBe(NO_ONE);
    expect(await answer(first, 'old', 'test12')).toBe('old');
    for (let i = 0; (await scram(first, 'old', 'test12', `10.0.1.${i}`)) !== 'old'; i++) {
      expect(i).toBeLessThan(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const before = first.users.list();
    await first.close();

    const second = await start({ files });
    expect(second.users.list()).toEqual(before);
    expect(second.users.get('gone')).toBeUndefined();
    for (const [user, password] of [
      ['ann', 'secret'],
      ['old', 'test12'],
    ] as const) {
      expect(await scram(second, user, password)).toBe(user);
      expect(await answer(second, user, password)).toBe(user);
    }
    const written = await stateIn(files);
    expect(written).not.toContain('secret');
    expect(written.match(/"algorithm":"scrypt"/g)!.length).toBeGreaterThan(1);
  });

  it('through many changes, in a log that stays small', async () => {
    const files = new MemoryFiles();
    const broker = await start({ files });
    await broker.users.put('ann', {});
    const rules = { configure: 'c'.repeat(1024), write: 'w'.repeat(1024), read: 'r'.repeat(1024) };
    for (let i = 0; i < 400; i++) await broker.users.setPermissions('ann', '/', { ...rules, read: `${i}` });
    expect((await files.list('memory/state')).filter((name) => /^\d+\.log$/.test(name)).length).toBeLessThan(6);
    await broker.close();
    const again = await start({ files });
    expect(again.users.get('ann')!.permissions).toEqual([{ vhost: '/', ...rules, read: '399' }]);
  });

  it('with no log at all while there are none', async () => {
    const files = new MemoryFiles();
    const broker = await start({ files, users: [{ name: 'ann', password: 'x' }] });
    expect(await answer(broker, 'ann', 'x')).toBe('ann');
    await broker.close();
    expect(await files.list('memory/state')).toEqual([]);
  });
});

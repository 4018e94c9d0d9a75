/** `entrepot import rabbitmq`: users of another broker's definitions, whole or not at all. */
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqplib from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBroker } from '../../src/index.ts';
import { Command } from '../support/command.ts';
import { temporaryDirectory } from '../support/directory.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, 'data');
});
afterEach(() => directory.remove());

function hashed(algorithm: string, password: string): string {
  const salt = Buffer.from('salt');
  return Buffer.concat([salt, createHash(algorithm).update(salt).update(password).digest()]).toString('base64');
}

function written(definitions: unknown): string {
  const file = join(directory.path, 'definitions.json');
  writeFileSync(file, typeof definitions === 'string' ? definitions : JSON.stringify(definitions));
  return file;
}

function imported(definitions: unknown, environment = {}): ReturnType<typeof Command.run> {
  return Command.run(['import', 'rabbitmq', written(definitions), '--data', data], environment);
}

const ANN = {
  name: 'ann',
  password_hash: hashed('sha256', 'hunter2'),
  hashing_algorithm: 'rabbit_password_hashing_sha256',
  tags: ['administrator'],
  limits: {},
};

it('takes users with their hashes and rules, says what it leaves out, and they log in at the next start', async () => {
  const result = await imported(
    {
      rabbit_version: '3.10.8',
      users: [
        ANN,
        { ...ANN, name: 'Zoë', tags: 'monitoring,management', limits: { 'max-connections': 3 } },
        { ...ANN, name: 'set' },
      ],
      vhosts: [{ name: '/', limits: [{ name: 'max-queues', value: 3 }] }, { name: 'gone' }],
      permissions: [
        { user: 'ann', vhost: '/', ...ALL, write: '^(amq\\.topic|orders)$' },
        { user: 'ann', vhost: 'gone', ...ALL },
        { user: 'set', vhost: '/', ...ALL },
      ],
      topic_permissions: [{ user: 'ann', vhost: '/', exchange: 'amq.topic', write: '^ann\\.', read: '.*' }],
      queues: [{ name: 'orders', vhost: '/' }],
      global_parameters: [{ name: 'cluster_name', value: 'x' }],
    },
    { ENTREPOT_USERS: JSON.stringify({ set: { password: 'x' } }) },
  );
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout.split('\n')).toEqual([
    `taken into ${data}: users 2, permissions 1, topic permissions 1`,
    'left out: 1 limits of users (Zoë)',
    'left out: 1 passwords and tags of users that the configuration sets (set)',
    'left out: 1 permissions in vhosts that the settings do not have (gone)',
    'left out: 1 permissions of users that the configuration sets (set)',
    'left out: 1 limits of vhosts (/)',
    'left out: 1 vhosts (gone)',
    'left out: 1 queues (orders)',
    'left out: 1 global parameters (cluster_name)',
    '',
  ]);

  const running = await createBroker({ data, listen: ['amqp://127.0.0.1:0'] });
  try {
    expect(running.users.list()).toMatchObject([
      { name: 'Zoë', tags: ['monitoring', 'management'], hasPassword: true, permissions: [] },
      {
        name: 'ann',
        tags: ['administrator'],
        permissions: [{ vhost: '/', ...ALL, write: '^(amq\\.topic|orders)$' }],
        topicPermissions: [{ vhost: '/', exchange: 'amq.topic', write: '^ann\\.', read: '.*' }],
      },
    ]);
    const port = running.port('amqp');
    await expect(amqplib.connect(`amqp://ann:wrong@127.0.0.1:${port}`)).rejects.toThrow('403');
    const connection = await amqplib.connect(`amqp://ann:hunter2@127.0.0.1:${port}`);
    const channel = await connection.createChannel();
    await channel.assertQueue('any');
    await connection.close();
  } finally {
    await running.close();
  }
});

it('takes permissions in vhosts that were made while the broker ran', async () => {
  const before = await createBroker({ data, listen: [] });
  await before.operator.vhosts.put('made', { description: '', tags: [] });
  await before.close();
  const { code, stdout } = await imported({ users: [ANN], permissions: [{ user: 'ann', vhost: 'made', ...ALL }] });
  expect([code, stdout]).toEqual([0, `taken into ${data}: users 1, permissions 1, topic permissions 0\n`]);
  const after = await createBroker({ data, listen: [] });
  expect(after.users.get('ann')?.permissions).toEqual([{ vhost: 'made', ...ALL }]);
  await after.close();
});

it('names some of what it leaves out, and says where there is more', async () => {
  const queues = (count: number): object[] => Array.from({ length: count }, (_, i) => ({ name: `q${i}`, vhost: '/' }));
  const five = await imported({ users: [ANN], queues: queues(5), exchanges: queues(6) });
  expect(five.stdout.split('\n').slice(1, 3)).toEqual([
    'left out: 5 queues (q0, q1, q2, q3, q4)',
    'left out: 6 exchanges (q0, q1, q2, q3, q4 …)',
  ]);
});

it('takes a hash without an algorithm as its version of RabbitMQ has made it', async () => {
  const old = { name: 'old', password_hash: hashed('md5', 'older'), tags: '' };
  expect(await imported({ rabbit_version: '3.5.7', users: [old] })).toMatchObject({ code: 0 });
  // No vhost has a log yet, and the users' is found all the same.
  expect((await Command.run(['log', 'verify', data])).stdout).toMatch(
    /^the broker's own state: .*nothing is damaged\n$/,
  );
  const now = { name: 'now', password_hash: hashed('sha256', 'newer'), tags: [] };
  expect(await imported({ rabbit_version: '3.13.0', users: [now] })).toMatchObject({ code: 0 });
  const wrong = await imported({ rabbit_version: '3.13.0', users: [old] });
  expect(wrong.stderr).toContain("users[0], user 'old': a password hash of rabbit_password_hashing_sha256 is 36 bytes");
});

it('takes a user again: its hash, tags and rules are those of the file then, and rules elsewhere stay', async () => {
  const vhosts = { ENTREPOT_VHOSTS: '/,plant' };
  const first = [
    { user: 'ann', vhost: '/', ...ALL },
    { user: 'ann', vhost: 'plant', ...ALL },
  ];
  expect(await imported({ users: [ANN], permissions: first }, vhosts)).toMatchObject({ code: 0 });
  const second = { users: [{ ...ANN, tags: [] }], permissions: [{ user: 'ann', vhost: '/', ...ALL, write: '' }] };
  expect(await imported(second, vhosts)).toMatchObject({ code: 0 });
  const running = await createBroker({ data, listen: [], vhosts: ['/', 'plant'] });
  expect(running.users.get('ann')).toMatchObject({
    tags: [],
    permissions: [
      { vhost: '/', ...ALL, write: '' },
      { vhost: 'plant', ...ALL },
    ],
  });
  await running.close();
});

it('takes nothing of definitions with a fault, names every fault, and shows no secret', async () => {
  const secret = 'c2VjcmV0LXNlY3JldA==';
  const result = await imported({
    users: [ANN, { ...ANN, name: 'bad', password_hash: secret }, { ...ANN, name: 'clear', password: 'hunter2' }],
    permissions: [
      { user: 'ann', vhost: '/', ...ALL, read: '(?=x)' },
      { user: 'nobody', vhost: '/', ...ALL },
      { user: 'ann', vhost: '/', configure: '.*', write: '.*' },
    ],
  });
  expect(result).toMatchObject({ code: 1, stdout: '' });
  const lines = result.stderr.trim().split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toContain("definitions.json: users[1], user 'bad': a password hash of");
  expect(lines[1]).toContain("users[2], user 'clear': it has a password in clear");
  expect(lines[2]).toContain("permissions[0], user 'ann': ");
  expect(lines[3]).toContain("permissions[1], user 'nobody': no user 'nobody'");
  expect(lines[4]).toContain("permissions[2], user 'ann': the permission read is a pattern");
  expect(lines[5]).toBe('entrepot: nothing was taken');
  expect(result.stderr).not.toMatch(/c2Vj|hunter2/);
  const running = await createBroker({ data, listen: [] });
  expect(running.users.list()).toEqual([]);
  await running.close();
});

it.each([
  ['{ "users": [ hunter2', 'this is not JSON'],
  ['[]', 'these are no definitions of RabbitMQ'],
  ['{"queues": []}', 'these are no definitions of RabbitMQ'],
  ['{"users": {"a": 1}}', 'users is not a list'],
  ['{"users": [null]}', 'users[0] is not an object'],
  ['{"users": [{"name": 7}]}', "users[0]: a user's name is a text of 1 to 255 bytes"],
  ['{"permissions": [{"user": "a", "vhost": 7}]}', "permissions[0], user 'a': no user 'a'"],
])('refuses %s in a line', async (text, wanted) => {
  const result = await imported(text);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toContain(wanted);
  expect(result.stderr).not.toMatch(/hunter2|defect/);
});

it('leaves the directory of a running broker alone, and says of a file that is not there that it is not', async () => {
  const missing = await Command.run(['import', 'rabbitmq', join(directory.path, 'none.json'), '--data', data]);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
  expect(missing.stderr).toMatch(/^entrepot: cannot read .*none\.json: it is not there\n$/);
  expect(existsSync(data)).toBe(false);
  const running = await createBroker({ data, listen: [] });
  try {
    const refused = await imported({ users: [ANN] });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(new RegExp(`${process.pid}`));
    expect(running.users.list()).toEqual([]);
  } finally {
    await running.close();
  }
});

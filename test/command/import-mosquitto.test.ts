/** `entrepot import mosquitto`: users and what they may do of Mosquitto's files, whole or not at all. */
import { createHash, pbkdf2Sync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RawClient } from '../../conformance/mqtt/raw-client.ts';
import { codeOf } from '../../conformance/mqtt/received.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { Command } from '../support/command.ts';
import { temporaryDirectory } from '../support/directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, 'data');
});
afterEach(() => directory.remove());

const SALT = Buffer.from('twelve bytes');
const SEVEN = `$7$101$${SALT.toString('base64')}$${pbkdf2Sync('hunter2', SALT, 101, 64, 'sha512').toString('base64')}`;
const SIX = `$6$${SALT.toString('base64')}$${createHash('sha512').update('hunter2').update(SALT).digest('base64')}`;

function written(name: string, content: string): string {
  const file = join(directory.path, name);
  writeFileSync(file, content);
  return file;
}

function imported(args: readonly string[], environment = {}): ReturnType<typeof Command.run> {
  return Command.run(['import', 'mosquitto', ...args, '--data', data], environment);
}

async function connect(broker: RunningBroker, username: string, clientId = ''): Promise<RawClient> {
  const client = await RawClient.open(broker.port('mqtt'), 5);
  return client.connected({ username, password: 'hunter2', clientId });
}

async function published(client: RawClient, topic: string): Promise<number> {
  return codeOf((await client.publish(topic, 'x', { qos: 1 }))!);
}

it('takes the password file: both hashes let in, and are hashed again; what cannot be had is named', async () => {
  const passwords = written('passwords', `# those\nann:${SEVEN}\nbob:${SIX}\nclear:hunter2\nnone:\nset:${SIX}\n`);
  const result = await imported(['--passwords', passwords], { ENTREPOT_USERS: '{"set":{"password":"x"}}' });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout.trimEnd().split('\n')).toEqual([
    "taken: user 'ann'",
    "taken: user 'bob'",
    "taken: user 'none'",
    "left out: password of user 'clear' (line 4): it is not hashed with $6$ or $7$ (mosquitto_passwd -U does that)",
    "left out: password of user 'none' (line 5): it has none; the user is made, and cannot log in with a password",
    "left out: password of user 'set' (line 6): the configuration sets that user",
    `taken into ${data}: 3 items`,
  ]);
  expect(result.stdout).not.toContain(SALT.toString('base64'));
  // Twice: as it was hashed there, and as it was hashed again at the first login.
  for (let round = 0; round < 2; round++) {
    const broker = await createBroker({ data, listen: ['mqtt://127.0.0.1:0'] });
    for (const user of ['ann', 'bob']) {
      await broker.users.setPermissions(user, '/', { configure: '', write: '', read: '' });
      await (await connect(broker, user)).leave();
      const client = await RawClient.open(broker.port('mqtt'), 5);
      await expect(client.connected({ username: user, password: 'wrong' })).rejects.toThrow('CONNACK');
      client.close();
    }
    await broker.close();
  }
});

it('takes the ACL file as roles that say the same', async () => {
  const passwords = written('passwords', `ann:${SEVEN}\nbob:${SEVEN}\n`);
  const acl = written(
    'acl',
    'topic read news/#\n\nuser ann\ntopic readwrite a/#\ntopic deny a/secret\ntopic write w\ntopic u/%u\nuser gone\ntopic x\npattern write p/%u/%c/#\nnonsense\n',
  );
  const result = await imported(['--passwords', passwords, '--acl', acl]);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toContain("taken: role 'acl-user-ann' of 5 rules");
  expect(result.stdout).toContain('left out: line 7: topic u/%u: %u and %c are plain text in a topic line there');
  expect(result.stdout).toContain("left out: user 'gone' of the ACL file is not there");
  expect(result.stdout).toContain('left out: line 11: neither user nor topic nor pattern');
  const broker = await createBroker({ data, listen: ['mqtt://127.0.0.1:0'] });
  const ann = await connect(broker, 'ann', 'dev');
  const codes: number[] = [];
  for (const topic of ['a/b', 'a/secret', 'w', 'p/ann/dev/x', 'p/bob/dev/x', 'news/x'])
    codes.push(await published(ann, topic));
  expect(codes).toEqual([0x10, 0x87, 0x10, 0x10, 0x87, 0x87]);
  expect(await ann.subscribe({ topic: '#', qos: 1 })).toEqual([1]);
  // It is not to receive what it may only write; a/b comes.
  await published(ann, 'w');
  await published(ann, 'a/b');
  expect((await ann.expectAmong('publish')).topic).toBe('a/b');
  const bob = await connect(broker, 'bob', 'dev');
  expect([await published(bob, 'a/b'), await published(bob, 'p/bob/dev/x')]).toEqual([0x87, 0x10]);
  await ann.leave();
  await bob.leave();
  await broker.close();
});

it('takes dynamic-security.json, and says of each item what would be taken in a dry run', async () => {
  const [, , iterations, salt, hash] = SEVEN.split('$');
  const file = written(
    'dynamic-security.json',
    JSON.stringify({
      defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: true, unsubscribe: true },
      roles: [
        {
          rolename: 'r',
          acls: [
            { acltype: 'publishClientSend', topic: 'a/#', priority: 2, allow: true },
            { acltype: 'publishClientSend', topic: 'a/#/b', allow: true },
            { acltype: 'other', topic: 'a', allow: true },
          ],
        },
      ],
      groups: [{ groupname: 'g', roles: [{ rolename: 'r' }], clients: [{ username: 'ann', priority: 3 }] }],
      clients: [{ username: 'ann', password: hash, salt, iterations: Number(iterations), clientid: 'dev', roles: [] }],
      anonymousGroup: 'g',
      more: 1,
    }),
  );
  const tried = await imported(['--dynamic-security', file, '--dry-run']);
  expect(tried.stdout.trimEnd().split('\n')).toEqual([
    "would take: role 'r' of 1 rules",
    "would take: group 'g'",
    "would take: user 'ann'",
    'would take: default access',
    "would take: group of clients without a name: 'g'",
    "left out: publishClientSend a/#/b of role 'r': wildcards are alone in their levels, and # is the last",
    "left out: other a of role 'r': there is no such kind",
    "left out: 'more' of the file",
    'nothing was taken: this was a dry run',
  ]);
  expect(existsSync(data)).toBe(false);
  expect((await imported(['--dynamic-security', file])).code).toBe(0);
  const explained = (...args: string[]) => Command.run(['auth', 'explain', 'ann', ...args, '--data', data]);
  expect(await explained('publish', 'topic:a/b')).toMatchObject({
    code: 0,
    stdout:
      "allowed: user 'ann', publish topic 'a/b': its role 'r' (by the group 'g') allows publish 'a/#', priority 2\n",
  });
  expect(await explained('publish', 'topic:b')).toMatchObject({
    code: 1,
    stdout: "denied: user 'ann', publish topic 'b': no rule of its roles fits, and this is the default\n",
  });
  expect((await explained('subscribe', 'topic:+/#')).code).toBe(0);
  expect((await explained('write', 'exchange:amq.topic', '--topic', 'b')).stdout).toContain(
    'no rule of its roles fits',
  );
  expect((await explained('publish', 'queue:b')).code).toBe(2);
  const broker = await createBroker({ data, listen: ['mqtt://127.0.0.1:0'] });
  const ann = await connect(broker, 'ann', 'dev');
  expect([await published(ann, 'a/b'), await published(ann, 'b')]).toEqual([0x10, 0x87]);
  await expect(connect(broker, 'ann', 'other')).rejects.toThrow('CONNACK');
  await ann.leave();
  await broker.close();
});

it('takes nothing where something is wrong', async () => {
  const bad = written('bad', 'ann:$7$101$c2FsdA==$c2hvcnQ=\n');
  const refused = await imported(['--passwords', bad]);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain("user 'ann': a password hash is 64 bytes in base64");
  expect(refused.stderr).toContain('nothing was taken');
  expect((await imported([])).stderr).toContain('name a file');
  expect((await imported(['--acl', bad, '--dynamic-security', bad])).stderr).toContain('take one of them');
  expect((await imported(['--dynamic-security', written('x', '[]')])).stderr).toContain('no file of');
  expect((await imported(['--acl', join(directory.path, 'nothing')])).stderr).toContain('it is not there');
});

/** `entrepot auth explain`: which rule lets a user do something, or does not, told of a broker that runs and of what a stopped one has left. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createBroker } from '../../src/index.ts';
import { Command } from '../support/command.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { entrepot } from './harness.ts';

const RULES = { configure: '', write: '^(orders|amq\\.topic)$', read: '.*' };

it('names the rule that decides, of users in the data directory, and exits with 0 or 1', async () => {
  await withTemporaryDirectory(async (data) => {
    const running = await createBroker({ data, listen: [], vhosts: ['/', 'plant'] });
    await running.users.put('ann', { password: 'hunter2' });
    await running.users.setPermissions('ann', '/', RULES);
    await running.users.setTopicPermissions('ann', '/', 'amq.topic', { write: '^{client_id}\\.', read: '' });
    const explained = (...args: string[]) =>
      Command.run(['auth', 'explain', 'ann', ...args, '--data', data], { ENTREPOT_VHOSTS: '/,plant' });
    const busy = await explained('write', 'queue:orders');
    // It runs, and nothing of it is reached.
    expect(busy).toMatchObject({ code: 3, stdout: '' });
    expect(busy.stderr).toContain(String(process.pid));
    await running.close();

    const rule = "its permission write '^(orders|amq\\.topic)$' is";
    expect(await explained('write', 'exchange:orders')).toMatchObject({
      code: 0,
      stdout: `allowed: user 'ann', write exchange 'orders' in vhost '/': ${rule} found in 'orders'\n`,
      stderr: '',
    });
    expect(await explained('write', 'exchange:')).toMatchObject({
      code: 1,
      stdout: `denied: user 'ann', write exchange 'amq.default' in vhost '/': ${rule} not found in 'amq.default'\n`,
    });
    expect(await explained('read', 'queue:q', '--vhost', 'plant')).toMatchObject({
      code: 1,
      stdout:
        "denied: user 'ann', read queue 'q' in vhost 'plant': it has no permissions in this vhost, and may not enter it\n",
    });
    const topic = await explained('write', 'exchange:amq.topic', '--topic', 's.1', '--client-id', 's');
    expect(topic.code).toBe(0);
    expect(topic.stdout.split('\n')).toMatchObject([
      `allowed: user 'ann', write exchange 'amq.topic' in vhost '/': ${rule} found in 'amq.topic'`,
      "allowed: user 'ann', write topic 's.1' of exchange 'amq.topic' in vhost '/': its topic permission write '^{client_id}\\.', which is '^s\\.' here, is found in 's.1'",
      '',
    ]);
    const other = await explained('write', 'exchange:amq.topic', '--topic', 's.1', '--client-id', 't');
    expect(other).toMatchObject({ code: 1, stdout: expect.stringContaining("is not found in 's.1'\n") });
  });
});

it('knows users of the settings, without making a data directory, and exits with 2 where it cannot say', async () => {
  await withTemporaryDirectory(async (directory) => {
    const data = join(directory, 'none');
    const users = { ENTREPOT_USERS: JSON.stringify({ bob: { password: 'hunter2', permissions: { '/': RULES } } }) };
    const explained = (...args: string[]) => Command.run(['auth', 'explain', ...args, '--data', data], users);
    expect(await explained('bob', 'read', 'queue:q')).toMatchObject({ code: 0 });
    expect(await explained('bob', 'configure', 'queue:q')).toMatchObject({ code: 1 });
    for (const [args, why] of [
      [['bob', 'delete', 'queue:q'], 'the action is one of configure, write, read'],
      [['bob', 'read', 'q'], 'the resource is queue:NAME or exchange:NAME'],
      [['bob', 'read', 'queue:q', '--topic', 'a'], 'topics are of exchanges, to write or to read'],
      [['bob', 'read'], 'missing required argument'],
    ] as const) {
      const result = await explained(...args);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(`entrepot: ${why}`);
    }
    for (const [args, why] of [
      [['eve', 'read', 'queue:q'], "there is no user 'eve'"],
      [['bob', 'read', 'queue:q', '--vhost', 'x'], "there is no vhost 'x'"],
    ] as const) {
      expect(await explained(...args)).toMatchObject({ code: 5, stdout: '', stderr: `entrepot: ${why}\n` });
    }
    expect(existsSync(data)).toBe(false);
  });
});

it('asks a broker that runs the same, and is answered the same when it has stopped', async () => {
  await withTemporaryDirectory(async (data) => {
    const running = await createBroker({ data, listen: 'http://127.0.0.1:0' });
    await running.operator.vhosts.put('made', { description: '', tags: [] });
    await running.users.put('ann', { password: 'hunter2' });
    await running.users.setPermissions('ann', 'made', RULES);
    const asked = async () => {
      const answers = [];
      for (const args of [
        ['write', 'queue:orders', '--vhost', 'made'],
        ['write', 'exchange:x', '--vhost', 'made', '--json'],
        ['publish', 'topic:a/b'],
        ['read', 'queue:q', '--vhost', 'gone'],
        ['nothing', 'queue:q'],
      ]) {
        answers.push(await entrepot('auth', 'explain', 'ann', ...args, '--data', data));
      }
      return answers;
    };
    const answers = await asked();
    expect(answers.map(({ code }) => code)).toEqual([0, 1, 1, 5, 2]);
    expect(answers[0]!.stdout).toBe(
      "allowed: user 'ann', write queue 'orders' in vhost 'made': its permission write '^(orders|amq\\.topic)$' is found in 'orders'\n",
    );
    expect(JSON.parse(answers[1]!.stdout)).toMatchObject({ user: 'ann', allowed: false, rules: [{ allowed: false }] });
    await running.close();
    const later = await asked();
    expect(later.slice(0, 3)).toEqual(answers.slice(0, 3));
    expect(later.map(({ code }) => code)).toEqual([0, 1, 1, 5, 2]);
  });
});

it('shows others to administrators alone', async () => {
  const running = await createBroker({ listen: 'http://127.0.0.1:0' });
  try {
    await running.users.put('root', { password: 'root', tags: ['administrator'] });
    await running.users.put('ann', { password: 'ann', tags: ['management'] });
    const asked = async (login: string, query: string) => {
      const url = `http://127.0.0.1:${running.port('http')}/v1/access?action=read&resource=queue:q${query}`;
      const response = await fetch(url, {
        headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      });
      return [response.status, ((await response.json()) as { allowed?: boolean }).allowed];
    };
    expect(await asked('ann:ann', '')).toEqual([200, false]);
    expect(await asked('ann:ann', '&user=root')).toEqual([403, undefined]);
    expect(await asked('root:root', '&user=ann')).toEqual([200, false]);
    expect(await asked('root:root', '&user=nobody')).toEqual([404, undefined]);
  } finally {
    await running.close();
  }
});

it('answers many questions of who asks at once, and bounds them', async () => {
  const running = await createBroker({ listen: 'http://127.0.0.1:0' });
  try {
    await running.users.put('root', { password: 'root', tags: ['administrator'] });
    await running.users.put('ann', { password: 'ann', tags: ['management'] });
    await running.users.setPermissions('ann', '/', { configure: '^own', write: '', read: '.*' });
    const asked = async (questions: readonly object[]) => {
      const response = await fetch(`http://127.0.0.1:${running.port('http')}/v1/access`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from('ann:ann').toString('base64')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ questions }),
      });
      return [response.status, ((await response.json()) as { allowed?: boolean[] }).allowed];
    };
    const question = { action: 'configure', resource: 'queue:own.1' };
    expect(
      await asked([
        question,
        { action: 'configure', resource: 'queue:other' },
        { action: 'read', resource: 'exchange:amq.topic', topic: 'a.b' },
        { action: 'write', resource: 'exchange:amq.topic', topic: 'a.b' },
      ]),
    ).toEqual([200, [true, false, true, false]]);
    expect(await asked([])).toEqual([200, []]);
    expect(await asked([{ ...question, action: 'fly' }])).toEqual([400, undefined]);
    expect(await asked([{ ...question, user: 'root' }])).toEqual([400, undefined]);
    expect((await asked(Array.from({ length: 501 }, () => question)))[0]).toBe(400);
  } finally {
    await running.close();
  }
});

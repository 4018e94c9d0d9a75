/** `entrepot auth explain`: which rule lets a user do something, or does not, told of a stopped broker. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createBroker } from '../../src/index.ts';
import { Command } from '../support/command.ts';
import { withTemporaryDirectory } from '../support/directory.ts';

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
    expect(busy).toMatchObject({ code: 2, stdout: '' });
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
      [['eve', 'read', 'queue:q'], "there is no user 'eve'"],
      [['bob', 'read', 'queue:q', '--vhost', 'x'], "the settings have no vhost 'x'"],
      [['bob', 'delete', 'queue:q'], 'the action is one of configure, write, read'],
      [['bob', 'read', 'q'], 'the resource is queue:NAME or exchange:NAME'],
      [['bob', 'read', 'queue:q', '--topic', 'a'], 'topics are of exchanges, to write or to read'],
      [['bob', 'read'], 'missing required argument'],
    ] as const) {
      const result = await explained(...args);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(`entrepot: ${why}`);
    }
    expect(existsSync(data)).toBe(false);
  });
});

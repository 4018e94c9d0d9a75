/** The control topic and its commands: who may send them, what is answered to whom, and every bound. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../../../conformance/mqtt/received.ts';
import { withTemporaryDirectory } from '../../../support/directory.ts';
import { CONTROL, type ControlledBroker, RESPONSE, startControlled } from './harness.ts';

let controlled: ControlledBroker;

beforeEach(async () => {
  controlled = await startControlled();
});

afterEach(() => controlled.stop());

const LIST = '{"commands":[{"command":"listClients"}]}';

describe('commands', () => {
  it('are for administrators, and for who has a role that lets it publish them', async () => {
    const { admin, connect, broker } = controlled;
    await broker.users.put('plain', { password: 'p' });
    await broker.users.setPermissions('plain', '/', { configure: '.*', write: '.*', read: '.*' });
    const plain = await connect('plain');
    expect(codeOf((await plain.publish(CONTROL, LIST, { qos: 1 }))!)).toBe(0x87);
    const old = await connect('plain', { level: 4 });
    await old.subscribe(RESPONSE);
    await old.publish(CONTROL, LIST, { qos: 1 });
    await old.ping();
    expect(old.waiting).toEqual([]);
    const acls = [
      { acltype: 'publishClientSend', topic: '$CONTROL/dynamic-security/#', allow: true },
      { acltype: 'subscribePattern', topic: '$CONTROL/dynamic-security/#', allow: true },
      { acltype: 'publishClientReceive', topic: '$CONTROL/dynamic-security/#', allow: true },
    ];
    await admin.do(
      ['createRole', { rolename: 'operators', acls }],
      ['addClientRole', { username: 'plain', rolename: 'operators' }],
    );
    expect(await plain.subscribe(RESPONSE)).toEqual([0]);
    expect(codeOf((await plain.publish(CONTROL, LIST, { qos: 1 }))!)).toBe(0);
    expect((await plain.expectAmong('publish')).payload.toString()).toContain('listClients');
    await plain.leave();
    old.close();
  });

  it('that wait are not carried out for who may not send them any more', async () => {
    const { admin, connect } = controlled;
    const acls = [{ acltype: 'publishClientSend', topic: CONTROL, allow: true }];
    await admin.do(
      ['createRole', { rolename: 'operators', acls }],
      ['createClient', { username: 'op', password: 'p', roles: [{ rolename: 'operators' }] }],
    );
    const op = await connect('op');
    const commands = [
      { command: 'createRole', rolename: 'before' },
      { command: 'deleteRole', rolename: 'operators' },
      { command: 'createRole', rolename: 'after' },
    ];
    await op.publish(CONTROL, JSON.stringify({ commands }), { qos: 1 });
    for (;;) {
      const [{ data }] = (await admin.ask(['listRoles'])) as [{ data: { roles: string[] } }];
      if (data.roles.includes('operators')) continue;
      // One more round: what was behind it has had its turn.
      const [again] = (await admin.ask(['listRoles'])) as [{ data: { roles: string[] } }];
      expect(again.data.roles).toEqual(['before']);
      break;
    }
    expect(codeOf((await op.publish(CONTROL, LIST, { qos: 1 }))!)).toBe(0x87);
    await op.leave();
  });

  it('come at any quality and are answered at most once, not retained, to the asker alone', async () => {
    const { admin, connect } = controlled;
    const other = await connect('admin');
    await other.subscribe('$CONTROL/#');
    for (const qos of [0, 1, 2]) {
      await admin.client.publish(CONTROL, LIST, { qos, retain: true });
      const answer = await admin.client.expectAmong('publish');
      expect(answer).toMatchObject({ topic: RESPONSE, qos: 0, retain: false });
    }
    await other.ping();
    expect(other.waiting).toEqual([]);
    await other.leave();
  });

  it('are carried out for who has not subscribed to the answers, too', async () => {
    const { admin, connect } = controlled;
    const silent = await connect('admin');
    await silent.publish(CONTROL, '{"commands":[{"command":"createRole","rolename":"made"}]}', { qos: 1 });
    // The other's come one after the other as well, but may overtake: asked until it is there.
    for (;;) {
      const [{ data }] = (await admin.ask(['listRoles'])) as [{ data: { roles: string[] } }];
      if (data.roles.includes('made')) break;
    }
    await silent.ping();
    expect(silent.waiting).toEqual([]);
    await silent.leave();
  });

  it('are no wills, and go to no other topic of $CONTROL', async () => {
    const { admin } = controlled;
    for (const topic of ['$CONTROL', '$CONTROL/x/v1', RESPONSE, '$delayed/1/$CONTROL/dynamic-security/v1']) {
      expect(codeOf((await admin.client.publish(topic, LIST, { qos: 1 }))!)).toBeGreaterThanOrEqual(0x87);
    }
  });
});

describe('an answer', () => {
  it.each([
    ['not JSON', 'Payload not valid JSON'],
    ['[]', 'Invalid/missing commands'],
    ['{"x":1}', 'Invalid/missing commands'],
    ['{"commands":7}', 'Invalid/missing commands'],
    ['{"commands":[7]}', 'Command not an object'],
    ['{"commands":[{}]}', 'Missing command'],
    ['{"commands":[{"command":7}]}', 'Missing command'],
  ])('to %s says so', async (payload, error) => {
    expect(await controlled.admin.send(payload)).toEqual([{ command: 'Unknown command', error }]);
  });

  it('has one entry a command, in their order, with its correlation data, and goes on behind an error', async () => {
    const answers = await controlled.admin.ask(
      ['nonsense', { correlationData: 'a' }],
      ['createrole', { rolename: 'r', correlationData: 'b' }],
      ['getRole', { rolename: 'r', correlationData: 7 }],
      ['createRole', { rolename: 'r' }],
      ['deleteRole', { rolename: 'r' }],
    );
    expect(answers).toEqual([
      { command: 'nonsense', error: 'Unknown command', correlationData: 'a' },
      { command: 'createRole', correlationData: 'b' },
      { command: 'getRole', error: 'Invalid correlationData data type.' },
      { command: 'createRole', error: 'Role already exists' },
      { command: 'deleteRole' },
    ]);
    expect(await controlled.admin.send('{"commands":[]}')).toEqual([]);
  });

  it('to fields of the wrong kind is a refusal of that command, in its own words', async () => {
    const answers = await controlled.admin.ask(
      ['createClient', { username: 7 }],
      ['createClient', { username: '' }],
      ['createClient', { username: 'u', password: 7 }],
      ['createClient', { username: 'u', clientid: {} }],
      ['createClient', { username: 'u', roles: 'r' }],
      ['createClient', { username: 'u', roles: [{ rolename: 'r' }] }],
      ['createClient', { username: 'u', groups: [{ groupname: 'g' }] }],
      ['createRole', { rolename: null }],
      ['createRole', { rolename: 'r', acls: [{ acltype: 'x', topic: 'a' }] }],
      ['createRole', { rolename: 'r', acls: [{ acltype: 'subscribePattern', topic: 'a/#/b' }] }],
      ['setDefaultACLAccess', { acls: 1 }],
      ['getClient'],
      ['modifyRole', { rolename: 'r' }],
      ['setClientPassword', { username: 'admin', password: '' }],
      ['setClientPassword', { username: 'admin', password: 'x' }],
      ['deleteClient', { username: 'admin' }],
    );
    expect(answers.map(({ error }) => error)).toEqual([
      'Invalid/missing username',
      'Invalid/missing username',
      'Invalid/missing password',
      'Invalid/missing client id',
      "'roles' not an array or missing/invalid rolename",
      'Role not found',
      'Group not found',
      'Invalid/missing rolename',
      'Unknown acltype',
      'the filter of a rule: wildcards are alone in their levels, and # is the last',
      'Missing/invalid actions array',
      'Invalid/missing username',
      'Role does not exist',
      'Empty password is not allowed',
      "the configuration sets the user 'admin': change it there",
      "the configuration sets the user 'admin': change it there",
    ]);
    expect(await controlled.admin.ask(['listClients'])).toEqual([
      { command: 'listClients', data: { totalCount: 1, clients: ['admin'] } },
    ]);
  });

  it('never holds a password or a hash', async () => {
    const { admin } = controlled;
    await admin.do(['createClient', { username: 'u', password: 'secret-word' }]);
    const answers = JSON.stringify(
      await admin.ask(['getClient', { username: 'u' }], ['listClients', { verbose: true }]),
    );
    expect(answers).not.toMatch(/secret-word|password|hash|salt|scrypt/);
  });
});

describe('a bound', () => {
  it('on the length of a payload is told by a reason code', async () => {
    const payload = `{"commands":[],"x":"${'x'.repeat(70_000)}"}`;
    expect(codeOf((await controlled.admin.client.publish(CONTROL, payload, { qos: 1 }))!)).toBe(0x97);
    const longer = `{"commands":[],"x":"${'x'.repeat(500_000)}"}`;
    expect(codeOf((await controlled.admin.client.publish(CONTROL, longer, { qos: 1 }))!)).toBe(0x97);
  });

  it('on the number of commands and their depth costs an error, and nothing else', async () => {
    const many = JSON.stringify({ commands: Array.from({ length: 257 }, () => ({ command: 'listRoles' })) });
    expect(await controlled.admin.send(many)).toEqual([
      { command: 'Unknown command', error: 'More than 256 commands' },
    ]);
    const [deep] = await controlled.admin.send(`{"commands":${'['.repeat(30_000)}${']'.repeat(30_000)}}`);
    expect(deep).toEqual({ command: 'Unknown command', error: 'Command not an object' });
  });

  it('on requests that wait is told by a reason code, and those before are answered', async () => {
    const { client } = controlled.admin;
    const slow = JSON.stringify({ commands: [{ command: 'createClient', username: 'u', password: 'p' }] });
    const packets = Array.from({ length: 30 }, (_, i) =>
      client.encode({
        cmd: 'publish',
        topic: CONTROL,
        payload: slow,
        qos: 1,
        retain: false,
        dup: false,
        messageId: 100 + i,
      }),
    );
    client.bytes(...packets);
    const codes: number[] = [];
    for (let i = 0; i < 30; i++) codes.push(codeOf(await client.expectAmong('puback')));
    const taken = codes.filter((code) => code === 0).length;
    expect(taken).toBeGreaterThanOrEqual(8);
    expect(codes.filter((code) => code === 0x97).length).toBe(30 - taken);
    for (let i = 0; i < taken; i++) await client.expectAmong('publish');
  });
});

describe('fields of any shape', () => {
  it('are answered, one entry a command, and are never a fault of ours', { timeout: 60_000 }, async () => {
    const names = [
      'setDefaultACLAccess',
      'createClient',
      'deleteClient',
      'setClientId',
      'modifyClient',
      'addClientRole',
    ];
    names.push(
      'removeClientRole',
      'getClient',
      'listClients',
      'createGroup',
      'addGroupClient',
      'modifyGroup',
      'getGroup',
    );
    names.push('addGroupRole', 'removeGroupRole', 'setAnonymousGroup', 'createRole', 'addRoleACL', 'removeRoleACL');
    names.push(
      'modifyRole',
      'getRole',
      'listRoles',
      'listGroups',
      'deleteRole',
      'deleteGroup',
      'disableClient',
      'toString',
    );
    const fields = ['username', 'rolename', 'groupname', 'clientid', 'textname', 'roles', 'groups', 'clients', 'acls'];
    fields.push('acltype', 'topic', 'priority', 'allow', 'count', 'offset', 'verbose', 'correlationData');
    const values: unknown[] = [
      'a',
      'b',
      '',
      '__proto__',
      7,
      -1e300,
      null,
      true,
      [],
      {},
      [7],
      [null],
      ['a'],
      [{ username: 'a' }],
    ];
    values.push([{ rolename: 'a', priority: {} }, { rolename: 'a' }], [{ groupname: 'b' }], 'publishClientSend', '#');
    values.push([{ acltype: 'subscribePattern', topic: 'x/#', priority: 1e99 }], [{ acltype: 'subscribe', allow: 1 }]);
    let state = 7;
    const pick = <T>(list: readonly T[]): T => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return list[Math.floor((state / 2_147_483_648) * list.length)]!;
    };
    for (let round = 0; round < 20; round++) {
      const commands = Array.from({ length: 50 }, () => {
        const command: Record<string, unknown> = { command: pick(names) };
        for (let i = 0; i < 6; i++) command[pick(fields)] = pick(values);
        return command;
      });
      const answers = await controlled.admin.send(JSON.stringify({ commands }));
      expect(answers.length).toBe(50);
      for (const [i, { command, error }] of answers.entries()) {
        expect(command).toBe(commands[i]!['command']);
        // The plugin's word for a role that is given twice, and for nothing else here.
        if (error === 'Internal error') expect(command).toBe('addClientRole');
      }
    }
  });
});

describe('what was set', () => {
  it('is there after a start', async () => {
    await withTemporaryDirectory(async (data) => {
      const before = await startControlled(data);
      await before.admin.do(
        ['createRole', { rolename: 'r', acls: [{ acltype: 'publishClientSend', topic: 'a/%u', allow: true }] }],
        ['createGroup', { groupname: 'g', textname: 'G', roles: [{ rolename: 'r', priority: 4 }] }],
        ['createClient', { username: 'ann', password: 'p', clientid: 'c', groups: [{ groupname: 'g' }] }],
        ['setDefaultACLAccess', { acls: [{ acltype: 'subscribe', allow: true }] }],
        ['setAnonymousGroup', { groupname: 'g' }],
      );
      const questions = [
        ['getClient', { username: 'ann' }],
        ['getGroup', { groupname: 'g' }],
        ['getRole', { rolename: 'r' }],
        ['getDefaultACLAccess', {}],
        ['getAnonymousGroup', {}],
      ] as const;
      const said = await before.admin.ask(...questions);
      await before.stop();
      const after = await startControlled(data);
      expect(await after.admin.ask(...questions)).toEqual(said);
      const ann = await after.connect('ann', { clientId: 'c' });
      expect(codeOf((await ann.publish('a/ann', 'x', { qos: 1 }))!)).toBe(0x10);
      await ann.leave();
      await after.stop();
    });
  });
});

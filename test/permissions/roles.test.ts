/** Roles of filter rules: what they let clients do, and what happens to clients that are there when they change. */
import amqplib from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient } from '../../conformance/mqtt/raw-client.ts';
import { codeOf } from '../../conformance/mqtt/received.ts';
import { type ControlledBroker, startControlled } from '../protocols/mqtt/control/harness.ts';
import { until } from '../support/until.ts';

let controlled: ControlledBroker;

beforeEach(async () => {
  controlled = await startControlled();
  const { admin } = controlled;
  await admin.do(
    ['createRole', { rolename: 'r', acls: [allow('publishClientSend', 'a/#'), allow('subscribePattern', 'a/#')] }],
    ['createClient', { username: 'ann', password: 'p', roles: [{ rolename: 'r' }] }],
  );
});

afterEach(() => controlled.stop());

function allow(acltype: string, topic: string, priority = 0): object {
  return { acltype, topic, priority, allow: true };
}

function addRule(acltype: string, topic: string, allowed: boolean, priority = 10) {
  return controlled.admin.do(['addRoleACL', { rolename: 'r', acltype, topic, allow: allowed, priority }]);
}

async function published(client: RawClient, topic: string): Promise<number> {
  return codeOf((await client.publish(topic, 'x', { qos: 1 }))!);
}

/** What comes up to a message that is allowed in any case. */
async function upTo(client: RawClient, end: string): Promise<string[]> {
  await controlled.admin.client.publish('a/end', end, { qos: 1 });
  const topics: string[] = [];
  for (;;) {
    const { topic, payload } = await client.expectAmong('publish');
    if (payload.toString() === end) return topics;
    topics.push(topic);
  }
}

describe('a role that changes', () => {
  it('is obeyed by the next publish of a client that is there', async () => {
    const ann = await controlled.connect('ann');
    expect(await published(ann, 'a/b')).toBe(0x10);
    await addRule('publishClientSend', 'a/b', false);
    expect([await published(ann, 'a/b'), await published(ann, 'a/c')]).toEqual([0x87, 0x10]);
    await ann.leave();
  });

  it('ends the subscriptions that it does not allow any more, and tells the client', async () => {
    const ann = await controlled.connect('ann');
    expect(await ann.subscribe('a/b', 'a/c')).toEqual([0, 0]);
    await addRule('subscribePattern', 'a/b', false);
    expect(await ann.ended()).toBe('DISCONNECT 0x87, closed');
  });

  it('lets who has lost nothing stay', async () => {
    const ann = await controlled.connect('ann');
    await ann.subscribe('a/#');
    await addRule('publishClientSend', 'b', true);
    await controlled.admin.do(['createRole', { rolename: 'other' }]);
    await controlled.admin.do(['addClientRole', { username: 'ann', rolename: 'other' }]);
    await controlled.admin.do(['removeClientRole', { username: 'ann', rolename: 'other' }]);
    expect(await upTo(ann, 'still there')).toEqual([]);
    await ann.leave();
  });

  it('takes messages that may not be received away at once: live, of both qualities, and retained', async () => {
    const { admin } = controlled;
    const ann = await controlled.connect('ann');
    await ann.subscribe({ topic: 'a/#', qos: 1 });
    await admin.client.publish('a/secret', 'x', { qos: 1, retain: true });
    expect(await upTo(ann, 'one')).toEqual(['a/secret']);
    await addRule('publishClientReceive', 'a/secret', false);
    for (const qos of [0, 1]) await admin.client.publish('a/secret', 'x', { qos });
    expect(await upTo(ann, 'two')).toEqual([]);
    await ann.subscribe({ topic: 'a/+', qos: 1 });
    expect(await upTo(ann, 'three')).toEqual([]);
    await ann.leave();
  });

  it('is obeyed in the middle of messages that come to one topic one after the other, and among others', async () => {
    const { admin } = controlled;
    const ann = await controlled.connect('ann');
    await ann.subscribe({ topic: 'a/#', qos: 1 });
    const got = async (end: string, ...topics: string[]): Promise<string[]> => {
      for (const topic of topics) await admin.client.publish(topic, 'x', { qos: 1 });
      return upTo(ann, end);
    };
    expect(await got('1', 'a/s', 'a/s', 'a/s')).toEqual(['a/s', 'a/s', 'a/s']);
    await addRule('publishClientReceive', 'a/s', false);
    expect(await got('2', 'a/s', 'a/s', 'a/s')).toEqual([]);
    expect(await got('3', 'a/s', 'a/o', 'a/o', 'a/s', 'a/s', 'a/o')).toEqual(['a/o', 'a/o', 'a/o']);
    await admin.do(['removeRoleACL', { rolename: 'r', acltype: 'publishClientReceive', topic: 'a/s' }]);
    expect(await got('4', 'a/s', 'a/o', 'a/s', 'a/s')).toEqual(['a/s', 'a/o', 'a/s', 'a/s']);
    await ann.leave();
  });

  it('keeps from a kept session what came while its client was away', async () => {
    const { admin, connect } = controlled;
    const before = await connect('ann', { clientId: 'kept', clean: false });
    await before.subscribe({ topic: 'a/#', qos: 1 });
    await before.leave();
    for (const topic of ['a/secret', 'a/open']) await admin.client.publish(topic, 'x', { qos: 1 });
    await addRule('publishClientReceive', 'a/secret', false);
    const back = await connect('ann', { clientId: 'kept', clean: false });
    expect(back.connack.sessionPresent).toBe(true);
    expect(await upTo(back, 'end')).toEqual(['a/open']);
    await back.leave();
  });

  it('ends the membership in a share, which is judged by its filter', async () => {
    const ann = await controlled.connect('ann');
    expect(await ann.subscribe('$share/g/a/b', '$share/g/b')).toEqual([0, 0x87]);
    await addRule('subscribePattern', 'a/b', false);
    expect(await ann.ended()).toBe('DISCONNECT 0x87, closed');
  });

  it('does not let a subscription end that it forbids to end', async () => {
    const ann = await controlled.connect('ann');
    await ann.subscribe('a/b', '$share/g/a/b');
    await addRule('unsubscribePattern', 'a/b', false);
    expect((await ann.unsubscribe('a/b', '$share/g/a/b', 'a/c')).granted).toEqual([0x87, 0x87, 0x11]);
    await ann.leave();
  });
});

describe('a client', () => {
  it('stays when a command fails', async () => {
    const ann = await controlled.connect('ann');
    await ann.subscribe('a/#');
    const answers = await controlled.admin.ask(
      ['addGroupClient', { groupname: 'nothing', username: 'ann' }],
      ['addClientRole', { username: 'ann', rolename: 'nothing' }],
      ['modifyClient', { username: 'ann', roles: [{ rolename: 'nothing' }] }],
    );
    expect(answers.map(({ error }) => error)).toEqual(['Group not found', 'Role not found', 'Role not found']);
    expect(await upTo(ann, 'end')).toEqual([]);
    await ann.leave();
  });

  it.each([
    ['disabled', 'disableClient', {}],
    ['deleted', 'deleteClient', {}],
    ['given another password', 'setClientPassword', { password: 'other' }],
    ['bound to a client identifier', 'setClientId', { clientid: 'ann-1' }],
  ])('is put out when it is %s, and not let in as before', async (_what, command, fields) => {
    const ann = await controlled.connect('ann');
    await controlled.admin.do([command, { username: 'ann', ...fields }]);
    expect(await ann.ended()).toMatch(/^DISCONNECT 0x.., closed$/);
    await expect(controlled.connect('ann')).rejects.toThrow('CONNACK');
  });

  it('is let in again once it is enabled', async () => {
    await controlled.admin.do(['disableClient', { username: 'ann' }], ['enableClient', { username: 'ann' }]);
    const ann = await controlled.connect('ann');
    await ann.leave();
  });

  it('with an identifier of its own is let in as that alone, over every protocol', async () => {
    await controlled.admin.do(['setClientId', { username: 'ann', clientid: 'ann-1' }]);
    const ann = await controlled.connect('ann', { clientId: 'ann-1' });
    await ann.leave();
    await expect(amqplib.connect(`amqp://ann:p@127.0.0.1:${controlled.broker.ports.amqp}`)).rejects.toThrow();
  });
});

describe('over AMQP', () => {
  it('who has roles publishes what they allow, and has no queues without permissions', async () => {
    const connection = await amqplib.connect(`amqp://ann:p@127.0.0.1:${controlled.broker.ports.amqp}`);
    connection.on('error', () => {});
    const tried = async (work: (channel: amqplib.ConfirmChannel) => Promise<unknown>): Promise<string> => {
      const channel = await connection.createConfirmChannel();
      let why = '';
      channel.on('error', (error: Error) => {
        why = error.message;
      });
      await work(channel).catch(() => until(() => why !== ''));
      return /access to \S+ '[^']*'/.exec(why)?.[0] ?? 'done';
    };
    const send = (key: string) => (channel: amqplib.ConfirmChannel) => {
      channel.publish('amq.topic', key, Buffer.from('x'));
      return channel.waitForConfirms();
    };
    expect(await tried(send('a.b'))).toBe('done');
    expect(await tried(send('b'))).toBe("access to topic 'b'");
    expect(await tried((channel) => channel.assertQueue('q'))).toBe("access to queue 'q'");
    await connection.close();
  });

  it('permissions lead to no topic that roles do not allow', async () => {
    const { users } = controlled.broker;
    await users.setPermissions('ann', '/', { configure: 'mine', write: 'mine', read: '.*' });
    const connection = await amqplib.connect(`amqp://ann:p@127.0.0.1:${controlled.broker.ports.amqp}`);
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    const failed = new Promise<Error>((resolve) => channel.on('error', resolve));
    await channel.assertExchange('mine', 'fanout', { durable: false });
    await channel.bindExchange('amq.topic', 'mine', '').catch(() => {});
    expect((await failed).message).toContain("access to exchange 'amq.topic'");
    await connection.close();
  });
});

describe('clients without a name', () => {
  it('are judged by the group that is set for them', async () => {
    await controlled.stop();
    controlled = await startControlled(undefined, { login: { anonymous: 'local', guest: 'auto' } });
    const { admin, broker } = controlled;
    await admin.do(
      ['createRole', { rolename: 'r', acls: [allow('publishClientSend', 'open/#'), allow('publishClientSend', '%u')] }],
      ['createGroup', { groupname: 'strangers', roles: [{ rolename: 'r' }] }],
    );
    const client = await (await RawClient.open(broker.ports.mqtt, 5)).connected({});
    expect(await published(client, 'closed')).toBe(0x10);
    await admin.do(['setAnonymousGroup', { groupname: 'strangers' }]);
    const topics = ['open/a', 'closed', '$queue/q', 'anonymous'];
    const codes: number[] = [];
    for (const topic of topics) codes.push(await published(client, topic));
    expect(codes).toEqual([0x10, 0x87, 0x87, 0x87]);
    await client.leave();
  });
});

it('over HTTP as over MQTT: what is retained is shown as it would be received', async () => {
  await controlled.admin.client.publish('a/kept', 'x', { qos: 1, retain: true });
  await controlled.broker.users.put('ann', { password: 'p', tags: ['management'] });
  const asked = async (path: string): Promise<[status: number, body: string]> => {
    const response = await fetch(`http://127.0.0.1:${controlled.broker.ports.http}/v1/vhosts/%2F/retained${path}`, {
      headers: { authorization: `Basic ${Buffer.from('ann:p').toString('base64')}` },
    });
    return [response.status, await response.text()];
  };
  expect((await asked('/a.kept'))[0]).toBe(200);
  await addRule('publishClientReceive', 'a/#', false);
  expect((await asked('/a.kept'))[0]).toBe(403);
  expect((await asked(''))[1]).not.toContain('a.kept');
});

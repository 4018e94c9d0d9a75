/** Every group of commands that ask a running broker: what they change is so, and what they print is what there is. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until, untilAsked } from '../support/until.ts';
import { entrepot } from './harness.ts';

const directory = temporaryDirectory();
const data = join(directory.path, 'data');
let broker: RunningBroker;

beforeAll(async () => {
  broker = await createBroker({ data, listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'] });
});
afterAll(async () => {
  await broker.close();
  directory.remove();
});

const run = (...args: string[]) => entrepot(...args, '--data', data);

/** What it prints; it has to succeed. */
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

async function parsed<T>(...args: string[]): Promise<T> {
  return JSON.parse(await said(...args, '--json')) as T;
}

function file(name: string, text: string): string {
  const path = join(directory.path, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

async function mayLogIn(user: string, password: string): Promise<boolean> {
  const asked = ['vhosts', 'list', '--url', `http://127.0.0.1:${broker.port('http')}`, '--user', user];
  return (await entrepot(...asked, '--password-file', file('login', password))).code === 0;
}

it('status tells how the broker is', async () => {
  const shown = await said('status');
  expect(shown).toMatch(new RegExp(`^Broker +entrepot 0\\.1\\.0, process ${process.pid}, at http://127`, 'm'));
  expect(shown).toMatch(/^Alarms +none$/m);
  expect(await parsed('status')).toMatchObject({
    overview: { object_totals: { connections: 0 } },
    node: { running: true },
  });
});

it('audit tells who has changed what, and the operator on this machine by no name', async () => {
  await said('queues', 'add', 'audited');
  const told = await parsed<{ user: null; agent: string; what: string }[]>('audit', '--name', 'audited');
  expect(told).toMatchObject([{ user: null, agent: 'entrepot/0.1.0', what: 'queue declared', outcome: 'done' }]);
  expect(await said('audit', '--name', 'audited')).toMatch(/\(operator\) .* queue declared .* audited +done/);
  await said('queues', 'delete', 'audited');
});

it('top tells once what goes on where there is no terminal', async () => {
  await said('queues', 'add', 'seen');
  const shown = await said('top', '--once');
  expect(shown).toMatch(/^entrepot 0\.1\.0 .* alarms: none\n\nMessages +0 ready +0 unsettled\n/);
  expect(shown).toMatch(/\nVHOST +NAME .*\n\/ +seen +0 /);
  expect(shown).not.toContain('\u001b');
  expect(await parsed('top')).toMatchObject({ node: { running: true }, queues: [{ name: 'seen' }] });
  await said('queues', 'delete', 'seen');
});

it('vhosts are made, said more of, listed and deleted', async () => {
  expect(await said('vhosts', 'add', 'shop', '--description', 'orders')).toBe('vhost shop: made\n');
  expect(await said('vhosts', 'add', 'shop', '--description', 'all orders', '--tags', 'a,b')).toBe(
    'vhost shop: changed\n',
  );
  expect(await said('vhosts', 'list')).toMatch(/^NAME +READY .*\n\/ .*\nshop +- +- +running +a b +all orders\n$/);
  expect(await parsed('vhosts', 'show', 'shop')).toMatchObject({ name: 'shop', description: 'all orders' });
  expect(await said('vhosts', 'delete', 'shop')).toBe('vhost shop: deleted\n');
  expect(await run('vhosts', 'show', 'shop')).toMatchObject({
    code: 5,
    stderr: "entrepot: there is no such thing as 'shop'\n",
  });
});

it('users are made and changed, and keep the password that is not spoken of', async () => {
  const made = await said('users', 'add', 'eve', '--tags', 'monitoring', '--new-password-file', file('new', 'first\n'));
  expect(made).toBe('user eve: made\n');
  expect(await mayLogIn('eve', 'first')).toBe(true);
  expect(await run('users', 'add', 'eve', '--no-new-password')).toMatchObject({ code: 1 });
  await said('users', 'set', 'eve', '--tags', 'management,policymaker');
  expect(await mayLogIn('eve', 'first')).toBe(true);
  await said('users', 'set', 'eve', '--new-password-file', file('new', 'second'));
  expect([await mayLogIn('eve', 'first'), await mayLogIn('eve', 'second')]).toEqual([false, true]);
  expect(await said('users', 'list')).toBe(
    'NAME  TAGS                    PASSWORD\neve   management policymaker  yes\n',
  );
  expect((await run('users', 'set', 'eve')).code).toBe(2);
  await said('users', 'delete', 'eve');
  expect(await mayLogIn('eve', 'second')).toBe(false);
});

it('permissions are given and taken away, those of topics too', async () => {
  await said('users', 'add', 'ann', '--no-new-password');
  expect(await said('permissions', 'set', 'ann', '--write', '.*')).toBe('permissions of ann in /: given\n');
  await said('permissions', 'set', 'ann', '--topics', 'amq.topic', '--read', '^a');
  expect(await parsed('permissions', 'list', '--of', 'ann')).toEqual([
    { user: 'ann', vhost: '/', configure: '', write: '.*', read: '' },
  ]);
  expect(await said('permissions', 'list', '--topics')).toMatch(/\nann +\/ +amq\.topic +\^a\n$/);
  await said('permissions', 'delete', 'ann', '--topics', 'amq.topic');
  expect(await parsed('permissions', 'list', '--topics')).toEqual([]);
  await said('permissions', 'delete', 'ann');
  expect(await parsed('permissions', 'list', '--vhost', '/')).toEqual([]);
  const nobody = await run('permissions', 'set', 'nobody');
  expect(nobody).toMatchObject({ code: 5, stderr: 'entrepot: there is no such user\n' });
  await said('users', 'delete', 'ann');
});

it('policies are set and deleted, for all and by operators', async () => {
  await said(
    'policies',
    'set',
    'short',
    '--pattern',
    '^s',
    '--priority',
    '3',
    'max-length=5',
    'overflow=reject-publish',
  );
  expect(broker.policies('/')).toMatchObject([
    { name: 'short', pattern: '^s', priority: 3, definition: { 'max-length': 5, overflow: 'reject-publish' } },
  ]);
  expect(await said('policies', 'list')).toMatch(/\n\/ +short +\^s +all +3 +max-length=5 overflow=reject-publish\n$/);
  expect(await said('policies', 'show', 'short')).toMatch(/^max-length +5$/m);
  await said('policies', 'set', 'most', '--operator', '--pattern', '.*', 'max-length=9');
  expect(await parsed('policies', 'list', '--operator')).toMatchObject([{ name: 'most' }]);
  expect((await run('policies', 'set', 'wrong', '--pattern', '.*', 'nonsense=1')).code).toBe(2);
  await said('policies', 'delete', 'short');
  await said('policies', 'delete', 'most', '--operator');
  expect(broker.policies('/')).toEqual([]);
});

it('exchanges and queues are declared, listed in pages, purged and deleted', async () => {
  expect(await said('exchanges', 'add', 'logs', '--type', 'topic')).toBe('exchange logs: made\n');
  expect(await said('exchanges', 'list', '--name', 'logs')).toMatch(/\n\/ +logs +topic +0\/s +0\/s +durable\n$/);
  expect(await parsed('exchanges', 'show', 'logs')).toMatchObject({ type: 'topic', durable: true });
  for (const name of ['one', 'two', 'three']) await said('queues', 'add', name, '--argument', 'x-max-length=7');
  expect(await said('queues', 'add', 'one', '--argument', 'x-max-length=7')).toBe('queue one: there already\n');
  const some = await run('queues', 'list', '--limit', '2', '--sort', 'name');
  expect(
    some.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ +/)[1]),
  ).toEqual(['NAME', 'one', 'three']);
  expect(some.stderr).toBe('entrepot: 2 of 3 are shown; --limit 0 shows all\n');
  expect(await parsed<object[]>('queues', 'list', '--name', 't', '--limit', '0')).toHaveLength(2);
  expect(await said('queues', 'show', 'one')).toMatch(/^Arguments +x-max-length=7$/m);
  expect((await run('queues', 'add', 'one')).code).toBe(1);

  const client = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  for (let i = 0; i < 3; i++) channel.sendToQueue('one', Buffer.from('x'));
  await channel.waitForConfirms();
  expect(await said('queues', 'show', 'one')).toMatch(/^Ready +3 /m);
  expect((await run('queues', 'delete', 'one', '--if-empty')).code).toBe(1);
  expect(await said('queues', 'purge', 'one')).toBe('queue one: purged\n');
  expect(await said('queues', 'show', 'one')).toMatch(/^Ready +0 /m);
  expect(await said('bindings', 'list', '--queue', 'one')).toMatch(/\n\/ +\(default\) +one +queue +one\n$/);
  await client.close();
  for (const name of ['one', 'two', 'three']) await said('queues', 'delete', name);
  await said('exchanges', 'delete', 'logs');
  expect(await parsed('queues', 'list')).toEqual([]);
});

it('bindings are made and deleted, to queues and to exchanges', async () => {
  await said('queues', 'add', 'bound');
  await said('bindings', 'add', 'amq.topic', 'bound', '--key', 'a.*');
  await said('bindings', 'add', 'amq.topic', 'bound', '--key', 'b.*');
  await said('bindings', 'add', 'amq.headers', 'amq.fanout', '--to-exchange', '--argument', 'x-match=any');
  expect(await said('bindings', 'list', '--exchange', 'amq.topic')).toMatch(/a\.\*\n.*b\.\*\n$/);
  expect(await said('bindings', 'delete', 'amq.topic', 'bound', '--key', 'a.*')).toBe(
    'binding amq.topic to bound: deleted\n',
  );
  expect(await parsed('bindings', 'list', '--exchange', 'amq.topic')).toMatchObject([{ routing_key: 'b.*' }]);
  expect((await run('bindings', 'delete', 'amq.topic', 'bound', '--key', 'a.*')).code).toBe(5);
  await said('bindings', 'delete', 'amq.headers', 'amq.fanout', '--to-exchange');
  expect(await parsed('bindings', 'list', '--exchange', 'amq.headers')).toEqual([]);
  await said('queues', 'delete', 'bound');
});

it('definitions are exported, and imported with a word on each', async () => {
  await said('queues', 'add', 'kept', '--argument', 'x-max-length=3');
  const exported = await said('definitions', 'export');
  const definitions = JSON.parse(exported) as { queues: object[] };
  expect(definitions.queues).toMatchObject([{ name: 'kept', arguments: { 'x-max-length': 3 } }]);
  await said('queues', 'delete', 'kept');
  const path = file('definitions.json', exported);
  expect(await said('definitions', 'import', path, '--dry-run')).toMatch(
    /\nqueues +\/ +kept +would be done\n.*in all: /s,
  );
  expect(await parsed('queues', 'list')).toEqual([]);
  expect(await said('definitions', 'import', path)).toMatch(/^\d+ in all: .*\d+ done/m);
  expect(await parsed('queues', 'list')).toMatchObject([{ name: 'kept' }]);
  const wrong = file(
    'wrong.json',
    JSON.stringify({
      ...definitions,
      queues: [{ name: 'bad', vhost: '/', durable: true, auto_delete: false, arguments: { 'x-max-length': -1 } }],
    }),
  );
  const refused = await run('definitions', 'import', wrong);
  expect(refused).toMatchObject({ code: 1, stderr: 'entrepot: not all of it could be taken\n' });
  expect(refused.stdout).toMatch(/^queues +\/ +bad +failed +.*x-max-length/m);
  expect((await run('definitions', 'import', file('no.json', '[]'))).code).toBe(2);
  await said('queues', 'delete', 'kept');
});

it('messages are published to addresses of any protocol, looked at, copied and moved; queues are paused', async () => {
  for (const name of ['from', 'to']) await said('queues', 'add', name);
  await said('bindings', 'add', 'amq.topic', 'from', '--key', 'plant.#');
  expect(await said('pub', 'queue:from', 'first')).toBe('queue:from: published\n');
  await said('pub', 'mqtt:plant/7/heat', 'second', '--header', 'region=eu');
  await said('pub', 'amqp:amq.topic/plant.8', 'third');
  await said('pub', 'stomp:/topic/plant.9', 'fourth', '--transient');
  expect(await run('pub', 'queue:nobody', 'x')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no queue took it'),
  });
  expect((await run('pub', 'nonsense', 'x')).code).toBe(2);
  const peeked = async (...args: string[]): Promise<unknown[]> =>
    (await run('queues', 'peek', ...args, '--json')).stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { body: unknown }).body);
  expect(await peeked('from')).toEqual(['first', 'second', 'third', 'fourth']);
  expect(await peeked('from', '--newest', '--limit', '2')).toEqual(['fourth', 'third']);
  const some = await run('queues', 'peek', 'from', '--selector', "region = 'eu'");
  expect(some.stdout).toMatch(/^POSITION +STATE .*\n +\d+ +ready .* plant\.7\.heat +6 B +second\n$/);
  expect(some.stderr).toBe('entrepot: scanned 4 of 4\n');
  expect((await run('queues', 'peek', 'from', '--selector', 'region =')).code).toBe(2);
  expect((await run('queues', 'peek', 'nowhere')).code).toBe(5);
  expect(await said('queues', 'copy', 'from', 'to', '--text', 'plant.8')).toBe('1 copied to to\n');
  expect(await said('queues', 'move', 'from', 'to', '--limit', '2')).toBe('2 moved to to\n');
  expect([await peeked('from'), await peeked('to')]).toEqual([
    ['third', 'fourth'],
    ['third', 'first', 'second'],
  ]);
  expect((await run('queues', 'move', 'from', 'nowhere')).code).toBe(5);
  expect(await said('queues', 'purge', 'to', '--selector', "region = 'eu'")).toBe('1 removed\n');
  expect(await said('queues', 'purge', 'to', '--limit', '1')).toBe('1 removed\n');
  expect(await peeked('to')).toEqual(['first']);
  expect(await parsed('queues', 'purge', 'to', '--text', 'nothing')).toEqual({ done: 0 });
  expect(await said('queues', 'pause', 'to')).toBe('queue to: paused\n');
  expect(await said('queues', 'pause', 'to')).toBe('queue to: was paused\n');
  expect(await said('queues', 'resume', 'to')).toBe('queue to: resumed\n');
  for (const name of ['from', 'to']) await said('queues', 'delete', name);
});

it('redrives are counted, begun, shown, listed, and forgotten', async () => {
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('dead-letters');
  await channel.assertQueue('died-in', { deadLetterExchange: '', deadLetterRoutingKey: 'dead-letters' });
  channel.sendToQueue('died-in', Buffer.from('m'), { persistent: true });
  channel.sendToQueue('dead-letters', Buffer.from('alive'), { persistent: true });
  await channel.waitForConfirms();
  channel.nack((await channel.get('died-in')) as amqplib.GetMessage, false, false);
  await untilAsked(async () => (await channel.checkQueue('dead-letters')).messageCount === 2, 'it has died');

  const would = await said('redrives', 'start', 'dead-letters', '--dry-run');
  expect(would).toMatch(
    /^2 of 2 would be moved\n1 have never died, and would stay\nQUEUE +MESSAGES +THERE\ndied-in +1 +yes\n$/,
  );
  const begun = await parsed<{ id: string }>('redrives', 'start', 'dead-letters', '--rate', '1000');
  await untilAsked(async () => /^State +done$/m.test(await said('redrives', 'show', begun.id)), 'it has ended');
  expect(await said('redrives', 'show', begun.id)).toMatch(/^Moved +1\nLooked at +2\nLeft, never died +1$/m);
  expect((await channel.checkQueue('died-in')).messageCount).toBe(1);
  expect(await said('redrives', 'list')).toMatch(/^ID +QUEUE .*\n\S+ +dead-letters +where each died +done +1 +1 /);
  expect(await said('redrives', 'delete', begun.id)).toBe(`redrive ${begun.id}: forgotten\n`);
  expect(await parsed('redrives', 'list')).toEqual([]);
  const both = await run('redrives', 'start', 'dead-letters', '--to', 'a', '--exchange', 'b');
  expect(both).toMatchObject({ code: 2, stderr: 'entrepot: --to and --exchange both say where: keep one of them\n' });
  for (const queue of ['died-in', 'dead-letters']) await channel.deleteQueue(queue);
  await client.close();
});

it('a passport tells where a message is and what happened to it', async () => {
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  await said('policies', 'set', 'trace', '--pattern', '^traced$', 'passport=true');
  await channel.assertQueue('traced');
  channel.sendToQueue('traced', Buffer.from('m'), { persistent: true, messageId: 'order-4711' });
  await channel.waitForConfirms();
  channel.nack((await channel.get('traced')) as amqplib.GetMessage, false, true);
  await channel.checkQueue('traced');
  const shown = await said('passport', '--id', 'order-4711');
  expect(shown).toMatch(/^Id +order-4711\nPublished to +amq\.default traced\n/m);
  expect(shown).toMatch(/^Now +traced: ready, failed 1 times$/m);
  expect(shown).toMatch(/^AT +EVENT +QUEUE +BY\n\S+ +published +traced +guest 127\.0\.0\.1:\d+\n/m);
  expect(shown.trimEnd().split('\n').at(-1)).toMatch(/ failed +traced +guest /);
  const { positions } = await parsed<{ positions: number[] }>('passport', '--id', 'order-4711');
  expect(await said('passport', String(positions[0]))).toBe(shown);
  channel.nack((await channel.get('traced')) as amqplib.GetMessage, false, false);
  await channel.checkQueue('traced');
  expect(await said('dropped', '--queue', 'traced')).toMatch(
    /^AT +WHY +QUEUE +PUBLISHED TO .*\n\S+ +rejected +traced +amq\.default traced +order-4711/,
  );
  const dropped = await parsed<{ messageId: string }[]>('dropped', '--reason', 'rejected', '--id', 'order-4711');
  expect(dropped.map(({ messageId }) => messageId)).toEqual(['order-4711']);
  expect(await parsed('dropped', '--queue', 'traced', '--reason', 'expired')).toEqual([]);
  await said('policies', 'delete', 'trace');
  await channel.deleteQueue('traced');
  expect(await run('passport', '999999')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('nothing is known'),
  });
  for (const wrong of [[], ['x'], ['1', '--id', 'x']]) expect((await run('passport', ...wrong)).code).toBe(2);
  await client.close();
});

it('sessions and retained messages are listed, shown and deleted', async () => {
  const url = `mqtt://127.0.0.1:${broker.port('mqtt')}`;
  const device = await mqtt.connectAsync(url, { clientId: 'device', clean: false, reconnectPeriod: 0 });
  await device.subscribeAsync('plant/7/#', { qos: 1 });
  await device.publishAsync('plant/9', 'kept', { qos: 1, retain: true });
  await device.endAsync();
  expect(await said('sessions', 'list')).toMatch(/^PROTOCOL +CLIENT .*\nmqtt +device +\S+ +no /);
  expect(await said('sessions', 'show', 'device')).toMatch(/^Subscription +plant\/7\/#$/m);
  expect(await parsed('sessions', 'list', '--name', 'other')).toEqual([]);
  expect(await said('sessions', 'delete', 'device')).toBe('session device: ended\n');
  expect(await run('sessions', 'show', 'device')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('no session'),
  });
  expect(await said('retained', 'list')).toMatch(/^KEY +SIZE +EXPIRES\nplant\.9 +\d+ B\n$/);
  expect(await parsed('retained', 'show', 'plant.9')).toMatchObject({ body: 'kept' });
  expect(await said('retained', 'delete', 'plant.9')).toBe('retained message of plant.9: deleted\n');
  expect(await parsed('retained', 'list')).toEqual([]);
});

it('limits of vhosts and users are set, listed and taken back', async () => {
  await said('users', 'add', 'ann', '--no-new-password');
  expect(await said('limits', 'set', 'user', 'ann', 'connections=2', 'channels=-1')).toBe('user ann: limited\n');
  await said('limits', 'set', 'vhost', '/', 'queues=100000');
  expect(await said('limits', 'list')).toMatch(
    /^OF +NAME +LIMIT +VALUE\nvhost +\/ +queues +100000\nuser +ann +connections +2\nuser +ann +channels +none\n$/,
  );
  expect(broker.operator.limits.users.of('ann')).toEqual({ connections: 2, channels: -1 });
  await said('limits', 'clear', 'user', 'ann', 'channels');
  await said('limits', 'clear', 'vhost', '/');
  expect(await parsed('limits', 'list')).toEqual([{ of: 'user', name: 'ann', limit: 'connections', value: 2 }]);
  expect((await run('limits', 'set', 'user', 'nobody', 'connections=1')).code).toBe(5);
  for (const wrong of [
    ['user', 'ann', 'x'],
    ['user', 'ann', 'connections=x'],
    ['room', 'a', 'queues=1'],
  ]) {
    expect((await run('limits', 'set', ...wrong)).code).toBe(2);
  }
  expect((await run('limits', 'set', 'user', 'ann', 'queues=1')).code).toBe(2);
  await said('users', 'delete', 'ann');
});

it('events are told as they happen, of some kinds alone', async () => {
  const { events } = broker.broker;
  const listening = run('events', '--kind', 'queue-made,queue-deleted', '--count', '2');
  await until(() => events.watched, 'somebody listens');
  const session = broker.operator.enterAsOperator('/');
  const options = { durable: true, exclusive: false, autoDelete: false, arguments: [] };
  session.declareQueue('eventful', options);
  session.declareExchange('other', 'topic', { ...options, internal: false });
  session.deleteQueue('eventful', false, false);
  session.deleteExchange('other', false);
  const { code, stdout, stderr } = await listening;
  session.close(true);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}queue-made {9}vhost=\/ {2}queue=eventful.*\n.* queue-deleted .*queue=eventful.*\n$/,
  );
  expect((await run('events', '--kind', 'nothing')).code).toBe(2);
  expect((await run('events', '--count', 'x')).code).toBe(2);
});

it('connections, channels and consumers are shown, and a connection is closed with a reason', async () => {
  const client = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  const ended = new Promise<unknown>((resolve) => client.on('close', resolve));
  const channel = await client.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.prefetch(7);
  await channel.consume(queue, () => {}, { consumerTag: 'mine' });
  await untilAsked(async () => (await parsed<object[]>('consumers', 'list')).length === 1, 'a consumer is shown');
  expect(await said('consumers', 'list')).toMatch(/^VHOST +QUEUE +TAG .*\n\/ +amq\.gen-\S+ +mine .* 7 +yes +up\n$/);
  const [one] = await parsed<{ name: string }[]>('connections', 'list');
  expect(await said('connections', 'list')).toContain(`${one!.name}  guest  /      AMQP 0-9-1`);
  expect(await said('channels', 'list')).toContain(`${one!.name} (1)`);
  expect(await said('connections', 'show', one!.name)).toMatch(/^User +guest$/m);
  expect(await said('connections', 'delete', one!.name, '--reason', 'time to go')).toContain('closed\n');
  expect(String(await ended)).toContain('time to go');
});

it('what waits for its time is listed, and dropped', async () => {
  const client = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
  for (const [messageId, delayMs] of [
    ['d-2', 3_600_000],
    ['d-1', 1_800_000],
  ] as const) {
    channel.publish('later', 'a.b', Buffer.from('body'), { messageId, headers: { 'x-delay': delayMs } });
  }
  await channel.waitForConfirms();
  expect(await said('delayed', 'list')).toMatch(
    /^POSITION +DUE +TO +ID +BODY\n +\d+ +\S+Z +later\/a\.b +d-1 +4 B\n +\d+ +\S+Z +later\/a\.b +d-2 +4 B\n$/,
  );
  expect((await run('delayed', 'list', '--limit', '1')).stderr).toContain('1 of 2 are shown');
  const [first] = await parsed<{ position: number }[]>('delayed', 'list');
  expect(await said('delayed', 'drop', String(first!.position))).toContain('dropped\n');
  expect((await run('delayed', 'drop', String(first!.position))).code).toBe(5);
  expect(await parsed('delayed', 'list')).toMatchObject([{ messageId: 'd-2' }]);
  await client.close();
});

it('what waits for its publisher or under a token is listed, and ended', async () => {
  const client = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  for (const id of ['o-1', 'o-2']) {
    const headers = { 'x-half-message': 'prepare', 'x-half-id': id };
    channel.publish('', 'waiting', Buffer.from(id), { persistent: true, headers });
  }
  await channel.assertQueue('waiting');
  await channel.waitForConfirms();

  expect(await said('half-messages', 'list')).toMatch(/^ID +USER +SINCE .*\no-1 +guest .*\no-2 +guest .*\n$/);
  expect(await said('half-messages', 'commit', 'o-1')).toContain('committed\n');
  expect(await said('half-messages', 'rollback', 'o-2')).toContain('rolled back\n');
  expect(await parsed('half-messages', 'list')).toEqual([]);

  const pulled = await channel.get('waiting');
  expect(pulled === false ? '' : pulled.content.toString()).toBe('o-1');
  const defer = {
    'x-delivery-tag': pulled === false ? 0 : pulled.fields.deliveryTag,
    'x-opt-delivery-delay': 900_000,
    'x-opt-deferral-token': 'later',
  };
  channel.publish('', 'amq.delivery.defer', Buffer.alloc(0), { headers: defer });
  await channel.waitForConfirms();
  expect(await said('queues', 'parked', 'waiting')).toMatch(/^POSITION +TOKEN +BACK\n *\d+ +later +\S+Z\n$/);
  await said('queues', 'delete', 'waiting');
  await client.close();
});

it('what others have named is shown, and not obeyed by the terminal', async () => {
  const name = 'a\u001b[31mred\u202e';
  await said('queues', 'add', name);
  const shown = await said('queues', 'list');
  expect(shown).toContain('a\\x1b[31mred\\u202e');
  expect(shown).not.toContain('\u001b');
  expect(await parsed('queues', 'list')).toMatchObject([{ name }]);
  await said('queues', 'delete', name);
});

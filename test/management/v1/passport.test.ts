/** «What happened to this message?»: who sent it, where it went, who got it, how each delivery ended, where it is now. */
import amqplib, { type ConfirmChannel, type GetMessage } from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { pass } from '../../support/pass.ts';
import { untilAsked } from '../../support/until.ts';
import { startV1, type V1Broker } from './harness.ts';

const NOTED = { 'x-passport': true };
let broker: V1Broker;
let clock: ManualClock;
let channel: ConfirmChannel;

interface Step {
  readonly event: string;
  readonly queue: string | null;
  readonly position: number;
  readonly by: { readonly user: string; readonly protocol: string; readonly consumer?: string } | null;
  readonly [detail: string]: unknown;
}
interface Passport {
  readonly positions: readonly number[];
  readonly message: { readonly messageId?: string; readonly routingKey: string; readonly exchange: string } | null;
  readonly now: readonly { readonly queue: string; readonly state: string; readonly [detail: string]: unknown }[];
  readonly events: readonly Step[];
  readonly dropped: readonly { readonly reason: string }[];
  readonly eventsSince: string | null;
}

const passport = async (query: string): Promise<Passport> => {
  const { status, body } = await broker.ask(`/vhosts/%2F/passport?${query}`);
  expect(status).toBe(200);
  return body as Passport;
};
const ofId = (id: string) => passport(`messageId=${encodeURIComponent(id)}`);
/** What happened, where and through whom, in a line each. */
const told = ({ events }: Passport): string[] =>
  events.map(({ event, queue, by, attempts, reason }) =>
    [event, reason, attempts, queue, by === null ? 'broker' : (by.consumer ?? by.protocol)]
      .filter((part) => part !== undefined)
      .join(' '),
  );
const send = async (key: string, messageId: string, options: object = {}) => {
  channel.publish('', key, Buffer.from('body'), { messageId, persistent: true, ...options });
  await channel.waitForConfirms();
};
const take = async (queue: string) => (await channel.get(queue)) as GetMessage;

async function start(data?: string): Promise<void> {
  broker = await startV1({
    ...(data !== undefined && { data }),
    ...{ clock, listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0', 'stomp://127.0.0.1:0'] },
  });
  channel = await broker.channel();
}

describe('a passport', () => {
  beforeEach(() => {
    clock = new ManualClock();
    return start();
  });
  afterEach(() => broker.close());

  it('tells who published, who got it, and that it was accepted', async () => {
    await channel.assertQueue('q', { arguments: NOTED });
    await send('q', 'one');
    const waiting = await ofId('one');
    expect(waiting.message).toMatchObject({ messageId: 'one', exchange: '', routingKey: 'q', bodyBytes: 4 });
    expect(waiting.now).toMatchObject([{ queue: 'q', state: 'ready', attempts: 0, redelivered: false }]);
    expect(told(waiting)).toEqual(['published q amqp']);
    expect(waiting.events[0]!.by).toMatchObject({ user: 'guest', protocol: 'amqp' });

    const got = new Promise<GetMessage>((resolve) => {
      void channel.consume('q', (message) => resolve(message as unknown as GetMessage), { consumerTag: 'worker-1' });
    });
    const message = await got;
    const held = await ofId('one');
    expect(held.now).toMatchObject([{ state: 'unsettled', heldBy: { user: 'guest', consumer: 'worker-1' } }]);
    channel.ack(message);
    await channel.checkQueue('q');
    const done = await ofId('one');
    expect(done).toMatchObject({ message: null, now: [], dropped: [] });
    expect(told(done)).toEqual(['published q amqp', 'delivered 0 q worker-1', 'accepted q worker-1']);
    expect(await passport(`position=${done.positions[0]}`)).toEqual(done);
  });

  it('of a delayed message begins when it is published, and of a half one when it is prepared', async () => {
    await channel.assertQueue('q', { arguments: NOTED });
    await send('q', 'later', { headers: { 'x-opt-delivery-delay': 1_000 } });
    const waiting = await ofId('later');
    expect(told(waiting)).toEqual(['published  amqp', 'delayed  amqp']);
    expect(waiting.events).toMatchObject([
      { queue: '', by: { user: 'guest' } },
      { queue: '', dueAt: new Date(clock.epochMs() + 1_000).toISOString() },
    ]);
    clock.advance(1_100);
    await untilAsked(async () => (await channel.checkQueue('q')).messageCount === 1, 'the delayed message');
    expect(told(await ofId('later'))).toEqual(['published  amqp', 'delayed  amqp', 'due q broker']);

    const half = (action: string): object => ({ headers: { 'x-half-message': action, 'x-half-id': 'h' } });
    await send('q', 'half', half('prepare'));
    expect(told(await ofId('half'))).toEqual(['published  amqp', 'held  amqp']);
    await send('q', 'end', half('commit'));
    await untilAsked(async () => (await channel.checkQueue('q')).messageCount === 2, 'the half message');
    expect(told(await ofId('half')).at(-1)).toBe('due q broker');
  });

  it('of one that goes by its headers begins then as well, over exchanges behind one another too', async () => {
    await channel.assertQueue('q', { arguments: NOTED });
    await channel.assertExchange('first', 'fanout');
    await channel.assertExchange('by', 'headers');
    await channel.bindExchange('by', 'first', '');
    await channel.bindQueue('q', 'by', '', { wanted: 'yes' });
    const options = (messageId: string, more: object) => ({
      ...{ messageId, persistent: true },
      headers: { wanted: 'yes', 'x-opt-delivery-delay': 1_000, ...more },
    });
    const begun = ['published  amqp', 'delayed  amqp'];
    channel.publish('by', '', Buffer.from('x'), options('one', {}));
    channel.publish('first', '', Buffer.from('x'), options('behind', {}));
    channel.publish('by', '', Buffer.from('x'), options('unwanted', { wanted: 'no' }));
    channel.publish('by', '', Buffer.from('x'), options('half', { 'x-half-message': 'prepare', 'x-half-id': 'h' }));
    await channel.waitForConfirms();
    expect(told(await ofId('one'))).toEqual(begun);
    expect(told(await ofId('behind'))).toEqual(begun);
    expect(told(await ofId('unwanted'))).toEqual([]);
    expect(told(await ofId('half'))).toEqual(['published  amqp', 'held  amqp']);
  });

  it('of a delayed message is not kept where nobody who would get it has asked for it', async () => {
    await channel.assertQueue('plain');
    await send('plain', 'later', { headers: { 'x-opt-delivery-delay': 1_000 } });
    expect((await ofId('later')).events).toEqual([]);
  });

  it('follows a message through failures, backoff, its dead letter and the way back', async () => {
    const retried = { 'x-retry-delay': 500, 'x-delivery-limit': 1, ...NOTED };
    await channel.assertQueue('work', { deadLetterExchange: '', deadLetterRoutingKey: 'dead', arguments: retried });
    await channel.assertQueue('dead', { arguments: NOTED });
    await send('work', 'poor');
    channel.nack(await take('work'), false, true);
    await channel.checkQueue('work');
    const backing = await ofId('poor');
    expect(backing.now).toMatchObject([{ queue: 'work', state: 'retrying', attempts: 1, dueAt: expect.any(String) }]);
    clock.advance(500);
    channel.nack(await take('work'), false, true);
    await untilAsked(async () => (await channel.checkQueue('dead')).messageCount === 1, 'the dead letter');
    const dead = await ofId('poor');
    expect(told(dead)).toEqual([
      'published work amqp',
      'delivered 0 work amqp',
      'failed work amqp',
      'retry work broker',
      'delivered 1 work amqp',
      'failed work amqp',
      'died delivery_limit work broker',
      'dead-lettered dead broker',
    ]);
    expect(dead.positions).toHaveLength(2);
    expect(dead.events.at(-1)).toMatchObject({ position: dead.positions[1], continues: dead.positions[0] });
    expect(dead.now).toMatchObject([{ queue: 'dead', state: 'ready' }]);

    const body = { to: 'origin' };
    const begun = await broker.ask('/vhosts/%2F/queues/dead/redrives', { method: 'POST', body });
    expect(begun.status).toBeLessThan(300);
    await untilAsked(async () => (await channel.checkQueue('work')).messageCount === 1, 'the way back');
    const back = await ofId('poor');
    expect(told(back).at(-1)).toMatch(/^moved work/);
    expect(back.events.at(-1)!.by).toMatchObject({ user: 'guest' });
    expect(back.positions).toHaveLength(3);
    // Whichever of its numbers is asked for.
    for (const position of back.positions) expect(await passport(`position=${position}`)).toEqual(back);
  });

  it('follows a message into a queue of dead letters that has nothing noted, on to another, and back', async () => {
    const to = (queue: string): object => ({ deadLetterExchange: '', deadLetterRoutingKey: queue });
    await channel.assertQueue('work', { ...to('dead'), arguments: NOTED });
    await channel.assertQueue('dead', to('deader'));
    await channel.assertQueue('deader');
    await channel.assertQueue('plain', to('deader'));
    for (const [queue, id] of [
      ['work', 'poor'],
      ['plain', 'unknown'],
    ] as const)
      await send(queue, id);
    channel.nack(await take('work'), false, false);
    channel.nack(await take('plain'), false, false);
    await untilAsked(async () => (await channel.checkQueue('dead')).messageCount === 1, 'the dead letter');
    channel.nack(await take('dead'), false, false);
    await untilAsked(async () => (await channel.checkQueue('deader')).messageCount === 2, 'the second death');
    expect((await ofId('unknown')).events).toEqual([]);
    const body = { to: 'origin' };
    await broker.ask('/vhosts/%2F/queues/deader/redrives', { method: 'POST', body });
    await untilAsked(async () => (await channel.checkQueue('work')).messageCount === 1, 'the way back');
    const back = await ofId('poor');
    expect(told(back).map((line) => line.replace(/ (amqp|http|broker)?$/, ''))).toEqual([
      'published work',
      'delivered 0 work',
      'rejected work',
      'died rejected work',
      'dead-lettered dead',
      'dead-lettered deader',
      'moved work',
    ]);
    expect(back.positions).toHaveLength(4);
    for (const position of back.positions) expect(await passport(`position=${position}`)).toEqual(back);
  });

  it('tells why a delivery failed or came back of which its client said nothing', async () => {
    await channel.assertQueue('q', { arguments: { ...NOTED, 'x-lease': 1_000 } });
    await send('q', 'one');
    const connection = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.port('amqp')}?heartbeat=0`);
    const other = await connection.createChannel();
    const failed = (): Promise<string[]> =>
      ofId('one').then((known) => told(known).filter((line) => !/^(pub|del)/.test(line)));
    await other.get('q');
    await pass(clock, 1_200);
    await untilAsked(async () => (await failed()).length === 1, 'the end of its lease');
    await other.get('q');
    await connection.close();
    await untilAsked(async () => (await failed()).length === 2, 'the end of its client');
    channel.nack(await take('q'), false, true);
    await channel.checkQueue('q');
    const { body } = await broker.ask('/vhosts/%2F/queues/q/pull', { method: 'POST', body: { leaseMs: 500 } });
    await pass(clock, 600);
    await untilAsked(async () => (await failed()).length === 4, 'the end of the lease of a pull');
    expect(body.messages).toHaveLength(1);
    const held = await take('q');
    channel.publish('', 'amq.delivery.defer', Buffer.alloc(0), {
      headers: { 'x-delivery-tag': held.fields.deliveryTag, 'x-opt-delivery-delay': 60_000 },
    });
    await channel.waitForConfirms();
    expect(await failed()).toEqual([
      'failed lease q amqp',
      'released consumer-ended q amqp',
      'failed q amqp',
      'failed lease q pull',
      'released parked q amqp',
      'retry q broker',
    ]);
  });

  it('says why a message was dropped, also in a queue where nothing is noted', async () => {
    await channel.assertQueue('plain');
    await send('plain', 'unwanted');
    channel.nack(await take('plain'), false, false);
    await untilAsked(async () => (await ofId('unwanted')).dropped.length === 1, 'the drop');
    const plain = await ofId('unwanted');
    expect(plain).toMatchObject({ now: [], events: [], dropped: [{ reason: 'rejected' }], eventsSince: null });
    await channel.assertQueue('noted', { arguments: NOTED });
    await send('noted', 'unwanted too');
    channel.nack(await take('noted'), false, false);
    await channel.checkQueue('noted');
    expect(told(await ofId('unwanted too'))).toEqual([
      'published noted amqp',
      'delivered 0 noted amqp',
      'rejected noted amqp',
      'died rejected noted broker',
      'dropped noted broker',
    ]);
    await send('noted', 'purged');
    await channel.purgeQueue('noted');
    expect(told(await ofId('purged'))).toEqual(['published noted amqp', 'removed noted broker']);
  });

  it('shows every queue that a message went to, of publishers in each protocol, and in a transaction', async () => {
    for (const queue of ['a', 'b']) {
      await channel.assertQueue(queue, { arguments: NOTED });
      await channel.bindQueue(queue, 'amq.topic', 'both.#');
    }
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, {
      ...{ protocolVersion: 5, clientId: 'thermometer' },
    });
    const properties = { userProperties: { 'message-id': 'by mqtt' } };
    await device.publishAsync('both/x', 'body', { qos: 1, properties });
    const seen = await ofId('by mqtt');
    expect(told(seen)).toEqual(['published a mqtt', 'published b mqtt']);
    expect(seen.events[0]!.by).toMatchObject({ user: 'anonymous', client: expect.stringContaining('thermometer') });
    expect(seen.now.map(({ queue }) => queue)).toEqual(['a', 'b']);
    await device.endAsync();
  });

  it('is begun and ended by a policy, while messages wait', async () => {
    await channel.assertQueue('q');
    await send('q', 'before');
    expect((await ofId('before')).positions).toEqual([]);
    const policy = { pattern: '^q$', definition: { passport: true } };
    const set = (method: string, body?: object) =>
      broker.ask('/vhosts/%2F/policies/trace', { method, ...(body !== undefined && { body }) });
    expect((await set('PUT', policy)).status).toBeLessThan(300);
    await send('q', 'during');
    channel.ack(await take('q'));
    await channel.checkQueue('q');
    expect(told(await ofId('during'))).toEqual(['published q amqp']);
    expect((await set('DELETE')).status).toBeLessThan(300);
    await send('q', 'after');
    expect((await ofId('after')).positions).toEqual([]);
  });

  it('notes that something of a message could not be told in its consumer’s protocol', async () => {
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, {
      ...{ protocolVersion: 4, clientId: 'old', clean: false },
    });
    await device.subscribeAsync('rooms/#', { qos: 1 });
    const policy = { pattern: '^mqtt-', definition: { passport: true } };
    await broker.ask('/vhosts/%2F/policies/trace', { method: 'PUT', body: policy });
    const came = new Promise((resolve) => device.once('message', resolve));
    channel.publish('amq.topic', 'rooms.one', Buffer.from('x'), {
      ...{ messageId: 'lossy', persistent: true, headers: { unit: 'C' } },
    });
    await came;
    await untilAsked(async () => told(await ofId('lossy')).length === 4, 'its end');
    expect((await ofId('lossy')).events.map(({ event }) => event)).toEqual([
      ...['published', 'delivered', 'converted-with-loss', 'accepted'],
    ]);
    await device.endAsync();
  });

  it('refuses a question that names nothing, or both, and says nothing of a message that nobody knows', async () => {
    for (const query of ['', 'position=1&messageId=x', 'position=0', 'position=x'])
      expect((await broker.ask(`/vhosts/%2F/passport?${query}`)).status).toBe(400);
    expect((await broker.ask('/vhosts/none/passport?position=1')).status).toBe(404);
    expect(await passport('position=999')).toMatchObject({ positions: [], message: null, now: [], events: [] });
  });
});

it('a passport outlives a restart, and what is noted afterwards goes on with it', () =>
  withTemporaryDirectory(async (directory) => {
    clock = new ManualClock();
    await start(directory);
    await channel.assertQueue('q', { durable: true, arguments: NOTED });
    await send('q', 'kept');
    await send('q', 'passing', { persistent: false });
    channel.nack(await take('q'), false, true);
    await channel.checkQueue('q');
    const before = await ofId('kept');
    await broker.close();
    await start(directory);
    const after = await ofId('kept');
    expect(after.events).toEqual(before.events);
    expect(told(after)).toEqual(['published q amqp', 'delivered 0 q amqp', 'failed q amqp']);
    channel.ack(await take('q'));
    await channel.checkQueue('q');
    expect(told(await ofId('kept')).slice(3)).toEqual(['delivered 1 q amqp', 'accepted q amqp']);
    await broker.close();
  }));

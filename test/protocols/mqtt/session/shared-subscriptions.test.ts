/** The queue of a shared subscription: it is there as long as the share has a member, connected or kept, and no longer. */
import { cp } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { DOT } from '../../../../src/message/message.ts';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { openSession, publishAs } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

const SHARE = '$share/g/jobs/+';
let data: string;
let broker: TestBroker;
let session: Session;

async function start(from: string): Promise<void> {
  data = from;
  broker = await startTestBroker({ data, listen: ['mqtt://127.0.0.1:0', 'amqp://127.0.0.1:0'] });
  session = await openSession(broker);
}
beforeEach(() => start(temporaryDirectory().path));
afterEach(() => broker.close());

/** As it would be found after a kill at this moment. */
async function killed(): Promise<void> {
  const copy = temporaryDirectory().path;
  await cp(data, copy, { recursive: true, filter: (path) => !basename(path).startsWith('entrepot.lock') });
  await broker.close();
  await start(copy);
}

const connect = (id: string, more = {}): Promise<RawClient> => RawClient.connect(broker.ports.mqtt, id, more);
const kept = { clean: false } as const;
const exists = (): boolean => session.queueExists(SHARE);
const noticed = (connections: number): Promise<void> =>
  until(() => broker.connections === connections, 'the broker to notice');

async function send(body: string): Promise<void> {
  const publisher = await connect('publisher');
  publisher.publish('jobs/1', body, 1, 1);
  await publisher.next('puback');
  await publisher.leave();
}

const endings: [string, (member: RawClient) => Promise<unknown>][] = [
  ['leaves in order', (member) => member.leave()],
  ['is lost', (member) => member.vanish()],
  [
    'is cut off for breaking the protocol',
    async (member) => {
      member.raw(Buffer.of(0xf0, 0));
      await until(() => member.closed, 'the broker to close');
    },
  ],
  [
    'connects again',
    async (member) => {
      await (await connect('m')).leave();
      await until(() => member.closed, 'the broker to close');
    },
  ],
];

describe.each(endings)('when the last member %s', (_, end) => {
  it.each([
    ['empty', 0, 0],
    ['with a message that it has not acknowledged', 1, 1],
    ['with messages that wait', 3, 0],
  ])('the queue goes, %s', async (_how, messages, qos) => {
    const member = await connect('m');
    await member.subscribe(SHARE, qos === 1 ? 1 : 2);
    for (let i = 0; i < messages; i++) await send(String(i));
    if (messages > 0) await member.next('publish');
    await end(member);
    await until(() => !exists(), 'the queue to go');
    await send('to no one');
    const next = await connect('n');
    await next.subscribe(SHARE, 1);
    await next.settle();
    expect(next.packets).toEqual([]);
  });
});

it.each([
  [0, false, false],
  [0, true, true],
  [1, false, false],
  [1, true, true],
] as const)(
  'QoS %i with RETAIN: a member gets it with that QoS, and with RETAIN if it asked for that: %s, and has it but once',
  async (qos, rap, retain) => {
    const member = await connect('m', { protocolVersion: 5 });
    await member.subscribe(SHARE, 2, 1, { rap });
    const publisher = await connect('publisher', { protocolVersion: 5 });
    publisher.publish('jobs/1', 'x', qos, qos, { retain: true });
    await publisher.settle();
    const got = await member.next('publish');
    expect([got.payload.toString(), got.qos, got.retain]).toEqual(['x', qos, retain]);
    if (qos === 1) member.send({ cmd: 'puback', messageId: got.messageId! });
    await member.settle();
    await until(() => broker.broker.statistics()[0]!.counters.acknowledged === 1, 'the message to be settled');
    expect(session.checkQueue(SHARE).messages).toBe(0);
  },
);

it('it stays while another member is there, who gets what was not acknowledged', async () => {
  const first = await connect('m');
  await first.subscribe(SHARE, 1);
  await send('x');
  await first.next('publish');
  const second = await connect('n');
  await second.subscribe(SHARE, 1);
  await first.vanish();
  expect((await second.next('publish')).payload.toString()).toBe('x');
});

it('it stays for a kept session that is away, through a stop and a kill, and goes when that ends', async () => {
  const member = await connect('m', kept);
  await member.subscribe(SHARE, 1);
  await member.vanish();
  await noticed(0);
  await send('1');
  await killed();
  await send('2');
  await broker.close();
  await start(data);
  const again = await connect('m', kept);
  for (const body of ['1', '2']) expect((await again.next('publish')).payload.toString()).toBe(body);
  await again.vanish();
  await noticed(0);
  await (await connect('m')).leave(); // a clean start
  await until(() => !exists(), 'the queue to go');
});

it.each([0, 1])('it is gone after a kill if its members were not kept, %i messages in it', async (messages) => {
  const member = await connect('m');
  await member.subscribe(SHARE, 1);
  for (let i = 0; i < messages; i++) await send('x');
  await killed();
  expect(exists()).toBe(false);
  await broker.close();
  await start(data);
  expect(exists()).toBe(false);
});

it('it goes with the session whose own queue an operator deletes', async () => {
  const member = await connect('m', kept);
  await member.subscribe('own', 1);
  await member.subscribe(SHARE, 1, 2);
  session.deleteQueue('mqtt-subscription-m', false, false);
  await until(() => member.closed, 'the client to be told');
  expect(exists()).toBe(false);
});

it('somebody of another protocol who consumes from it keeps it, until he leaves as well', async () => {
  const member = await connect('m');
  await member.subscribe(SHARE, 1);
  const other = await openSession(broker);
  const seen: string[] = [];
  const sink = {
    deliver: (view: { body: Buffer; bodyStart: number; bodyEnd: number }) =>
      seen.push(view.body.toString('utf8', view.bodyStart, view.bodyEnd)),
    cancelled: () => {},
  };
  const options = { tag: 'c', settled: true, exclusive: false, prefetch: 0, arguments: [] };
  other.consume(SHARE, options, sink, { congested: false });
  await member.leave();
  await noticed(0);
  await send('still');
  await until(() => seen.length === 1, 'the message');
  expect(exists()).toBe(true);
  other.close(true);
  expect(exists()).toBe(false);
  // Another one of that name is somebody else's.
  session.declareQueue(SHARE, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  await broker.close();
  await start(data);
  expect(exists()).toBe(true);
});

it.each([true, false])(
  'one that others had declared before stays with what is theirs; clean members: %s',
  async (clean) => {
    session.declareQueue(SHARE, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
    session.bindQueue(SHARE, 'amq.direct', 'theirs', { spelling: DOT, arguments: [] });
    const member = await connect('m', { clean });
    await member.subscribe(SHARE, 1);
    await send('shared');
    await member.next('publish'); // not acknowledged
    if (!clean) {
      await member.vanish();
      await noticed(0);
      await killed();
      await (await connect('m')).leave();
    } else await member.leave();
    await noticed(0);
    expect(session.checkQueue(SHARE).messages).toBe(1);
    await send('no member, no binding');
    publishAs(session, 'amq.direct', DOT, 'theirs', 'theirs');
    expect(session.checkQueue(SHARE).messages).toBe(2);
  },
);

describe('a queue that an operator deletes', () => {
  it('is made again for members that are there: none of them falls silent', async () => {
    const members = [await connect('a'), await connect('b', kept), await connect('c')];
    for (const member of members) await member.subscribe(SHARE, 1);
    await send('before');
    session.deleteQueue(SHARE, false, false);
    expect(exists()).toBe(true);
    for (const member of members) member.packets.length = 0;
    for (let i = 0; i < 6; i++) await send(String(i));
    for (const member of members) {
      for (let i = 0; i < 2; i++) member.send({ cmd: 'puback', messageId: (await member.next('publish')).messageId! });
    }
    for (const member of members) await member.leave();
    await noticed(0);
    expect(exists()).toBe(true); // b is kept
  });

  it('is made again for a kept member when it is back', async () => {
    const member = await connect('m', kept);
    await member.subscribe(SHARE, 1);
    await member.vanish();
    await noticed(0);
    session.deleteQueue(SHARE, false, false);
    const again = await connect('m', kept);
    expect(again.sessionPresent).toBe(true);
    await send('x');
    expect((await again.next('publish')).payload.toString()).toBe('x');
  });
});

it('the will of a session whose queue an operator deletes is published, once', async () => {
  const watcher = await connect('w');
  await watcher.subscribe('will', 1);
  const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0 as const, retain: false };
  const client = await connect('m', { ...kept, will });
  await client.subscribe('own', 1);
  session.deleteQueue('mqtt-subscription-m', false, false);
  expect((await watcher.next('publish')).payload.toString()).toBe('gone');
  expect(session.state.keys('mqtt/').filter((key) => key.endsWith('/m'))).toEqual([]);
});

it('what is written down of a session whose queue was deleted while it was away goes at the next start', async () => {
  const client = await connect('m', kept);
  await client.subscribe('own', 1);
  await client.vanish();
  await noticed(0);
  session.deleteQueue('mqtt-subscription-m', false, false);
  await broker.close();
  await start(data);
  expect(session.state.keys('mqtt/')).toEqual([]);
});

/** Advisories: who and what comes and goes in a vhost, told to who asks, as far as they may know. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DURABLE, openSession, TRANSIENT } from '../../../vhost/harness.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start({}, { compat: 'activemq' });
});
afterEach(() => harness.stop());

const ABOUT = '/topic/ActiveMQ.Advisory.';
const hear = (client: RawClient, topic: string): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: topic, destination: ABOUT + topic });
/** The next advisory: its topic, and what it says. */
async function next(client: RawClient): Promise<readonly unknown[]> {
  const frame = await client.take('MESSAGE');
  expect([header(frame, 'type'), header(frame, 'ack')]).toEqual(['Advisory', undefined]);
  const topic = header(frame, 'destination')!;
  const count = header(frame, 'consumerCount');
  return [topic.slice(ABOUT.length), JSON.parse(frame.body.toString()), ...(count === undefined ? [] : [count])];
}

describe('advisories tell of', () => {
  test('connections that come and go', async () => {
    const client = await harness.open();
    await hear(client, 'Connection');
    const other = await harness.open();
    expect(await next(client)).toMatchObject(['Connection', { ConnectionInfo: { userName: 'anonymous' } }]);
    other.cut();
    expect(await next(client)).toMatchObject([
      'Connection',
      { RemoveInfo: { objectId: { '@class': 'ConnectionId' } } },
    ]);
  });

  test('queues that are made and deleted, and the temporary among them', async () => {
    const client = await harness.open();
    await hear(client, 'Queue');
    await hear(client, 'TempQueue');
    const other = await harness.open();
    await other.confirmed('SEND', { destination: '/queue/q' }, 'x');
    expect(await next(client)).toMatchObject([
      'Queue',
      { DestinationInfo: { operationType: 0, destination: { '@class': 'ActiveMQQueue', string: 'q' } } },
    ]);
    await other.confirmed('SUBSCRIBE', { id: '1', destination: '/temp-queue/t' });
    expect((await next(client))[0]).toBe('TempQueue');
    other.cut();
    expect(await next(client)).toMatchObject(['TempQueue', { DestinationInfo: { operationType: 1 } }]);
  });

  test('queues of clients alone: none that was made for a subscription, nor its consumer, and of AMQP’s those that are', async () => {
    const client = await harness.open();
    for (const topic of ['Queue', 'TempQueue', 'Consumer.Queue.>']) await hear(client, topic);
    const other = await harness.open('1.2', { 'client-id': 'c' });
    await other.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/t' });
    await other.confirmed('SUBSCRIBE', { id: '2', destination: '/topic/d', 'activemq.subscriptionName': 's' });
    const session = openSession(harness.broker);
    session.declareQueue('session', { ...DURABLE, ownUse: true });
    session.declareQueue('', DURABLE);
    session.declareQueue('', { ...TRANSIENT, exclusive: true });
    other.cut();
    const topics = [await next(client), await next(client)].map(([topic, body]) => [topic, JSON.stringify(body)]);
    expect(topics).toEqual([
      ['Queue', expect.stringContaining('"ActiveMQQueue"')],
      ['TempQueue', expect.stringContaining('"ActiveMQTempQueue"')],
    ]);
    session.close(true);
    expect((await next(client))[0]).toBe('TempQueue');
    await hear(client, 'Topic');
    await client.confirmed('SUBSCRIBE', { id: 'x', destination: '/topic/last' });
    expect((await next(client))[0]).toBe('Topic');
  });

  test('consumers of a queue, with how many there are', async () => {
    const client = await harness.open();
    await hear(client, 'Consumer.Queue.q');
    await hear(client, 'Consumer.Queue.>');
    const other = await harness.open();
    await other.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const told = [await client.take('MESSAGE'), await client.take('MESSAGE')];
    expect(told.map((frame) => [header(frame, 'subscription'), header(frame, 'consumerCount')])).toEqual([
      ['Consumer.Queue.q', '1'],
      ['Consumer.Queue.>', '1'],
    ]);
    await client.confirmed('UNSUBSCRIBE', { id: 'Consumer.Queue.>' });
    await other.confirmed('SUBSCRIBE', { id: '2', destination: '/queue/q' });
    expect((await next(client))[2]).toBe('2');
    other.cut();
    expect((await next(client)).slice(1)).toEqual([{ RemoveInfo: { objectId: { '@class': 'ConsumerId' } } }, '1']);
    expect((await next(client))[2]).toBe('0');
  });
});

test('nobody can send one, or take one for a queue to read', async () => {
  const client = await harness.open();
  const error = await client.refused('SEND', { destination: `${ABOUT}Connection` }, 'forged');
  expect(header(error, 'message')).toBe('Invalid destination');
});

test('as many hear as one event may keep busy with, and no more', async () => {
  const clients = await Promise.all([harness.open(), harness.open()]);
  for (let n = 0; n < 256; n++) {
    clients[0]!.send('SUBSCRIBE', { id: `${n}`, destination: `${ABOUT}Connection` });
  }
  const error = await clients[0]!.refused('SUBSCRIBE', { id: 'more', destination: `${ABOUT}Connection` });
  expect(header(error, 'message')).toBe('Too many subscriptions');
  await hear(clients[1]!, 'Connection');
});

test('where nobody hears, nobody watches', async () => {
  const client = await harness.open();
  const { events } = harness.broker;
  expect(events.watched).toBe(false);
  await hear(client, 'Connection');
  expect(events.watched).toBe(true);
  await client.confirmed('UNSUBSCRIBE', { id: 'Connection' });
  expect(events.watched).toBe(false);
  await hear(client, 'Queue');
  await client.leave();
  expect(events.watched).toBe(false);
});

test('in other vhosts these are topics like any other', async () => {
  await harness.stop();
  harness = await StompHarness.start();
  const client = await harness.open();
  await hear(client, 'Connection');
  await client.confirmed('SEND', { destination: `${ABOUT}Connection` }, 'mine');
  expect((await client.take('MESSAGE')).body.toString()).toBe('mine');
});

/** What is told of a queue is told to who may read it, and of a topic to who may subscribe to it, whatever they asked for. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { header, RawClient } from '../protocols/stomp/raw-client.ts';
import { type RuledBroker, startRuledBroker } from './harness.ts';

let broker: RuledBroker;
beforeEach(async () => {
  broker = await startRuledBroker({ compat: 'activemq' });
});
afterEach(() => broker.stop());

const open = (user: string): Promise<RawClient> =>
  RawClient.open(broker.ports.stomp, '1.2', { login: user, passcode: 'p' });
const ALL = '/topic/ActiveMQ.Advisory.Consumer.Queue.>';

async function heard(client: RawClient): Promise<(string | undefined)[]> {
  await client.confirmed('BEGIN', { transaction: `t${Math.random()}` });
  return client.frames.splice(0).map((frame) => header(frame, 'destination')?.slice(ALL.length - 1));
}

test('a queue that one may not read is not spoken of, from then on', async () => {
  broker.rules.set('u', { read: '^(mine.*|amq.topic)$' });
  const client = await open('u');
  await client.confirmed('SUBSCRIBE', { id: '1', destination: ALL });
  const other = await open('admin');
  await other.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/mine' });
  await other.confirmed('SUBSCRIBE', { id: '2', destination: '/queue/theirs' });
  expect(await heard(client)).toEqual(['mine']);
  broker.rules.set('u', { read: '^amq.topic$' });
  await other.confirmed('SUBSCRIBE', { id: '3', destination: '/queue/mine' });
  expect(await heard(client)).toEqual([]);
});

test.each([
  ['the exchange of topics', { read: '' }],
  ['these topics', { topics: [{ exchange: 'amq.topic', write: '.*', read: '^mine' }] }],
])('who may not read %s hears nothing', async (_, rules) => {
  broker.rules.set('u', rules);
  const client = await open('u');
  const error = await client.refused('SUBSCRIBE', { id: '1', destination: '/topic/ActiveMQ.Advisory.Connection' });
  expect(header(error, 'message')).toBe('access_refused');
});

test("a connection of another user's is spoken of to nobody who does not operate the broker", async () => {
  broker.rules.set('u', {});
  const client = await open('u');
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/ActiveMQ.Advisory.Connection' });
  (await open('admin')).cut();
  const own = await open('u');
  await client.confirmed('BEGIN', { transaction: 't' });
  const told = client.frames.splice(0).map(({ body }) => JSON.parse(body.toString()) as object);
  expect(told).toMatchObject([{ ConnectionInfo: { userName: 'u' } }]);
  own.cut();
});

test('who may not any more hears no more', async () => {
  broker.rules.set('u', {});
  const client = await open('u');
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/ActiveMQ.Advisory.Connection' });
  broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '.*', read: '^mine' }] });
  (await open('admin')).cut();
  expect(await heard(client)).toEqual([]);
});

/** `activemq.retroactive` where a queue keeps the topic's history: the last messages come first, in their order, and stay there. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StompClient } from '../../../../conformance/stomp/clients/client.ts';
import { connectFrames } from '../../../../conformance/stomp/clients/frames.ts';
import type { Session } from '../../../../src/api/session.ts';
import { DOT } from '../../../../src/message/message.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { openSession } from '../../mqtt/harness.ts';

const HISTORY = 'ActiveMQ.History.prices.eu';
let broker: TestBroker;
let session: Session;
let client: StompClient;

beforeEach(async () => {
  broker = await startTestBroker({ vhosts: { '/': { compat: 'activemq' } } });
  session = await openSession(broker);
  client = await connectFrames({ stompPort: broker.ports.stomp, wsStompUrl: '' });
  const max = { name: 'x-max-length', value: { type: 'int32' as const, value: 3 } };
  session.declareQueue(HISTORY, { durable: true, exclusive: false, autoDelete: false, arguments: [max] });
  session.bindQueue(HISTORY, 'amq.topic', 'prices.eu', { spelling: DOT, arguments: [] });
});
afterEach(async () => {
  client.cut();
  await broker.close();
});

const RETROACTIVE = { 'activemq.retroactive': 'true' };
async function send(...bodies: string[]): Promise<void> {
  for (const body of bodies) await client.send('/topic/prices.eu', body, { persistent: 'true' });
}

it('who subscribes so gets the last of them before what comes, as often as he likes', async () => {
  await send('1', '2', '3', '4');
  for (let i = 0; i < 2; i++) {
    const late = await client.subscribe('/topic/prices.eu', RETROACTIVE);
    expect(await late.texts(3)).toEqual(['2', '3', '4']);
    await late.unsubscribe();
  }
  const late = await client.subscribe('/topic/prices.eu', { ...RETROACTIVE, ack: 'client-individual' });
  await send('5');
  const messages = await late.take(4);
  expect(messages.map(({ body }) => body.toString())).toEqual(['2', '3', '4', '5']);
  for (const message of messages) await client.ack(message);
  expect(session.checkQueue(HISTORY).messages).toBe(3);
});

it('other subscribers, and topics without such a queue, get nothing of it', async () => {
  await send('1');
  const plain = await client.subscribe('/topic/prices.eu');
  const other = await client.subscribe('/topic/prices.us', RETROACTIVE);
  await send('2');
  await client.send('/topic/prices.us', 'us');
  expect([await plain.texts(1), await other.texts(1)]).toEqual([['2'], ['us']]);
});

it('a durable subscription that has messages already is sent none twice', async () => {
  const owner = await connectFrames({ stompPort: broker.ports.stomp, wsStompUrl: '' }, { 'client-id': 'd' });
  const named = { 'activemq.subscriptionName': 's', ...RETROACTIVE };
  await send('1');
  const first = await owner.subscribe('/topic/prices.eu', { ...named, ack: 'client-individual' });
  expect(await first.texts(1)).toEqual(['1']);
  await owner.disconnect();
  await send('2');
  const back = await connectFrames({ stompPort: broker.ports.stomp, wsStompUrl: '' }, { 'client-id': 'd' });
  const again = await back.subscribe('/topic/prices.eu', { ...named, ack: 'auto' });
  await send('3');
  expect(await again.texts(3)).toEqual(['1', '2', '3']);
  await back.disconnect();
});

/** «Why was this dropped?»: each way in which a message ends without being delivered leaves a trace. */
import type { ConfirmChannel, GetMessage } from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { untilAsked } from '../../support/until.ts';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let clock: ManualClock;
let channel: ConfirmChannel;
type Dropped = {
  readonly reason: string;
  readonly queue: string;
  readonly messageId?: string;
  readonly routingKey: string;
};
const dropped = async (query = ''): Promise<readonly Dropped[]> =>
  (await broker.ask(`/vhosts/%2F/dropped${query}`)).body.dropped;
const send = async (key: string, messageId: string, options: object = {}) => {
  channel.publish('', key, Buffer.from('body'), { messageId, persistent: true, ...options });
  await channel.waitForConfirms().catch(() => {}); // a full queue refuses
};
const take = async (queue: string) => (await channel.get(queue)) as GetMessage;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startV1({ clock, listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'] });
  channel = await broker.channel();
});
afterEach(() => broker.close());

it('what is rejected, expired, one too many, out of attempts, refused or leads nowhere is told, the latest first', async () => {
  await channel.assertQueue('q');
  await send('q', 'rejected');
  channel.nack(await take('q'), false, false);
  await channel.assertQueue('short', { messageTtl: 100, maxLength: 1 });
  await send('short', 'pushed-out');
  await send('short', 'expired');
  clock.advance(200);
  await channel.checkQueue('short');
  await channel.assertQueue('limited', { arguments: { 'x-delivery-limit': 0 } });
  await send('limited', 'failed');
  channel.nack(await take('limited'), false, true);
  await channel.assertQueue('full', { maxLength: 0, arguments: { 'x-overflow': 'reject-publish' } });
  await send('full', 'refused');
  await send('nowhere', 'unroutable');
  await channel.assertQueue('dies', { deadLetterExchange: 'gone' });
  await send('dies', 'letter');
  channel.nack(await take('dies'), false, false);
  await untilAsked(async () => (await dropped()).length === 7, 'all seven');
  const found = await dropped();
  expect(found.map(({ reason, queue, messageId }) => [reason, queue, messageId]).sort()).toEqual([
    ['dead-letter-unroutable', 'dies', 'letter'],
    ['delivery_limit', 'limited', 'failed'],
    ['expired', 'short', 'expired'],
    ['maxlen', 'short', 'pushed-out'],
    ['queue-full', 'full', 'refused'],
    ['rejected', 'q', 'rejected'],
    ['unroutable', '', 'unroutable'],
  ]);
  expect(found[0]).toMatchObject({ exchange: '', bodyBytes: 4, routingKey: expect.any(String) });
  expect(await dropped('?reason=expired')).toMatchObject([{ messageId: 'expired' }]);
  expect(await dropped('?queue=q')).toMatchObject([{ messageId: 'rejected' }]);
  expect(await dropped('?messageId=letter')).toMatchObject([{ reason: 'dead-letter-unroutable' }]);
});

it('a repeat that is not taken again is told, and of what was never stored also who published it', async () => {
  const args = { 'x-message-deduplication': true, 'x-cache-size': 10, 'x-deduplication-header': 'message-id' };
  await channel.assertQueue('once', { arguments: args });
  for (let i = 0; i < 2; i++) await send('once', 'twice');
  await send('nowhere', 'lost');
  const by = expect.objectContaining({ protocol: 'amqp', user: 'guest' });
  expect(await dropped('?reason=unroutable')).toMatchObject([{ messageId: 'lost', position: 0, by }]);
  expect(await dropped('?reason=duplicate')).toMatchObject([{ queue: 'once', messageId: 'twice', position: 0, by }]);
  expect((await dropped()).length).toBe(2);
  const { body } = await broker.ask('/vhosts/%2F/passport?messageId=lost');
  expect(body.dropped).toMatchObject([{ reason: 'unroutable', by: { user: 'guest' } }]);
});

it('a message that nobody has subscribed to is told, and one that is retained is not', async () => {
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, { protocolVersion: 5 });
  await device.publishAsync('kept', 'x', { qos: 1, retain: true });
  await device.publishAsync('lost', 'x', { qos: 1 });
  expect(await dropped()).toMatchObject([{ reason: 'unroutable', routingKey: 'lost' }]);
  await device.endAsync();
});

it('of a flood a hundred a second are told, a hundred of each reason are kept, and others are not pushed out', async () => {
  await channel.assertQueue('q');
  await send('q', 'rare');
  channel.nack(await take('q'), false, false);
  for (let second = 0; second < 2; second++) {
    clock.advance(1_000);
    for (let i = 0; i < 150; i++) channel.publish('', 'nowhere', Buffer.from('x'), { messageId: `${second}-${i}` });
    await channel.waitForConfirms();
  }
  const found = await dropped('?reason=unroutable');
  expect(found).toHaveLength(100);
  expect(found.every(({ messageId }) => messageId!.startsWith('1-'))).toBe(true);
  expect(await dropped('?reason=rejected')).toHaveLength(1);
});

/** Messages of 5.0 that cross to AMQP and back, and dead letters. */
import * as amqp from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, publish1, startHarness, text } from '../harness.ts';

let harness: Harness;
let connection: amqp.ChannelModel;
let channel: amqp.Channel;
beforeAll(async () => {
  harness = await startHarness();
  connection = await amqp.connect(`amqp://127.0.0.1:${harness.broker.port('amqp')}`);
  channel = await connection.createChannel();
});
afterAll(async () => {
  await connection.close();
  await harness.broker.close();
});

it('properties of 5.0 are those of AMQP', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.topic', 'to.amqp');
  const got = new Promise<amqp.ConsumeMessage>((done) => void channel.consume(queue, (m) => done(m!), { noAck: true }));
  const client = await harness.connect('c');
  const properties = {
    contentType: 'text/plain',
    responseTopic: '$queue/answers',
    correlationData: Buffer.from('id'),
    userProperties: { a: '1', type: 't', 'message-id': 'm', priority: '5' },
  };
  expect(await publish1(client, 'to/amqp', 'x', properties)).toBe(0);
  const message = await got;
  expect(message.fields.routingKey).toBe('to.amqp');
  expect(message.properties).toMatchObject({
    contentType: 'text/plain',
    replyTo: 'answers',
    correlationId: 'id',
    type: 't',
    messageId: 'm',
    priority: 5,
    deliveryMode: 2,
    headers: { a: '1' },
  });
});

it('a request from AMQP is answered from 5.0, into the queue it names', async () => {
  const { queue } = await channel.assertQueue('answers-here', { exclusive: true });
  const answer = new Promise<amqp.ConsumeMessage>(
    (done) => void channel.consume(queue, (m) => done(m!), { noAck: true }),
  );
  const responder = await harness.connect('responder');
  await responder.subscribe('requests/+', 1);
  channel.publish('amq.topic', 'requests.one', Buffer.from('question'), {
    replyTo: queue,
    correlationId: 'c1',
    headers: { n: 5, deep: { a: 1 } },
    timestamp: 1_700_000_000,
    appId: 'app',
  });
  const request = await responder.next('publish');
  const { responseTopic, correlationData, userProperties } = request.properties!;
  expect([request.topic, responseTopic, correlationData]).toEqual([
    'requests/one',
    `$queue/${queue}`,
    Buffer.from('c1'),
  ]);
  expect({ ...userProperties }).toEqual({
    n: '5',
    deep: '{"a":1}',
    'x-json-headers': 'deep',
    timestamp: '1700000000',
    'app-id': 'app',
  });
  expect(await publish1(responder, responseTopic!, 'answer', { correlationData: correlationData! })).toBe(0);
  const message = await answer;
  expect([message.content.toString(), message.properties.correlationId]).toEqual(['answer', 'c1']);
});

it('a name that AMQP says twice, as a property and as a header, is said once, and that is counted', async () => {
  const reader = await harness.connect('once');
  await reader.subscribe('once', 1);
  const { stats } = harness.adapter;
  const before = stats.lossyConversions;
  channel.publish('amq.topic', 'once', Buffer.from('x'), { appId: 'app', headers: { 'app-id': 'other' } });
  const { properties } = await reader.next('publish');
  expect({ ...properties!.userProperties }).toEqual({ 'app-id': 'app' });
  expect(stats.lossyConversions).toBe(before + 1);
});

it('what a client refuses is a dead letter, and says so to whoever reads it', async () => {
  await channel.assertQueue('refusing', {
    durable: true,
    arguments: { 'x-dead-letter-exchange': 'amq.topic', 'x-dead-letter-routing-key': 'dead' },
  });
  await channel.bindQueue('refusing', 'amq.topic', 'to.refuse');
  const reader = await harness.connect('reader');
  await reader.subscribe('dead', 1);
  channel.publish('amq.topic', 'to.refuse', Buffer.from('poison'), { persistent: true });
  const message = await new Promise<amqp.ConsumeMessage>((done) => void channel.consume('refusing', (m) => done(m!)));
  channel.nack(message, false, false);
  const dead = await reader.next('publish');
  expect(text(dead)).toBe('poison');
  expect({ ...dead.properties!.userProperties }).toEqual({
    'x-first-death-queue': 'refusing',
    'x-first-death-reason': 'rejected',
    'x-first-death-exchange': 'amq.topic',
    'x-last-death-queue': 'refusing',
    'x-last-death-reason': 'rejected',
    'x-last-death-exchange': 'amq.topic',
    'x-death-count': '1',
  });
});

it('a member of a share may say which messages it wants, and gets no others', async () => {
  const picky = await harness.connect('picky', { sessionExpiryInterval: 100 });
  const topic = '$share/g/jobs/+';
  const ask = (selector: string): Promise<number> => picky.subscribe(topic, 1, 1, {}, { userProperties: { selector } });
  expect(await ask('size >')).toBe(0x83);
  expect(await ask('size > 5')).toBe(1);
  expect(await picky.subscribe('jobs/own', 1, 2, {}, { userProperties: { selector: 'size > 5' } })).toBe(0x83);
  const client = await harness.connect('p');
  for (const size of ['3', '10', '4', '7']) {
    expect(await publish1(client, 'jobs/x', size, { userProperties: { size } })).toBe(0);
  }
  expect([text(await picky.next('publish')), text(await picky.next('publish'))]).toEqual(['10', '7']);
  const other = await harness.connect('other');
  await other.subscribe(topic, 1);
  expect([text(await other.next('publish')), text(await other.next('publish'))]).toEqual(['3', '4']);
  await picky.settle();
  expect(picky.packets).toEqual([]);
});

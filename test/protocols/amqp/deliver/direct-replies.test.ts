/** Direct reply-to: requests and answers without a queue of the requester's making. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type Client, client, failure, Inbox } from '../wire.ts';

const REPLY_TO = 'amq.rabbitmq.reply-to';

let broker: TestBroker;
let requester: Client;
let responder: Client;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
});
beforeEach(async () => {
  requester = await client(broker.ports.amqp);
  responder = await client(broker.ports.amqp);
});
afterEach(async () => {
  await requester.close();
  await responder.close();
});
afterAll(() => broker.close());

describe('a request', () => {
  test('carries an address of its own, and the answer comes straight back', async () => {
    const asking = await requester.channel();
    const answers = new Inbox();
    await asking.consume(REPLY_TO, answers.consume, { noAck: true });
    const answering = await responder.channel();
    await answering.assertQueue('rpc', { autoDelete: true });
    const requests = new Inbox();
    await answering.consume('rpc', requests.consume, { noAck: true });
    const headers = { kept: [1, 'two'] };
    asking.sendToQueue('rpc', Buffer.from('question'), { replyTo: REPLY_TO, correlationId: '7', headers });
    const request = await requests.next();
    expect(request.properties).toMatchObject({ correlationId: '7', headers });
    const address = request.properties.replyTo as string;
    expect(address).toMatch(/^amq\.rabbitmq\.reply-to\.[\w-]{22}$/);
    expect(await answering.checkQueue(address)).toMatchObject({ queue: address, messageCount: 0, consumerCount: 1 });
    answering.sendToQueue(address, Buffer.from('answer'), { correlationId: '7', persistent: true });
    const answer = await answers.next();
    expect(answer.content.toString()).toBe('answer');
    expect(answer.fields).toMatchObject({ exchange: '', routingKey: address, redelivered: false });
    expect(answer.properties.correlationId).toBe('7');
  });

  test('an answer to someone who has gone comes back to a mandatory publisher', async () => {
    const asking = await requester.channel();
    await asking.consume(REPLY_TO, () => {}, { noAck: true });
    const answering = await responder.channel();
    await answering.assertQueue('rpc', { autoDelete: true });
    const requests = new Inbox();
    await answering.consume('rpc', requests.consume, { noAck: true });
    asking.sendToQueue('rpc', Buffer.from('question'), { replyTo: REPLY_TO });
    const address = (await requests.next()).properties.replyTo as string;
    await asking.close();
    const returned = new Promise((resolve) => answering.once('return', resolve));
    answering.sendToQueue(address, Buffer.from('too late'), { mandatory: true });
    expect(await returned).toMatchObject({ fields: { replyText: 'NO_ROUTE', routingKey: address } });
    expect(await failure(() => answering.checkQueue(address))).toContain('404 (NOT-FOUND)');
  });

  test('cancelling ends it, and one can begin again with another address', async () => {
    const asking = await requester.channel();
    const answers = new Inbox();
    await asking.consume(REPLY_TO, () => {}, { noAck: true, consumerTag: 'first' });
    await asking.cancel('first');
    await asking.consume(REPLY_TO, answers.consume, { noAck: true, consumerTag: 'second' });
    await asking.assertQueue('mine', { exclusive: true });
    asking.sendToQueue('mine', Buffer.from('q'), { replyTo: REPLY_TO });
    const own = await asking.get('mine', { noAck: true });
    asking.sendToQueue((own as { properties: { replyTo: string } }).properties.replyTo, Buffer.from('a'));
    expect((await answers.next()).content.toString()).toBe('a');
  });

  test('an address whose queue was deleted is forgotten: requests are refused, and one can begin again', async () => {
    const asking = await requester.channel();
    const gone = new Inbox();
    await asking.consume(REPLY_TO, gone.consume, { noAck: true });
    await asking.assertQueue('mine', { exclusive: true });
    const ask = async (): Promise<string> => {
      asking.sendToQueue('mine', Buffer.from('q'), { replyTo: REPLY_TO });
      return ((await asking.get('mine', { noAck: true })) as { properties: { replyTo: string } }).properties.replyTo;
    };
    await asking.deleteQueue(await ask());
    await gone.ended();
    const answers = new Inbox();
    await asking.consume(REPLY_TO, answers.consume, { noAck: true });
    asking.sendToQueue(await ask(), Buffer.from('a'));
    expect((await answers.next()).content.toString()).toBe('a');
  });
});

describe('refused, in the words of RabbitMQ 3.10', () => {
  test('acknowledging answers', async () => {
    const channel = await requester.channel();
    expect(await failure(() => channel.consume(REPLY_TO, () => {}))).toContain(
      '406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - reply consumer cannot acknowledge"',
    );
  });

  test('listening twice', async () => {
    const channel = await requester.channel();
    await channel.consume(REPLY_TO, () => {}, { noAck: true });
    expect(await failure(() => channel.consume(REPLY_TO, () => {}, { noAck: true }))).toContain(
      'PRECONDITION_FAILED - reply consumer already set',
    );
  });

  test('asking without listening', async () => {
    const channel = await requester.model.createChannel();
    const closed = new Promise<Error>((resolve) => channel.on('error', resolve));
    channel.sendToQueue('rpc', Buffer.from('x'), { replyTo: REPLY_TO });
    expect((await closed).message).toContain('PRECONDITION_FAILED - fast reply consumer does not exist');
  });

  test('an address that nobody has', async () => {
    const channel = await requester.channel();
    expect(await failure(() => channel.checkQueue(`${REPLY_TO}.nobody`))).toContain('no queue');
  });
});

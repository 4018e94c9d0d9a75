/** Both versions of AMQP over WebSocket, on the port of its own and on that of HTTP, with other makers' clients. */
import { AMQPWebSocketClient } from '@cloudamqp/amqp-client';
import rhea from 'rhea';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { Client } from './client.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker();
});

afterAll(() => broker.close());

describe.each(['ws', 'http'] as const)('AMQP over WebSocket, on the port of %s', (port) => {
  const url = (path: string) => `ws://127.0.0.1:${broker.ports[port]}${path}`;

  test.each([
    ['/ws', ['amqp']],
    ['/amqp', ['amqp']],
    ['/ws', ['binary', 'AMQPWSB10', 'amqp']],
  ])('1.0, at %s, offering %j', async (path, offered) => {
    const details = rhea.websocket_connect(WebSocket)(url(path), offered, {});
    const client = await Client.connect(0, { connection_details: details } as object);
    const sender = await client.sender('over-ws');
    const receiver = await client.receiver('over-ws');
    expect((await client.send(sender, { body: 'x'.repeat(100_000), durable: true })).outcome).toBe('accepted');
    const [got] = await client.take(receiver);
    got!.delivery.accept();
    expect(got!.message.body).toHaveLength(100_000);
    await client.close();
  });

  test('0-9-1, and what it sends is read as 1.0', async () => {
    // The client uses the WebSocket of browsers, which is Node's own here.
    const old = new AMQPWebSocketClient({ url: url('/ws'), vhost: '/', username: 'guest', password: 'guest' });
    const connection = await old.connect();
    const channel = await connection.channel();
    await channel.queueDeclare('both-ws', { durable: true });
    await channel.confirmSelect();
    await channel.basicPublish('', 'both-ws', 'hello', { contentType: 'text/plain', deliveryMode: 2 });
    const client = await Client.connect(broker.ports.amqp);
    const [got] = await client.take(await client.receiver('both-ws'));
    got!.delivery.accept();
    expect((got!.message.body as { content: Buffer }).content.toString()).toBe('hello');
    await client.close();
    await connection.close();
  });
});

/** A hardened broker, as clients on its own machine meet it. */
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
let broker: TestBroker;
let empty: TestBroker;
beforeAll(async () => {
  const options = {
    profile: 'hardened',
    listen: ['amqp', 'mqtt', 'ws'].map((name) => `${name}://127.0.0.1:0`),
    websocket: { origins: ['none'] },
  } as const;
  empty = await startTestBroker(options);
  broker = await startTestBroker({
    ...options,
    users: {
      plant: { password: 'plant', permissions: { '/': ALL } },
      guest: { password: 'guest', permissions: { '/': ALL } },
    },
  });
});
afterAll(() => Promise.all([broker?.close(), empty?.close()]));

const enters = async (of: TestBroker, user: string): Promise<void> => {
  const connection = await amqp.connect(`amqp://${user}:${user}@127.0.0.1:${of.port('amqp')}`);
  await connection.close();
};

it('lets in a user, and guest not even as a user of its own', async () => {
  await enters(broker, 'plant');
  await expect(enters(broker, 'guest')).rejects.toThrow(/ACCESS.REFUSED/);
  await expect(enters(empty, 'guest')).rejects.toThrow(/ACCESS.REFUSED/);
});

it('lets in nobody without a name, though there is no user yet', async () => {
  for (const of of [broker, empty]) {
    const url = `mqtt://127.0.0.1:${of.port('mqtt')}`;
    await expect(mqtt.connectAsync(url, { reconnectPeriod: 0 }, false)).rejects.toThrow(/user ?name|authori[sz]ed/i);
  }
});

it('serves no web page where `none` may connect, and programs all the same', async () => {
  const url = `ws://127.0.0.1:${broker.port('ws')}/mqtt`;
  const page = new WebSocket(url, 'mqtt', { origin: 'https://app.example.org' });
  await expect(new Promise((resolve, reject) => page.on('open', resolve).on('error', reject))).rejects.toThrow('403');
  const program = await mqtt.connectAsync(url, { username: 'plant', password: 'plant', reconnectPeriod: 0 });
  await program.endAsync();
});

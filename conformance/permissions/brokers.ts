/** Both brokers, with the users of these questions: this one in the test's own process, and RabbitMQ. */
import amqplib from 'amqplib';
import { createBroker } from '../../src/index.ts';
import { startRabbitmq } from '../peers/index.ts';
import type { Ports } from './ask.ts';
import { EXCHANGES, QUEUES, USERS } from './users.ts';

export interface AskedBroker extends Ports {
  stop(): Promise<void>;
}

export async function startHere(): Promise<AskedBroker> {
  const users = Object.fromEntries(
    Object.entries(USERS).map(([user, { permissions, topics }]) => [
      user,
      {
        password: 'p',
        permissions: permissions === undefined ? {} : { '/': permissions },
        topicPermissions: topics.map((topic) => ({ vhost: '/', ...topic })),
      },
    ]),
  );
  const listen = ['amqp', 'mqtt', 'stomp'].map((name) => `${name}://127.0.0.1:0`);
  const running = await createBroker({ listen, users });
  const ports = { amqpPort: running.port('amqp'), mqttPort: running.port('mqtt'), stompPort: running.port('stomp') };
  await prepare(`amqp://all:p@127.0.0.1:${ports.amqpPort}`);
  return { ...ports, stop: () => running.close() };
}

export async function startThere(): Promise<AskedBroker> {
  const peer = await startRabbitmq({ plugins: ['rabbitmq_management'] });
  const { amqpPort, mqttPort, stompPort, httpPort } = peer;
  const put = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/api/${path}`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  for (const [user, { permissions, topics }] of Object.entries(USERS)) {
    await put(`users/${user}`, { password: 'p', tags: '' });
    if (permissions !== undefined) await put(`permissions/%2f/${user}`, permissions);
    for (const topic of topics) await put(`topic-permissions/%2f/${user}`, topic);
  }
  await prepare(`amqp://all:p@127.0.0.1:${amqpPort}`);
  return { amqpPort, mqttPort, stompPort, stop: () => peer.stop() };
}

async function prepare(url: string): Promise<void> {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const queue of QUEUES) await channel.assertQueue(queue);
  for (const [name, type] of EXCHANGES) await channel.assertExchange(name, type);
  await connection.close();
}

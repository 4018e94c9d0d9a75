/** What both brokers have while they are asked: the same queues, exchanges, bindings, clients and users. */
import amqplib, { type ChannelModel } from 'amqplib';
import mqtt, { type MqttClient } from 'mqtt';
import { createBroker } from '../../src/index.ts';
import { startRabbitmq } from '../peers/index.ts';
import type { Change } from './changes.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const USERS = [
  ['guest', 'administrator'],
  ['watch', 'monitoring'],
  ['maker', 'policymaker'],
  ['plain', 'management'],
  ['none', ''],
] as const;
const PASSWORD = 'guest';

export interface Answer {
  readonly status: number;
  readonly allow: string | null;
  readonly challenge: string | null;
  readonly body: unknown;
}

export interface AskedBroker {
  ask(asked: Change): Promise<Answer>;
  stop(): Promise<void>;
}

interface Ports {
  readonly amqp: number;
  readonly mqtt: number;
  readonly http: number;
}

export async function startHere(): Promise<AskedBroker> {
  const listen = ['amqp', 'mqtt', 'http'].map((name) => `${name}://127.0.0.1:0`);
  const users = Object.fromEntries(
    USERS.map(([name, tag]) => [
      name,
      { password: PASSWORD, tags: tag === '' ? [] : [tag], permissions: { '/': ALL } },
    ]),
  );
  const running = await createBroker({ listen, users, vhosts: { '/': {}, other: {} } });
  const ports = { amqp: running.port('amqp'), mqtt: running.port('mqtt'), http: running.port('http') };
  return prepared(ports, () => running.close());
}

export async function startThere(): Promise<AskedBroker> {
  const peer = await startRabbitmq({ plugins: ['rabbitmq_management'] });
  const ports = { amqp: peer.amqpPort, mqtt: peer.mqttPort, http: peer.httpPort };
  const put = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${ports.http}/api/${path}`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa(`guest:${PASSWORD}`)}` },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  await put('vhosts/other', {});
  for (const [name, tags] of USERS) {
    if (name !== 'guest') await put(`users/${name}`, { password: PASSWORD, tags });
    await put(`permissions/%2F/${name}`, ALL);
  }
  const { control } = peer;
  await control(['clear_permissions', '-p', 'other', 'guest']);
  return prepared(ports, () => peer.stop());
}

async function prepared(ports: Ports, stop: () => Promise<void>): Promise<AskedBroker> {
  const client = await amqplib.connect(`amqp://guest:${PASSWORD}@127.0.0.1:${ports.amqp}`, {
    clientProperties: { connection_name: 'mine' },
  });
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${ports.mqtt}`, {
    clientId: 'mc1',
    protocolVersion: 4,
    username: 'plain',
    password: PASSWORD,
  });
  await populate(client);
  const names = await namesOf(ports);
  return {
    ask: (asked) => ask(ports, asked, names),
    async stop() {
      await leave(client, device);
      await stop();
    },
  };
}

async function leave(client: ChannelModel, device: MqttClient): Promise<void> {
  await device.endAsync(true);
  await client.close().catch(() => {});
}

async function populate(client: ChannelModel): Promise<void> {
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('q1', { durable: true, arguments: { 'x-max-length': 100 } });
  await channel.assertQueue('q2', { durable: false, autoDelete: true, exclusive: true });
  await channel.assertQueue('qq', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertExchange('x1', 'topic', { durable: true, arguments: { 'alternate-exchange': 'amq.fanout' } });
  await channel.assertExchange('x2', 'fanout', { durable: true });
  await channel.bindQueue('q1', 'x1', 'a/b c%é');
  await channel.bindQueue('q1', 'x1', 'key', { k: 1 });
  await channel.bindExchange('x2', 'x1', '#.x');
  await channel.prefetch(1);
  await channel.consume('q1', () => {}, { consumerTag: 'ct1' });
  await channel.consume('q2', () => {}, { consumerTag: 'ct2', noAck: true, arguments: { 'x-priority': 3 } });
  for (let n = 0; n < 3; n++) {
    channel.publish('', 'q1', Buffer.from('a'));
    channel.publish('x1', 'key', Buffer.from('b'));
    channel.publish('', 'q2', Buffer.from('c'));
    channel.publish('', 'qq', Buffer.from('c'));
    channel.publish('', 'nowhere', Buffer.from('c'));
  }
  await channel.waitForConfirms();
}

/** What CONNECTION, CHANNEL and NODE are called here, once the broker shows them: RabbitMQ takes some seconds. */
async function namesOf(ports: Ports): Promise<Record<string, string>> {
  const list = async (path: string): Promise<Record<string, unknown>[]> =>
    (await ask(ports, { path, status: 200 }, {})).body as Record<string, unknown>[];
  for (;;) {
    const connections = await list('/connections');
    const queues = await list('/queues/%2F');
    const overview = (await ask(ports, { path: '/overview', status: 200 }, {})).body as { contexts: unknown[] };
    const mine = connections.find((one) => one['user_provided_name'] === 'mine');
    const channel = (await list('/channels')).find((one) => one['confirm'] === true);
    const known =
      queues.every((one) => one['message_stats'] !== undefined && one['messages'] !== undefined) &&
      connections.every((one) => one['recv_oct'] !== undefined) &&
      overview.contexts.length > 0;
    if (connections.length === 2 && mine && channel && known) {
      const [node] = await list('/nodes');
      return { CONNECTION: String(mine['name']), CHANNEL: String(channel['name']), NODE: String(node!['name']) };
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function ask(ports: Ports, asked: Change, names: Record<string, string>): Promise<Answer> {
  const { method = 'GET', user = 'guest', accept, body, type = 'application/json' } = asked;
  const path = asked.path.replace(/CONNECTION|CHANNEL|NODE/, (name) => encodeURIComponent(names[name] ?? name));
  const password = user === 'wrong' ? 'wrong' : PASSWORD;
  const response = await fetch(`http://127.0.0.1:${ports.http}/api${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(user !== 'nobody' && { authorization: `Basic ${btoa(`${user}:${password}`)}` }),
      ...(accept !== undefined && { accept }),
      ...(body !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    allow: response.headers.get('allow'),
    challenge: response.headers.get('www-authenticate'),
    body: /json/.test(response.headers.get('content-type') ?? '') && text !== '' ? JSON.parse(text) : undefined,
  };
}

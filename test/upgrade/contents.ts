/**
 * What a data directory of an earlier version holds: written by `fill`, looked for by `check`. `fill` is never changed but for
 * a new fixture, whose file name has the version that wrote it.
 */
import { Client } from '@stomp/stompjs';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { expect } from 'vitest';
import { socketTo } from '../../conformance/clients/stomp-socket.ts';
import type { BrokerOptions } from '../../src/index.ts';
import type { TestBroker } from '../support/broker.ts';
import { until } from '../support/until.ts';

/** What the broker is started with, both times. */
export const OPTIONS: BrokerOptions = { vhosts: { '/': {}, plant: {} } };

const KEEPER = { user: 'keeper', password: 'k33per' };
const LARGE_BYTES = 300_000;
const ALL = { configure: '.*', write: '.*', read: '.*' };
const DURABLE = { durable: true };

const amqp = (broker: TestBroker, vhost = ''): Promise<amqplib.ChannelModel> =>
  amqplib.connect(`amqp://${KEEPER.user}:${KEEPER.password}@127.0.0.1:${broker.ports.amqp}/${vhost}`);

const mqttClient = (broker: TestBroker, clientId: string): mqtt.MqttClient =>
  mqtt.connect(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
    ...{ clientId, username: KEEPER.user, password: KEEPER.password, reconnectPeriod: 0 },
    ...{ protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 0xffff_ffff } },
  });

async function stomp(broker: TestBroker, clientId: string): Promise<Client> {
  const client = new Client({
    webSocketFactory: () => socketTo(broker.ports.stomp),
    connectHeaders: { login: KEEPER.user, passcode: KEEPER.password, 'client-id': clientId },
    ...{ heartbeatIncoming: 0, heartbeatOutgoing: 0, reconnectDelay: 0 },
  });
  await new Promise<void>((resolve, reject) => {
    client.onConnect = () => resolve();
    client.onStompError = (frame) => reject(new Error(frame.headers['message']));
    client.activate();
  });
  return client;
}

/** Fills an empty broker; what it was told to keep is safe when this returns. */
export async function fill(broker: TestBroker): Promise<void> {
  await broker.users.put(KEEPER.user, { password: KEEPER.password, tags: ['administrator'] });
  for (const vhost of ['/', 'plant']) await broker.users.setPermissions(KEEPER.user, vhost, ALL);
  const passwordHash = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';
  await broker.users.put('imported', { passwordHash, hashingAlgorithm: 'rabbit_password_hashing_sha256' });
  await broker.users.setTopicPermissions('imported', '/', 'amq.topic', { write: '^mine', read: '.*' });
  await broker.setPolicy('/', {
    name: 'dlx',
    pattern: '^dying$',
    priority: 3,
    definition: { 'dead-letter-exchange': 'graves' },
  });
  const limit = { name: 'limit', pattern: '^small', kind: 'operator', definition: { 'max-length': 2 } } as const;
  await broker.setPolicy('/', limit);
  await broker.setPolicy('plant', { name: 'again', pattern: '^failing$', definition: { 'retry-delay': 3_600_000 } });

  const connection = await amqp(broker);
  const channel = await connection.createConfirmChannel();
  for (const type of ['direct', 'fanout', 'topic', 'headers', 'x-consistent-hash', 'x-random', 'x-modulus-hash']) {
    await channel.assertExchange(`to-${type}`, type, DURABLE);
  }
  await channel.assertExchange('delayed', 'x-delayed-message', {
    ...DURABLE,
    arguments: { 'x-delayed-type': 'topic' },
  });
  await channel.assertExchange('main', 'topic', { ...DURABLE, alternateExchange: 'to-fanout' });
  await channel.assertExchange('graves', 'fanout', DURABLE);
  await channel.assertQueue('plain', DURABLE);
  await channel.assertQueue('quorum', { ...DURABLE, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 4 } });
  await channel.assertQueue('levels', { ...DURABLE, maxPriority: 9 });
  await channel.assertQueue('single', { ...DURABLE, arguments: { 'x-single-active-consumer': true } });
  await channel.assertQueue('small', DURABLE);
  await channel.assertQueue('dying', DURABLE);
  await channel.assertQueue('buried', DURABLE);
  await channel.assertQueue('unrouted', DURABLE);
  await channel.assertQueue('selected', DURABLE);
  await channel.bindQueue('plain', 'main', 'a.#');
  await channel.bindQueue('selected', 'to-headers', '', { 'x-match': 'any', kind: 'rush', n: 7 });
  await channel.bindExchange('to-direct', 'main', 'b.*');
  await channel.bindQueue('plain', 'to-direct', 'b.c');
  await channel.bindQueue('unrouted', 'to-fanout', '');
  await channel.bindQueue('buried', 'graves', '');
  await channel.bindQueue('plain', 'delayed', 'later');

  const headers = { text: 'grüße', n: 42, long: 2 ** 40, yes: true, list: [1, 'two'], table: { deep: 1 } };
  const persistent = { persistent: true };
  channel.publish('main', 'a.x', Buffer.from('from amqp'), {
    ...{ ...persistent, headers, messageId: 'm1', correlationId: 'c1', replyTo: 'plain', timestamp: 1_790_000_000 },
    ...{ contentType: 'text/plain', type: 'greeting', appId: 'fixture' },
  });
  channel.publish('main', 'b.c', Buffer.from('through an exchange'), persistent);
  channel.publish('main', 'nowhere', Buffer.from('by the alternate'), persistent);
  channel.publish('', 'plain', Buffer.alloc(LARGE_BYTES, 'large'), persistent);
  channel.publish('', 'plain', Buffer.from('not to be kept'), { persistent: false });
  channel.publish('to-headers', '', Buffer.from('by its headers'), { ...persistent, headers: { n: 7 } });
  for (let i = 0; i < 200; i++) channel.sendToQueue('quorum', Buffer.from(`q${i}`), persistent);
  for (const priority of [1, 5, 9, 3])
    channel.sendToQueue('levels', Buffer.from(`p${priority}`), { ...persistent, priority });
  for (let i = 0; i < 5; i++) channel.sendToQueue('small', Buffer.from(`s${i}`), persistent);
  channel.sendToQueue('dying', Buffer.from('to be buried'), persistent);
  channel.publish('delayed', 'later', Buffer.from('delayed'), { ...persistent, headers: { 'x-delay': 3_600_000 } });
  await channel.waitForConfirms();
  channel.nack((await channel.get('dying')) as amqplib.GetMessage, false, false);
  // Taken and acknowledged: they must not come again.
  for (let i = 0; i < 50; i++) channel.ack((await channel.get('quorum')) as amqplib.GetMessage);
  // An attempt.
  channel.nack((await channel.get('quorum')) as amqplib.GetMessage, false, true);
  const plant = await amqp(broker, 'plant');
  const other = await plant.createConfirmChannel();
  await other.assertQueue('failing', { ...DURABLE, arguments: { 'x-queue-type': 'quorum' } });
  other.sendToQueue('failing', Buffer.from('to be tried again'), persistent);
  await other.waitForConfirms();
  other.nack((await other.get('failing')) as amqplib.GetMessage);
  await other.checkQueue('failing');

  const kept = mqttClient(broker, 'kept');
  await kept.subscribeAsync(['rooms/+/temperature', '$share/crew/tasks/#'], { qos: 2 });
  await kept.endAsync();
  const publisher = mqttClient(broker, 'publisher');
  await publisher.publishAsync('rooms/1/temperature', '21', {
    ...{ qos: 2, retain: true },
    properties: { userProperties: { unit: 'C' }, contentType: 'text/plain', responseTopic: 'answers' },
  });
  await publisher.publishAsync('rooms/2/temperature', '22', { qos: 1 });
  await publisher.publishAsync('tasks/clean', 'sweep', { qos: 1 });
  await publisher.publishAsync('gone/soon', 'x', { qos: 1, retain: true });
  await publisher.publishAsync('gone/soon', '', { qos: 1, retain: true });
  await publisher.endAsync();

  const stomping = await stomp(broker, 'listener');
  const received = (id: string): Promise<void> =>
    new Promise((resolve) => stomping.watchForReceipt(id, () => resolve()));
  stomping.subscribe('/topic/news', () => {}, {
    ...{ id: 'durable', durable: 'true', 'auto-delete': 'false', ack: 'client-individual', receipt: 'r1' },
  });
  await received('r1');
  await stomping.deactivate();
  const sender = await stomp(broker, 'sender');
  const sent = new Promise<void>((resolve) => sender.watchForReceipt('r2', () => resolve()));
  const news = { destination: '/topic/news', body: 'from stomp', headers: { persistent: 'true', shade: 'blue' } };
  sender.publish({ ...news, headers: { ...news.headers, receipt: 'r2' } });
  await sent;
  await sender.deactivate();
  await connection.close();
  await plant.close();
}

async function drain(channel: amqplib.Channel, queue: string): Promise<amqplib.GetMessage[]> {
  const messages: amqplib.GetMessage[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return messages;
    messages.push(message);
  }
}

const texts = (messages: readonly { content: Buffer }[]): string[] => messages.map(({ content }) => content.toString());

/** Everything that `fill` has kept is there, as it was. @param others messages of somebody else that are delayed */
export async function check(broker: TestBroker, others = 0): Promise<void> {
  // Users, with what they may do.
  expect(broker.users.get('keeper')).toMatchObject({ tags: ['administrator'], hasPassword: true });
  expect(
    broker.users
      .get('keeper')!
      .permissions.map(({ vhost }) => vhost)
      .sort(),
  ).toEqual(['/', 'plant']);
  const topics = [{ vhost: '/', exchange: 'amq.topic', write: '^mine', read: '.*' }];
  expect(broker.users.get('imported')).toMatchObject({ hasPassword: true, topicPermissions: topics });
  const policies = broker
    .policies('/')
    .map(({ name, kind, priority, definition }) => [name, kind, priority, definition]);
  expect(policies).toContainEqual(['dlx', 'policy', 3, { 'dead-letter-exchange': 'graves' }]);
  expect(policies).toContainEqual(['limit', 'operator', 0, { 'max-length': 2 }]);

  const connection = await amqp(broker);
  const channel = await connection.createConfirmChannel();
  // Exchanges and queues with their settings: declaring them again says so.
  for (const type of ['direct', 'fanout', 'topic', 'headers', 'x-consistent-hash', 'x-random', 'x-modulus-hash']) {
    await channel.assertExchange(`to-${type}`, type, DURABLE);
  }
  await channel.assertExchange('delayed', 'x-delayed-message', {
    ...DURABLE,
    arguments: { 'x-delayed-type': 'topic' },
  });
  await channel.assertExchange('main', 'topic', { ...DURABLE, alternateExchange: 'to-fanout' });
  await channel.assertQueue('quorum', { ...DURABLE, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 4 } });
  await channel.assertQueue('levels', { ...DURABLE, maxPriority: 9 });
  await channel.assertQueue('single', { ...DURABLE, arguments: { 'x-single-active-consumer': true } });

  // Messages, in their order, with what they carried.
  const plain = await drain(channel, 'plain');
  const due = plain.filter(({ content }) => content.toString() === 'delayed');
  expect(texts(plain.filter((message) => !due.includes(message)))).toEqual([
    ...['from amqp', 'through an exchange', Buffer.alloc(LARGE_BYTES, 'large').toString()],
  ]);
  expect(plain[0]!.properties).toMatchObject({
    ...{ messageId: 'm1', correlationId: 'c1', replyTo: 'plain', timestamp: 1_790_000_000, deliveryMode: 2 },
    ...{ contentType: 'text/plain', type: 'greeting', appId: 'fixture' },
    headers: { text: 'grüße', n: 42, long: 2 ** 40, yes: true, list: [1, 'two'], table: { deep: 1 } },
  });
  const [vhost] = [...broker.broker.allVhosts];
  // Long after it was written it is due.
  expect(due.length + vhost!.delays.size - others).toBe(1);
  expect(texts(await drain(channel, 'unrouted'))).toEqual(['by the alternate']);
  expect(texts(await drain(channel, 'selected'))).toEqual(['by its headers']);
  const quorum = await drain(channel, 'quorum');
  expect(texts(quorum)).toEqual(Array.from({ length: 150 }, (_, i) => `q${i + 50}`));
  expect(quorum[0]!.properties.headers).toMatchObject({ 'x-delivery-count': 1 });
  expect(texts(await drain(channel, 'levels'))).toEqual(['p9', 'p5', 'p3', 'p1']);
  expect(texts(await drain(channel, 'small'))).toEqual(['s3', 's4']);
  expect(texts(await drain(channel, 'dying'))).toEqual([]);
  const [buried, ...more] = await drain(channel, 'buried');
  expect([buried!.content.toString(), more.length]).toEqual(['to be buried', 0]);
  const death = { queue: 'dying', reason: 'rejected', count: 1, exchange: '', 'routing-keys': ['dying'] };
  expect(buried!.properties.headers!['x-death']).toMatchObject([death]);

  // Bindings go on leading where they did.
  channel.publish('main', 'b.c', Buffer.from('new'));
  channel.publish('to-headers', '', Buffer.from('new'), { headers: { kind: 'rush' } });
  await channel.waitForConfirms();
  expect(texts(await drain(channel, 'plain'))).toEqual(['new']);
  expect(texts(await drain(channel, 'selected'))).toEqual(['new']);
  await connection.close();

  const plant = [...broker.broker.allVhosts].find(({ name }) => name === 'plant')!;
  const failing = plant.topology.queues.get('failing')!;
  expect(failing.messages + plant.retries.size).toBe(1);

  // A kept session, its subscriptions, a share, what came for them, and what is retained.
  const kept = mqttClient(broker, 'kept');
  const heard = new Map<string, mqtt.IPublishPacket>();
  kept.on('message', (topic, _body, packet) => heard.set(topic, packet));
  const present = await new Promise<boolean>((resolve, reject) => {
    kept.on('connect', ({ sessionPresent }) => resolve(sessionPresent));
    kept.on('error', reject);
  });
  expect(present).toBe(true);
  await until(() => heard.size === 3, 'what came for the kept session');
  expect([...heard.keys()].sort()).toEqual(['rooms/1/temperature', 'rooms/2/temperature', 'tasks/clean']);
  expect(heard.get('rooms/1/temperature')).toMatchObject({
    qos: 2,
    properties: { userProperties: { unit: 'C' }, contentType: 'text/plain', responseTopic: 'answers' },
  });
  await kept.endAsync();
  const fresh = mqttClient(broker, 'fresh');
  const retained: string[] = [];
  fresh.on('message', (topic, body, { retain }) => retained.push(`${topic} ${body} ${retain}`));
  await fresh.subscribeAsync('#', { qos: 1 });
  await until(() => retained.length > 0, 'what is retained');
  expect(retained).toEqual(['rooms/1/temperature 21 true']);
  await fresh.endAsync();

  // A durable subscription of the third protocol.
  const listener = await stomp(broker, 'listener');
  const news: [string, string | undefined][] = [];
  const listening = { id: 'durable', durable: 'true', 'auto-delete': 'false', ack: 'client-individual' };
  listener.subscribe('/topic/news', (message) => news.push([message.body, message.headers['shade']]), listening);
  await until(() => news.length > 0, 'what came for the durable subscription');
  expect(news).toEqual([['from stomp', 'blue']]);
  await listener.deactivate();
}

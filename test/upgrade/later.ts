/**
 * What was added since the first fixtures were written: written by `fillLater`, looked for by `checkLater`, in data directories whose
 * names say so (`data-VERSION-2-…`). `contents.ts` has what was there before, and is in these too.
 */
import { Client } from '@stomp/stompjs';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { expect } from 'vitest';
import { socketTo } from '../../conformance/clients/stomp-socket.ts';
import type { BrokerOptions } from '../../src/index.ts';
import type { TestBroker } from '../support/broker.ts';
import { until, untilAsked } from '../support/until.ts';
import { OPTIONS } from './contents.ts';

/** What the broker is started with, both times. */
export const LATER_OPTIONS: BrokerOptions = { ...OPTIONS, retained: { checkSource: true } };

const KEEPER = { user: 'keeper', password: 'k33per' };
const AUTHORIZATION = `Basic ${btoa(`${KEEPER.user}:${KEEPER.password}`)}`;
const DURABLE = { durable: true };
/** About as long as anything may wait: whoever reads it later finds that it has come. */
const LONG_MS = 4_000_000_000;
const PERSISTENT = { persistent: true };

const amqp = (broker: TestBroker): Promise<amqplib.ChannelModel> =>
  amqplib.connect(`amqp://${KEEPER.user}:${KEEPER.password}@127.0.0.1:${broker.ports.amqp}`);

async function http(broker: TestBroker, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${broker.ports.http}${path}`, {
    method,
    headers: { authorization: AUTHORIZATION, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

function device(broker: TestBroker, clientId: string, more: mqtt.IClientOptions = {}): mqtt.MqttClient {
  return mqtt.connect(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
    ...{ clientId, username: KEEPER.user, password: KEEPER.password, reconnectPeriod: 0 },
    ...{ protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 0xffff_ffff }, ...more },
  });
}

async function stomp(broker: TestBroker): Promise<Client> {
  const client = new Client({
    webSocketFactory: () => socketTo(broker.ports.stomp),
    connectHeaders: { login: KEEPER.user, passcode: KEEPER.password },
    ...{ heartbeatIncoming: 0, heartbeatOutgoing: 0, reconnectDelay: 0 },
  });
  await new Promise<void>((resolve, reject) => {
    client.onConnect = () => resolve();
    client.onStompError = (frame) => reject(new Error(frame.headers['message']));
    client.activate();
  });
  return client;
}

/** Resolves when a message has come, which is never answered. */
function unanswered(client: mqtt.MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.handleMessage = () => resolve();
  });
}

/** Beside what `fill` has made; what it was told to keep is safe when this returns. */
export async function fillLater(broker: TestBroker): Promise<void> {
  const connection = await amqp(broker);
  const channel = await connection.createConfirmChannel();
  const declare = (queue: string, args: Record<string, unknown> = {}) =>
    channel.assertQueue(queue, { ...DURABLE, arguments: args });

  // What has been and is no more.
  await channel.assertExchange('fleeting', 'topic', DURABLE);
  await declare('fleeting');
  await channel.bindQueue('fleeting', 'fleeting', 'a');
  await channel.unbindQueue('fleeting', 'fleeting', 'a');
  await channel.deleteQueue('fleeting');
  await channel.deleteExchange('fleeting');

  // Windows: ids, publishers, and one that a policy has given and taken away.
  await declare('once', { 'x-message-deduplication': true, 'x-cache-size': 100 });
  for (const id of ['first', 'first', 'second']) {
    channel.sendToQueue('once', Buffer.from(id), { ...PERSISTENT, headers: { 'x-deduplication-header': id } });
  }
  for (const number of [1, 2, 2]) {
    const headers = { 'x-publisher-name': 'counting', 'x-publishing-id': number };
    channel.sendToQueue('once', Buffer.from(`number ${number}`), { ...PERSISTENT, headers });
  }
  await declare('for a while');
  await http(broker, 'PUT', '/api/policies/%2F/window', {
    ...{ pattern: '^for a while$', 'apply-to': 'queues' },
    definition: { 'x-message-deduplication': true, 'x-cache-size': 10 },
  });
  channel.sendToQueue('for a while', Buffer.from('x'), { ...PERSISTENT, headers: { 'x-deduplication-header': 'x' } });
  await channel.waitForConfirms();
  await http(broker, 'DELETE', '/api/policies/%2F/window');

  // Order, passports, parked deliveries, and a dead letter that finds no room.
  await declare('in order', { 'x-group-by': 'customer', 'x-queue-type': 'quorum' });
  for (const [customer, text] of [...'ababc'].entries()) {
    channel.sendToQueue('in order', Buffer.from(`${text}${customer}`), { ...PERSISTENT, headers: { customer: text } });
  }
  await declare('noted', { 'x-passport': true });
  channel.sendToQueue('noted', Buffer.from('whose story is kept'), { ...PERSISTENT, messageId: 'story' });
  await declare('parking');
  channel.sendToQueue('parking', Buffer.from('parked'), PERSISTENT);
  await declare('brim', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  channel.sendToQueue('brim', Buffer.from('fills it'), PERSISTENT);
  await declare('stuck', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'brim' });
  channel.sendToQueue('stuck', Buffer.from('dies and finds no room'), PERSISTENT);
  await channel.waitForConfirms();
  channel.nack((await channel.get('noted')) as amqplib.GetMessage, false, true);
  const holder = await connection.createConfirmChannel();
  const parked = await new Promise<amqplib.ConsumeMessage>((resolve) => {
    void holder.consume('parking', (message) => resolve(message!));
  });
  holder.publish('', 'amq.delivery.defer', Buffer.alloc(0), {
    headers: {
      ...{ 'x-delivery-tag': parked.fields.deliveryTag, 'x-opt-deferral-token': 'ticket' },
      'x-opt-delivery-delay': LONG_MS,
    },
  });
  await holder.waitForConfirms();
  await holder.close();
  channel.nack((await channel.get('stuck')) as amqplib.GetMessage, false, false);
  await channel.waitForConfirms();

  // Delays: one with several keys, one that is over. A half message. Schedules.
  await declare('late');
  await declare('late too');
  channel.sendToQueue('late', Buffer.from('by two keys'), {
    ...PERSISTENT,
    headers: { 'x-opt-delivery-delay': LONG_MS, CC: ['late too'] },
  });
  channel.sendToQueue('late', Buffer.from('has come'), { ...PERSISTENT, headers: { 'x-opt-delivery-delay': 1 } });
  channel.sendToQueue('late', Buffer.from('half'), {
    ...PERSISTENT,
    headers: { 'x-half-message': 'prepare', 'x-half-id': 'h1' },
  });
  await channel.waitForConfirms();
  await untilAsked(async () => (await channel.checkQueue('late')).messageCount === 1, 'what was delayed');
  const sender = await stomp(broker);
  const sent = new Promise<void>((resolve) => sender.watchForReceipt('r', () => resolve()));
  sender.publish({
    ...{ destination: '/queue/late', body: 'every new year' },
    headers: { persistent: 'true', AMQ_SCHEDULED_CRON: '0 0 1 1 *', receipt: 'r' },
  });
  await sent;
  await sender.deactivate();

  // What operators say: a vhost of its own, limits, parameters, a paused queue, a redrive that is under way, a role.
  await http(broker, 'PUT', '/api/vhosts/made', { description: 'made while it ran', tags: 'one' });
  await http(broker, 'PUT', '/api/vhost-limits/made/max-queues', { value: 7 });
  await http(broker, 'PUT', '/api/user-limits/keeper/max-connections', { value: 77 });
  await http(broker, 'PUT', '/api/global-parameters/of-mine', { value: { a: [1, 'two'] } });
  await declare('paused');
  await http(broker, 'POST', '/v1/vhosts/%2F/queues/paused/pause');
  await declare('graveyard');
  await declare('origin', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'graveyard' });
  for (let i = 0; i < 3; i++) channel.sendToQueue('origin', Buffer.from(`dead ${i}`), PERSISTENT);
  await channel.waitForConfirms();
  for (let i = 0; i < 3; i++) channel.nack((await channel.get('origin')) as amqplib.GetMessage, false, false);
  await untilAsked(async () => (await channel.checkQueue('graveyard')).messageCount === 3, 'the dead');
  await http(broker, 'POST', '/v1/vhosts/%2F/queues/graveyard/redrives', { rate: 1, to: { queue: 'paused' } });
  const { users } = broker.broker;
  await users.change(() =>
    users.roles.putRole({
      name: 'readers',
      rules: [{ kind: 'subscribePattern', filter: 'a/#', allow: true, priority: 3 }],
    }),
  );

  // Retained messages with whose they are, one that a kept session has been given, a will that is to come, and what was sent and not answered.
  const author = device(broker, 'author');
  await author.publishAsync('signs/1', 'retained', { qos: 1, retain: true });
  await author.endAsync();
  const late = device(broker, 'late');
  const given = unanswered(late);
  await late.subscribeAsync('signs/#', { qos: 1 });
  await given;
  late.stream.destroy();
  const dying = device(broker, 'dying', {
    will: {
      topic: 'wills/1',
      payload: Buffer.from('I am gone'),
      qos: 1,
      retain: false,
      properties: { willDelayInterval: 0xffff_ffff },
    },
  });
  await dying.publishAsync('wills/0', 'here', { qos: 1 });
  dying.stream.destroy();
  const halfway = device(broker, 'halfway', { autoAssignTopicAlias: false });
  await halfway.subscribeAsync('exact/#', { qos: 2 });
  const taken = unanswered(halfway);
  const publisher = device(broker, 'exact publisher');
  await publisher.publishAsync('exact/1', 'sent, and not answered', { qos: 2 });
  await taken;
  halfway.stream.destroy();
  await publisher.endAsync();
  await until(() => broker.connections === 1, 'the others to be gone');
  await connection.close();
}

/** Texts of what waits in a queue, oldest first. */
async function textsIn(broker: TestBroker, queue: string): Promise<string[]> {
  const path = `/v1/vhosts/%2F/queues/${encodeURIComponent(queue)}/messages?limit=20`;
  const { messages } = (await http(broker, 'GET', path)) as { messages: { body: string }[] };
  return messages.map(({ body }) => body);
}

const one = async <T>(broker: TestBroker, path: string): Promise<T> => (await http(broker, 'GET', path)) as T;

/**
 * Everything that `fillLater` has kept is there, as it was. What was to come by itself may have come meanwhile.
 * @returns how many of its messages are still delayed or held
 */
export async function checkLater(broker: TestBroker): Promise<number> {
  const vhost = [...broker.broker.allVhosts].find(({ name }) => name === '/')!;
  expect(vhost.topology.queues.has('fleeting')).toBe(false);
  expect(() => vhost.topology.registry.exchange('fleeting')).toThrow('no exchange');
  expect(broker.policies('/').map(({ name }) => name)).not.toContain('window');

  const connection = await amqp(broker);
  const channel = await connection.createConfirmChannel();
  // A repeat is known; a window that was taken away knows nothing.
  const repeat = (queue: string, headers: Record<string, unknown>): void => {
    channel.sendToQueue(queue, Buffer.from('again'), { ...PERSISTENT, headers });
  };
  repeat('once', { 'x-deduplication-header': 'second' });
  repeat('once', { 'x-publisher-name': 'counting', 'x-publishing-id': 2 });
  repeat('for a while', { 'x-deduplication-header': 'x' });
  await channel.waitForConfirms();
  expect(await textsIn(broker, 'once')).toEqual(['first', 'second', 'number 1', 'number 2']);
  expect(await textsIn(broker, 'for a while')).toEqual(['x', 'again']);

  // In their order, each group's own; a story that goes on; what was parked, under its token or come back; the dead letter once there is room.
  expect(await textsIn(broker, 'in order')).toEqual(['a0', 'b1', 'a2', 'b3', 'c4']);
  const { events } = await one<{ events: { event: string }[] }>(broker, '/v1/vhosts/%2F/passport?messageId=story');
  expect(events.map(({ event }) => event)).toEqual(['published', 'delivered', 'failed']);
  const parked = await one<{ messages: { token: string }[] }>(broker, '/v1/vhosts/%2F/queues/parking/deferred');
  const back = await textsIn(broker, 'parking');
  expect([...parked.messages.map(({ token }) => token), ...back]).toEqual([back.length === 0 ? 'ticket' : 'parked']);
  expect([await textsIn(broker, 'stuck'), await textsIn(broker, 'brim')]).toEqual([[], ['fills it']]);
  await channel.purgeQueue('brim');
  await untilAsked(async () => (await textsIn(broker, 'brim')).length === 1, 'the dead letter that had no room');
  expect(await textsIn(broker, 'brim')).toEqual(['dies and finds no room']);

  const late = (await textsIn(broker, 'late')).sort();
  expect(late.filter((text) => text === 'has come')).toEqual(['has come']);
  const { schedules } = await one<{ schedules: { cron: string }[] }>(broker, '/v1/vhosts/%2F/schedules');
  expect(schedules.map(({ cron }) => cron)).toEqual(['0 0 1 1 *']);
  // Held until its publisher says how it ended, or dropped after it was asked often enough.
  const { halfMessages } = await one<{ halfMessages: { id: string }[] }>(broker, '/v1/vhosts/%2F/half-messages');
  expect(['h1', undefined]).toContain(halfMessages[0]?.id);
  expect(halfMessages.length).toBeLessThanOrEqual(1);
  const delayed = late.filter((text) => text === 'by two keys').length;
  const waiting = schedules.length + halfMessages.length + (delayed === 0 ? 1 : 0);
  // And the one of `fill`, unless it has come.
  expect([waiting, waiting + 1]).toContain(vhost.delays.size);

  expect(await one(broker, '/api/vhosts/made')).toMatchObject({ description: 'made while it ran', tags: ['one'] });
  expect(await one(broker, '/api/vhost-limits')).toEqual([{ vhost: 'made', value: { 'max-queues': 7 } }]);
  // `check` knows the permissions of what it has made alone.
  await http(broker, 'DELETE', '/api/permissions/made/keeper');
  expect(await one(broker, '/api/user-limits')).toEqual([{ user: 'keeper', value: { 'max-connections': 77 } }]);
  expect(await one(broker, '/api/global-parameters/of-mine')).toMatchObject({ value: { a: [1, 'two'] } });
  expect(await one(broker, '/v1/vhosts/%2F/queues/paused')).toMatchObject({ paused: true });
  const { redrives } = await one<{ redrives: { queue: string; state: string }[] }>(broker, '/v1/vhosts/%2F/redrives');
  expect(redrives).toMatchObject([{ queue: 'graveyard', state: expect.stringMatching(/running|done/) }]);
  await untilAsked(async () => (await textsIn(broker, 'paused')).length === 3, 'the redrive to go on');
  expect(await textsIn(broker, 'graveyard')).toEqual([]);
  expect(broker.broker.users.roles.role('readers')).toMatchObject({ rules: [{ filter: 'a/#', priority: 3 }] });
  await connection.close();

  // What is retained, and whose it is; what a kept session was given of it; what is half way goes on.
  const reader = await comeBack(broker, 'late');
  await until(() => reader.heard.length === 1, 'what is retained');
  expect(reader.heard.map(({ topic, payload }) => `${topic} ${payload}`)).toEqual(['signs/1 retained']);
  await reader.client.publishAsync('signs/1', '', { qos: 1, retain: true });
  await reader.client.endAsync();
  const halfway = await comeBack(broker, 'halfway');
  // Its client had said that it has the message, and not heard that it may let go of it.
  await until(() => halfway.packets.includes('pubrel'), 'the release of what was not answered');
  await halfway.client.endAsync();
  return waiting;
}

interface Returned {
  readonly client: mqtt.MqttClient;
  readonly heard: mqtt.IPublishPacket[];
  /** Commands of all packets. */
  readonly packets: string[];
}

/** A kept session's client, which listens before it is connected. */
async function comeBack(broker: TestBroker, clientId: string): Promise<Returned> {
  const client = device(broker, clientId);
  const heard: mqtt.IPublishPacket[] = [];
  const packets: string[] = [];
  client.on('packetreceive', ({ cmd }) => packets.push(cmd));
  client.on('message', (_topic, _body, packet) => heard.push(packet));
  const present = await new Promise<boolean>((resolve, reject) => {
    client.on('connect', ({ sessionPresent }) => resolve(sessionPresent));
    client.on('error', reject);
  });
  expect([clientId, present]).toEqual([clientId, true]);
  return { client, heard, packets };
}

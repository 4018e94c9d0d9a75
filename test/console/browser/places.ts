/**
 * Every place of the console, and a broker in which everything that has a name has a hostile one. Who adds a page, a tab or a kind of
 * stored name adds it here: `every-page.test.ts` fails for pages that are missing.
 */
import amqp, { type ChannelModel } from 'amqplib';
import mqtt, { type MqttClient } from 'mqtt';
import type { Page } from 'playwright-core';
import type { Desk } from './harness.ts';

/** What is not shown as text but taken for markup makes an image. */
export const evil = (kind: string): string => `<img src=x onerror=alert('${kind}')>`;

/** Everything lies in a vhost, belongs to a user, and is asked for by another whose names are no better. */
export const VHOST = evil('vhost');
export const ADMINISTRATOR = evil('administrator');
export const PASSWORD = 'secret';

export interface Place {
  readonly name: string;
  /** Of `pages.ts`. */
  readonly word: string;
  /** Behind `#/`. */
  readonly at: string;
  /** Which kinds of hostile names stand there, to be read. */
  readonly shows: readonly string[];
  /** What is done first: a form, a dialog. */
  readonly act?: (page: Page) => Promise<unknown>;
}

const at = (...path: readonly string[]): string => path.map(encodeURIComponent).join('/');
const query = (of: Readonly<Record<string, string>>): string => `?${new URLSearchParams(of).toString()}`;
const queue = at('queues', VHOST, evil('queue'));
const dead = evil('dead letters');

export const PLACES: readonly Place[] = [
  { name: 'overview', word: 'overview', at: '', shows: ['live queue'] },
  {
    name: 'search',
    word: 'overview',
    at: '',
    shows: ['queue', 'exchange', 'connection', 'client', 'topic', 'policy', 'vhost', 'administrator'],
    act: async (page) => {
      await page.keyboard.press('/');
      await page.getByRole('combobox', { name: /Search queues/ }).fill('img');
    },
  },
  { name: 'queues', word: 'queues', at: 'queues', shows: ['vhost', 'queue', 'dead letters', 'policy'] },
  { name: 'queue', word: 'queues', at: queue, shows: ['vhost', 'queue', 'policy', 'dead-letter exchange'] },
  {
    name: 'messages',
    word: 'queues',
    at: `${queue}?tab=messages`,
    shows: ['queue', 'body', 'header', 'value', 'message id', 'type', 'reply to', 'content type', 'key'],
    act: (page) => page.locator('tbody tr').first().getByRole('button').click(),
  },
  {
    name: 'dead message',
    word: 'queues',
    at: `${at('queues', VHOST, dead)}?tab=messages`,
    shows: ['dead letters', 'queue', 'value', 'error'],
    act: (page) => page.locator('tbody tr').first().getByRole('button').click(),
  },
  { name: 'routing', word: 'queues', at: `${queue}?tab=routing`, shows: ['exchange', 'key'] },
  { name: 'queue consumers', word: 'queues', at: `${queue}?tab=consumers`, shows: ['tag', 'user'] },
  {
    name: 'move',
    word: 'queues',
    at: `${queue}?tab=messages`,
    shows: ['queue'],
    act: async (page) => {
      await page.getByRole('checkbox', { name: 'Choose all' }).check();
      await page.getByRole('button', { name: 'Move', exact: true }).click();
    },
  },
  {
    name: 'dead letters',
    word: 'dead-letters',
    at: `dead-letters${query({ vhost: VHOST })}`,
    shows: ['dead letters', 'filter'],
  },
  {
    name: 'dead letters of a queue',
    word: 'dead-letters',
    at: at('dead-letters', VHOST, dead),
    shows: ['dead letters', 'queue', 'error', 'filter', 'administrator'],
  },
  {
    name: 'route',
    word: 'trace',
    at: `${at('trace', VHOST)}${query({ protocol: 'amqp', address: evil('exchange'), key: evil('key') })}`,
    shows: ['exchange', 'key', 'queue'],
  },
  {
    name: 'passport',
    word: 'trace',
    at: `${at('trace', VHOST)}${query({ tab: 'passport', id: evil('message id') })}`,
    shows: ['message id', 'queue', 'user'],
  },
  {
    name: 'dropped',
    word: 'trace',
    at: `${at('trace', VHOST)}?tab=dropped`,
    shows: ['lost exchange', 'lost key', 'user'],
  },
  { name: 'tail', word: 'tail', at: 'tail', shows: [] },
  {
    name: 'tail of an exchange',
    word: 'tail',
    at: `${at('tail', VHOST)}${query({ kind: 'exchange', name: evil('exchange'), key: '#' })}`,
    shows: ['exchange', 'live key', 'live body'],
  },
  { name: 'exchanges', word: 'exchanges', at: 'exchanges', shows: ['vhost', 'exchange'] },
  {
    name: 'exchange',
    word: 'exchanges',
    at: at('exchanges', VHOST, evil('exchange')),
    shows: ['vhost', 'exchange', 'queue', 'key'],
  },
  { name: 'connections', word: 'connections', at: 'connections', shows: ['vhost', 'user', 'connection'] },
  {
    name: 'connection',
    word: 'connections',
    at: 'connections',
    shows: ['connection', 'product', 'user', 'vhost'],
    act: (page) =>
      page
        .getByRole('row', { name: evil('connection') })
        .getByRole('link')
        .click(),
  },
  { name: 'consumers', word: 'consumers', at: 'consumers', shows: ['queue', 'tag', 'user', 'vhost'] },
  { name: 'sessions', word: 'sessions', at: `sessions${query({ vhost: VHOST })}`, shows: ['client', 'user'] },
  {
    name: 'session',
    word: 'sessions',
    at: at('sessions', VHOST, 'mqtt', evil('client')),
    shows: ['client', 'user', 'filter of topics'],
  },
  { name: 'retained messages', word: 'retained', at: `retained${query({ vhost: VHOST })}`, shows: ['topic'] },
  {
    name: 'retained message',
    word: 'retained',
    at: `retained${query({ vhost: VHOST })}`,
    shows: ['topic', 'retained body', 'content type'],
    act: (page) => page.getByRole('link', { name: evil('topic') }).click(),
  },
  { name: 'topology', word: 'topology', at: at('topology', VHOST), shows: ['vhost', 'exchange'] },
  {
    name: 'topology of an exchange',
    word: 'topology',
    at: at('topology', VHOST, 'exchange', evil('exchange')),
    shows: ['exchange', 'queue', 'key', 'vhost'],
  },
  {
    name: 'topology of a queue',
    word: 'topology',
    at: at('topology', VHOST, 'queue', evil('queue')),
    shows: ['exchange', 'queue', 'tag'],
  },
  {
    name: 'topics',
    word: 'topics',
    at: `topics${query({ vhost: VHOST })}`,
    shows: ['topic', 'retained body'],
    act: (page) => page.getByText('1 topics, ').last().click(),
  },
  {
    name: 'try',
    word: 'try',
    at: 'try',
    shows: ['typed'],
    act: (page) => page.getByLabel('Topic or filter').fill(evil('typed')),
  },
  { name: 'users', word: 'users', at: 'users', shows: ['user', 'administrator'] },
  {
    name: 'user',
    word: 'users',
    at: at('users', evil('user')),
    shows: ['user', 'vhost', 'pattern', 'topic exchange', 'topic pattern'],
  },
  {
    name: 'may it',
    word: 'users',
    at: at('users', evil('user')),
    shows: ['user'],
    act: async (page) => {
      const form = page.locator('section', { has: page.getByRole('heading', { name: 'May it, and why not' }) });
      await form.getByLabel('Name').fill(evil('queue'));
      await form.getByRole('button', { name: 'Ask' }).click();
      await form.getByText(/^(allowed|refused)$/).waitFor();
    },
  },
  {
    name: 'delete user',
    word: 'users',
    at: at('users', evil('user')),
    shows: ['user'],
    act: (page) => page.getByRole('button', { name: 'Delete', exact: true }).click(),
  },
  { name: 'vhosts', word: 'vhosts', at: 'vhosts', shows: ['vhost'] },
  { name: 'vhost', word: 'vhosts', at: at('vhosts', VHOST), shows: ['vhost'] },
  {
    name: 'policies',
    word: 'policies',
    at: `policies${query({ vhost: VHOST })}`,
    shows: ['policy', 'dead-letter exchange'],
  },
  {
    name: 'delete policy',
    word: 'policies',
    at: `policies${query({ vhost: VHOST })}`,
    shows: ['policy', 'queue'],
    act: (page) => page.getByRole('button', { name: 'Delete' }).first().click(),
  },
  {
    name: 'definitions',
    word: 'definitions',
    at: 'definitions',
    shows: ['imported', 'nowhere'],
    act: (page) =>
      page.getByLabel(/A file of definitions/).setInputFiles({
        name: 'definitions.json',
        mimeType: 'application/json',
        buffer: Buffer.from(
          JSON.stringify({
            queues: [{ name: evil('imported'), vhost: evil('nowhere'), durable: true, arguments: {} }],
          }),
        ),
      }),
  },
  { name: 'listeners', word: 'listeners', at: 'listeners', shows: [] },
  { name: 'audit log', word: 'audit', at: 'audit', shows: ['vhost', 'user', 'policy', 'pattern', 'dead letters'] },
];

export interface World {
  /** Publishes what is shown live, once. */
  breathe(): Promise<unknown>;
  close(): Promise<void>;
}

/** Makes one of everything that can have a name, with clients that stay. */
export async function hostileWorld(desk: Desk): Promise<World> {
  const vhost = encodeURIComponent(VHOST);
  await desk.api('PUT', `/api/vhosts/${vhost}`, {});
  for (const [name, tags] of [
    [ADMINISTRATOR, 'administrator'],
    [evil('user'), 'management'],
  ] as const) {
    await desk.api('PUT', `/api/users/${encodeURIComponent(name)}`, { password: PASSWORD, tags });
    const pattern = name === ADMINISTRATOR ? '' : `|${evil('pattern')}`;
    await desk.api('PUT', `/api/permissions/${vhost}/${encodeURIComponent(name)}`, {
      ...{ configure: `.*${pattern}`, write: `.*${pattern}`, read: `.*${pattern}` },
    });
  }
  await desk.api('PUT', `/api/permissions/${vhost}/guest`, { configure: '.*', write: '.*', read: '.*' });
  await desk.api('PUT', `/api/topic-permissions/${vhost}/${encodeURIComponent(evil('user'))}`, {
    ...{ exchange: evil('topic exchange'), write: `.*|${evil('topic pattern')}`, read: '.*' },
  });
  await desk.api('PUT', `/api/policies/${vhost}/${encodeURIComponent(evil('policy'))}`, {
    pattern: '^<img',
    'apply-to': 'queues',
    definition: { passport: true, 'dead-letter-exchange': evil('dead-letter exchange') },
  });
  const client = await amqp.connect(
    {
      ...{ protocol: 'amqp', hostname: '127.0.0.1', port: desk.broker.amqpPort, vhost: VHOST },
      ...{ username: evil('user'), password: PASSWORD },
    },
    { clientProperties: { connection_name: evil('connection'), product: evil('product') } },
  );
  const sensor = await everythingElse(desk, client);
  return {
    breathe: async () => {
      const channel = await client.createConfirmChannel();
      channel.publish(evil('exchange'), evil('live key'), Buffer.from(evil('live body')));
      await channel.waitForConfirms();
      await channel.assertQueue(evil('live queue'));
      await channel.deleteQueue(evil('live queue'));
      await channel.close();
    },
    async close() {
      await sensor.endAsync(true);
      await client.close();
    },
  };
}

/** Exchanges, queues, messages, dead letters, a redrive, and MQTT's topics, session and retained message. */
async function everythingElse(desk: Desk, client: ChannelModel): Promise<MqttClient> {
  const channel = await client.createConfirmChannel();
  await channel.assertExchange(evil('exchange'), 'topic');
  await channel.assertExchange(evil('dead-letter exchange'), 'fanout');
  await channel.assertExchange(evil('lost exchange'), 'fanout');
  await channel.assertQueue(dead);
  await channel.bindQueue(dead, evil('dead-letter exchange'), '');
  await channel.assertQueue(evil('queue'));
  await channel.bindQueue(evil('queue'), evil('exchange'), evil('key'));
  channel.publish(evil('lost exchange'), evil('lost key'), Buffer.from('x'));
  const publish = (): boolean =>
    channel.publish(evil('exchange'), evil('key'), Buffer.from(JSON.stringify({ [evil('member')]: evil('body') })), {
      ...{ persistent: true, messageId: evil('message id'), type: evil('type'), replyTo: evil('reply to') },
      ...{ contentType: evil('content type'), headers: { [evil('header')]: evil('value'), error: evil('error') } },
    });
  publish();
  await channel.waitForConfirms();
  const got = await channel.get(evil('queue'));
  if (got === false) throw new Error('nothing came');
  channel.nack(got, false, false);
  publish();
  publish();
  await channel.waitForConfirms();
  await channel.prefetch(1);
  await channel.consume(evil('queue'), () => {}, { consumerTag: evil('tag') });
  // Of those that are in it none is like that: it stays as it is, and the redrive in the list.
  await desk.api('POST', `/v1/vhosts/${encodeURIComponent(VHOST)}/queues/${encodeURIComponent(dead)}/redrives`, {
    ...{ to: 'origin', text: evil('filter') },
  });
  const sensor = await mqtt.connectAsync(desk.mqttUrl, {
    ...{ username: `${VHOST}:${evil('user')}`, password: PASSWORD, clientId: evil('client'), clean: false },
    ...{ protocolVersion: 5, properties: { sessionExpiryInterval: 3_600 } },
  });
  await sensor.subscribeAsync(evil('filter of topics'), { qos: 1 });
  await sensor.publishAsync(evil('topic'), evil('retained body'), {
    ...{ qos: 1, retain: true, properties: { contentType: evil('content type') } },
  });
  return sensor;
}

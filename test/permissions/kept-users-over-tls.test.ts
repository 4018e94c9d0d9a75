/** What is taken away of the broker's own users ends for those that are connected: over TLS, with the clients that people use. */
import { readFileSync } from 'node:fs';
import amqp, { type ChannelModel } from 'amqplib';
import mqtt, { type IDisconnectPacket, type MqttClient } from 'mqtt';
import stompit from 'stompit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { Authority, type Issued, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';
import { ALL } from './harness.ts';

describe.skipIf(OPENSSL === undefined)("the broker's own users, over TLS", () => {
  const directory = temporaryDirectory();
  let server: Issued;
  let ca: Buffer;
  let broker: RunningBroker;
  /** What ends the clients of one test. */
  const ends: (() => unknown)[] = [];

  beforeAll(() => {
    const authority = new Authority(directory.path, 'authority');
    server = authority.issue('localhost', { dns: ['localhost'] });
    ca = readFileSync(authority.certificate);
  });
  afterAll(() => directory.remove());

  beforeEach(async () => {
    const listen = ['amqps', 'mqtts', 'stomps'].map((name) => `${name}://localhost:0`);
    broker = await createBroker({ listen, tls: server });
    for (const user of ['u', 'v']) {
      await broker.users.put(user, { password: 'p' });
      await broker.users.setPermissions(user, '/', ALL);
    }
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await broker.close();
  });

  async function overAmqp(user: string): Promise<ChannelModel> {
    const connection = await amqp.connect(`amqps://${user}:p@localhost:${broker.port('amqps')}`, { ca: [ca] });
    connection.on('error', () => {});
    ends.push(() => connection.close());
    return connection;
  }

  async function overMqtt(username: string): Promise<MqttClient> {
    const url = `mqtts://localhost:${broker.port('mqtts')}`;
    const login = { username, password: 'p', clientId: username };
    const client = await mqtt.connectAsync(url, { ...login, protocolVersion: 5, ca, reconnectPeriod: 0 });
    client.on('error', () => {});
    ends.push(() => client.endAsync(true));
    return client;
  }

  function overStomp(login: string): Promise<stompit.Client> {
    const to = { host: 'localhost', port: broker.port('stomps'), ssl: true, ca };
    return new Promise((resolve, reject) => {
      stompit.connect({ ...to, connectHeaders: { login, passcode: 'p', host: '/' } } as never, (error, client) => {
        if (error) return reject(error);
        ends.push(() => client.destroy());
        resolve(client);
      });
    });
  }

  it('who may not read any more hears so in each protocol, and another user goes on', async () => {
    const heard = { cancelled: [] as string[], disconnected: [] as number[], errors: [] as string[] };
    const received: string[] = [];
    for (const user of ['u', 'v']) {
      const channel = await (await overAmqp(user)).createChannel();
      await channel.assertQueue(`of ${user}`);
      await channel.consume(`of ${user}`, (message) => {
        if (message === null) heard.cancelled.push(user);
        else received.push(`${user} amqp`);
      });
      const client = await overMqtt(user);
      client.on('disconnect', (packet: IDisconnectPacket) => heard.disconnected.push(packet.reasonCode ?? 0));
      client.on('message', () => received.push(`${user} mqtt`));
      await client.subscribeAsync('news', { qos: 1 });
      const stomp = await overStomp(user);
      stomp.on('error', (error: Error) => heard.errors.push(error.message));
      let subscribed = false;
      stomp.subscribe({ destination: '/topic/news', ack: 'auto' }, (error, message) => {
        if (error) return;
        received.push(`${user} stomp`);
        message!.readString('utf8', () => {});
      });
      // The receipt of what is sent after SUBSCRIBE says that it has been dealt with.
      stomp.send({ destination: '/topic/other' }, { onReceipt: () => (subscribed = true) }).end('');
      await until(() => subscribed, 'the receipt');
    }
    await broker.users.setPermissions('u', '/', { ...ALL, read: '' });
    await until(
      () => heard.cancelled.length + heard.disconnected.length + heard.errors.length === 3,
      'the three words',
    );
    expect(heard).toEqual({ cancelled: ['u'], disconnected: [0x87], errors: [expect.any(String)] });

    const channel = await (await overAmqp('v')).createConfirmChannel();
    channel.publish('amq.topic', 'news', Buffer.from('x'));
    for (const user of ['u', 'v']) channel.sendToQueue(`of ${user}`, Buffer.from('x'));
    await channel.waitForConfirms();
    await until(() => received.length >= 3, 'the messages');
    expect(received.sort()).toEqual(['v amqp', 'v mqtt', 'v stomp']);
  });

  it('who may not write any more is refused the next message in each protocol, after many that were taken', async () => {
    const watcher = await (await overAmqp('v')).createConfirmChannel();
    await watcher.assertQueue('all');
    await watcher.bindQueue('all', 'amq.topic', '#');
    const publisher = await (await overAmqp('u')).createConfirmChannel();
    const closed: unknown[] = [];
    publisher.on('error', (error) => closed.push(error));
    const client = await overMqtt('u');
    const stomp = await overStomp('u');
    const errors: string[] = [];
    stomp.on('error', (error: Error) => errors.push(error.message));
    let receipts = 0;
    const send = (): void => {
      publisher.publish('amq.topic', 'news', Buffer.from('x'));
      stomp.send({ destination: '/topic/news' }, { onReceipt: () => receipts++ }).end('x');
    };
    for (let i = 0; i < 10; i++) {
      send();
      await client.publishAsync('news', 'x', { qos: 1 });
    }
    await publisher.waitForConfirms();
    await until(() => receipts === 10, 'the receipts');
    expect((await watcher.purgeQueue('all')).messageCount).toBe(30);

    await broker.users.setPermissions('u', '/', { ...ALL, write: '' });
    send();
    await expect(client.publishAsync('news', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
    await until(() => closed.length > 0 && errors.length > 0, 'the refusals');
    expect(closed).toEqual([expect.objectContaining({ code: 403 })]);
    expect((await watcher.purgeQueue('all')).messageCount).toBe(0);
  });
});

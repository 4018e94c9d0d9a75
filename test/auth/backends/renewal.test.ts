/** A token ends the connection when its time is over, in each protocol's own form, unless it is renewed before. */
import { connect, type Socket } from 'node:net';
import amqplib, { type ChannelModel } from 'amqplib';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBroker, ManualClock, type RunningBroker } from '../../../src/index.ts';
import { RawClient as RedisClient } from '../../protocols/redis/raw-client.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { until } from '../../support/until.ts';
import { issuer, jwtBackend } from './harness.ts';
import { stompWire } from './stomp-wire.ts';

const NOW_S = 1_700_000_000;
const issuing = issuer();
const ALL = 'rabbitmq.configure:*/* rabbitmq.write:*/*/* rabbitmq.read:*/*/*';

let directory: ReturnType<typeof temporaryDirectory>;
let clock: ManualClock;
let running: RunningBroker;

beforeEach(async () => {
  directory = temporaryDirectory();
  clock = new ManualClock(NOW_S * 1_000);
  running = await createBroker({
    clock,
    listen: ['amqp', 'mqtt', 'stomp', 'redis'].map((name) => `${name}://127.0.0.1:0`),
    auth: { backends: ['internal', jwtBackend(issuing, directory.path, { leeway: 0 })] },
  });
});
afterEach(async () => {
  await running.close();
  directory.remove();
});

const token = (inS: number, scope = ALL, more: object = {}): Promise<string> =>
  issuing.token({ exp: NOW_S + inS, scope, ...more });

/** A connection of AMQP, and with what it was closed. */
async function amqp(password: string): Promise<{ connection: ChannelModel; closed: () => string }> {
  const credentials = amqplib.credentials.plain('anybody', password);
  const connection = await amqplib.connect(
    { hostname: '127.0.0.1', port: running.port('amqp'), heartbeat: 0 },
    { credentials },
  );
  let closed = '';
  connection.on('error', (error: Error) => {
    closed = error.message;
  });
  return { connection, closed: () => closed };
}

/** A client of MQTT 5 that writes packets as they are. */
async function mqtt5(connectProperties: object, more: object = {}) {
  const socket: Socket = connect(running.port('mqtt'), '127.0.0.1');
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  parser.on('packet', (packet) => packets.push(packet));
  let ended = false;
  socket.on('data', (chunk) => parser.parse(chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  const send = (packet: object): void => {
    socket.write(mqttPacket.generate(packet as Packet, { protocolVersion: 5 }));
  };
  send({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 },
    ...{ properties: connectProperties, ...more },
  });
  return {
    send,
    ended: () => ended,
    close: () => socket.destroy(),
    async next(): Promise<Packet & { reasonCode?: number; properties?: Record<string, unknown> }> {
      await until(() => packets.length > 0, 'a packet');
      return packets.shift()!;
    },
  };
}

describe('a token whose time is over ends', () => {
  it('a connection of AMQP with connection.close', async () => {
    const { connection, closed } = await amqp(await token(60));
    const channel = await connection.createChannel();
    await channel.assertQueue('q');
    clock.advance(59_000);
    await channel.checkQueue('q');
    clock.advance(1_100);
    await until(() => closed() !== '');
    expect(closed()).toContain('NOT_ALLOWED - what it has logged in with has expired');
  });

  it('one of MQTT 5 with DISCONNECT 0x87', async () => {
    const client = await mqtt5({}, { username: 'x', password: Buffer.from(await token(60)) });
    expect(await client.next()).toMatchObject({ cmd: 'connack', reasonCode: 0 });
    clock.advance(60_100);
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x87 });
    await until(client.ended);
  });

  it('one of STOMP with ERROR', async () => {
    const client = await stompWire(running.port('stomp'), { login: 'x', passcode: await token(60) });
    expect(await client.frame()).toMatch(/^CONNECTED/);
    clock.advance(60_100);
    expect(await client.frame()).toMatch(/^ERROR\nmessage:Authentication expired/);
    await until(() => client.ended);
  });
});

describe('a new token', () => {
  it('of AMQP (update-secret) goes on, with its own rights at once', async () => {
    const { connection, closed } = await amqp(await token(60));
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await channel.assertQueue('q');
    let cancelled = false;
    await channel.consume('q', (message) => {
      if (message === null) cancelled = true;
    });
    await connection.updateSecret(Buffer.from(await token(120)), 'it is time');
    clock.advance(61_000);
    await channel.checkQueue('q');
    expect([closed(), cancelled]).toEqual(['', false]);
    // It may only write from now on: what it consumes ends.
    await connection.updateSecret(Buffer.from(await token(180, 'rabbitmq.write:*/*')), 'poorer');
    await until(() => cancelled);
    await expect(channel.assertQueue('other')).rejects.toThrow('ACCESS_REFUSED');
    clock.advance(130_000);
    await until(() => closed() !== '');
  });

  it.each([
    ['of another user', () => token(120, ALL, { sub: 'other' })],
    ['that is not good', () => token(120, ALL, { aud: 'other' })],
    ['that has expired', () => token(-10)],
  ])('%s ends the connection of AMQP', async (_what, make) => {
    const { connection, closed } = await amqp(await token(60));
    connection.updateSecret(Buffer.from(await make()), 'why not').catch(() => {});
    await until(() => closed() !== '');
    expect(closed()).toContain('NOT_ALLOWED - New secret was refused by one of the backends');
  });

  it('of MQTT 5 (AUTH) goes on', async () => {
    const method = { authenticationMethod: 'OAUTH2-JWT' };
    const client = await mqtt5({ ...method, authenticationData: Buffer.from(await token(60)) });
    expect(await client.next()).toMatchObject({ cmd: 'connack', reasonCode: 0, properties: method });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
    expect(await client.next()).toMatchObject({ cmd: 'suback', granted: [0] });
    const renew = async (next: string): Promise<void> =>
      client.send({ cmd: 'auth', reasonCode: 0x19, properties: { ...method, authenticationData: Buffer.from(next) } });
    await renew(await token(120));
    expect(await client.next()).toMatchObject({ cmd: 'auth', reasonCode: 0 });
    clock.advance(61_000);
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    await renew(await token(120, ALL, { sub: 'other' }));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x87 });
    await until(client.ended);
  });

  it('that is not good does not let a client of MQTT 5 in', async () => {
    const method = { authenticationMethod: 'OAUTH2-JWT' };
    const client = await mqtt5({ ...method, authenticationData: Buffer.from(await token(-60)) });
    expect(await client.next()).toMatchObject({ cmd: 'connack', reasonCode: 0x86 });
  });

  it('of STOMP (UPDATE-SECRET) goes on, and one that is refused ends', async () => {
    const client = await stompWire(running.port('stomp'), { login: 'x', passcode: await token(60) });
    expect(await client.frame()).toMatch(/^CONNECTED/);
    client.send('UPDATE-SECRET', { passcode: await token(120), receipt: 'r' });
    client.send('SEND', { destination: '/queue/q', receipt: 's' });
    expect(await client.frame()).toContain('receipt-id:r');
    expect(await client.frame()).toContain('receipt-id:s');
    clock.advance(61_000);
    client.send('SEND', { destination: '/queue/q', receipt: 't' });
    expect(await client.frame()).toContain('receipt-id:t');
    client.send('UPDATE-SECRET', { receipt: 'u' });
    expect(await client.frame()).toMatch(/^ERROR[\s\S]*must have a 'passcode'/);
    const second = await stompWire(running.port('stomp'), { login: 'x', passcode: await token(120) });
    expect(await second.frame()).toMatch(/^CONNECTED/);
    second.send('UPDATE-SECRET', { passcode: 'no token', receipt: 'v' });
    const error = await second.frame();
    expect(error).toMatch(/^ERROR\nmessage:Secret refused/);
    expect(error).toContain('receipt-id:v');
    await until(() => second.ended);
  });
});

describe('AUTH of a Redis client that came with a token', () => {
  const WRONG = { text: expect.stringMatching(/^WRONGPASS/) };
  const subscribed = async (version: '2' | '3', inS = 60): Promise<RedisClient> => {
    const client = await RedisClient.open(running.port('redis'));
    client.send('HELLO', version);
    await client.next();
    expect(await client.call('AUTH', 'x', await token(inS))).toBe('OK');
    expect(await client.call('SUBSCRIBE', 'c')).toEqual(['subscribe', 'c', 1]);
    return client;
  };
  const publish = async (text: string): Promise<number> => {
    const client = await RedisClient.open(running.port('redis'));
    expect(await client.call('AUTH', 'x', await token(10_000))).toBe('OK');
    return (await client.call('PUBLISH', 'c', text)) as number;
  };

  it.each(['2', '3'] as const)(
    'goes on with its subscriptions in RESP%s, and ends when nothing renews it',
    async (v) => {
      const client = await subscribed(v);
      expect(await client.call('AUTH', 'x', await token(120))).toBe('OK');
      clock.advance(61_000);
      expect(await publish('still there')).toBe(1);
      expect(await client.next()).toEqual(['message', 'c', 'still there']);
      clock.advance(60_000);
      await client.closed();
    },
  );

  it.each([
    ['is not good', () => token(120, ALL, { aud: 'other' })],
    ['has expired', () => token(-10)],
    ['is no token', async () => 'nothing'],
  ])('with one that %s is refused, and it stays for as long as it had', async (_what, make) => {
    const client = await subscribed('3');
    expect(await client.call('AUTH', 'x', await make())).toMatchObject(WRONG);
    clock.advance(50_000);
    expect(await publish('there')).toBe(1);
    clock.advance(11_000);
    await client.closed();
  });

  it('as another user is refused: who subscribes stays who it is', async () => {
    const client = await subscribed('3');
    const other = await token(120, ALL, { sub: 'other' });
    expect(await client.call('AUTH', 'x', other)).toMatchObject({ text: expect.stringMatching(/^NOPERM/) });
    expect(await publish('there')).toBe(1);
  });

  it('changes what it may do: what it may not read any more is over', async () => {
    const client = await subscribed('3');
    client.send('AUTH', 'x', await token(120, 'rabbitmq.write:*/*/*'));
    await client.closed();
    expect(await publish('nobody')).toBe(0);
  });

  it('is refused to a subscriber whose login holds for ever', async () => {
    await running.users.put('ann', { password: 'p' });
    await running.users.setPermissions('ann', '/', { configure: '.*', write: '.*', read: '.*' });
    const client = await RedisClient.open(running.port('redis'));
    client.send('HELLO', '3', 'AUTH', 'ann', 'p');
    expect(await client.next()).toBeInstanceOf(Map);
    await client.call('SUBSCRIBE', 'c');
    for (const password of ['wrong', 'p']) {
      const refused = { text: expect.stringContaining('RESET first') };
      expect(await client.call('AUTH', 'ann', password)).toMatchObject(refused);
    }
  });
});

describe('a will that waits', () => {
  it('is published for a user of whom only the token was known', async () => {
    const { connection } = await amqp(await token(3_600));
    const channel = await connection.createChannel();
    await channel.assertQueue('wills');
    await channel.bindQueue('wills', 'amq.topic', 'gone');
    const got: string[] = [];
    await channel.consume('wills', (message) => got.push(String(message?.content)));
    const client = await mqtt5(
      { sessionExpiryInterval: 100 },
      {
        username: 'x',
        password: Buffer.from(await token(3_600)),
        will: { topic: 'gone', payload: Buffer.from('w'), qos: 1, properties: { willDelayInterval: 5 } },
      },
    );
    expect(await client.next()).toMatchObject({ cmd: 'connack', reasonCode: 0 });
    client.close();
    await until(() => running.connections === 1);
    clock.advance(6_000);
    await until(() => got.length === 1);
    await connection.close();
  });
});

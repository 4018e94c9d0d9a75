/** Limits on who comes in: connections, how fast they come, and sessions that outlive them; of listeners, vhosts and users. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock } from '../../../src/clock/clock.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { until } from '../../support/until.ts';
import { LimitedBroker, MQTT_5, STOMP, USERS } from './harness.ts';

let limited: LimitedBroker;
beforeEach(() => {
  limited = new LimitedBroker();
});
afterEach(() => limited.close());

describe('a listener', () => {
  const listen = (limits: string) => ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', `mqtt+stomp://127.0.0.1:0?${limits}`];

  it('with as many connections as it may have turns one more away at the door, and others are as they were', async () => {
    await limited.start({ listen: listen('max_connections=2') });
    const first = await limited.mqtt();
    const second = await limited.mqtt();
    const port = limited.broker.port('mqtt');
    expect(await limited.said(port, STOMP)).toBe('');
    expect(await limited.refused('listener_connections')).toBe(1);
    expect(await limited.refused('listener_connections', 'mqtt+stomp')).toBe(1);
    await limited.amqp();
    await second.endAsync();
    await until(() => limited.broker.connections === 2);
    const third = await limited.mqtt();
    expect([first.connected, third.connected]).toEqual([true, true]);
  });

  it('counts both addresses of localhost together', async () => {
    await limited.start({ listen: ['http://127.0.0.1:0', 'mqtt://localhost:0?connections=1'] });
    const addresses = limited.broker.listeners.find(({ name }) => name === 'mqtt')!.addresses;
    const socket = await limited.said(limited.broker.port('mqtt'), MQTT_5, (text) => text.length > 2);
    expect(socket.charCodeAt(0)).toBe(0x20);
    for (const { port } of addresses) expect(await limited.said(port, MQTT_5)).toBe('');
  });

  it('for WebSocket answers with 503 what is too much, and gives a place back once', async () => {
    await limited.start({ listen: ['http://127.0.0.1:0', 'ws://127.0.0.1:0?connections=1'] });
    const open = (): Promise<WebSocket | string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${limited.broker.port('ws')}/mqtt`, 'mqtt');
        socket.on('open', () => resolve(socket));
        socket.on('error', ({ message }) => resolve(message));
      });
    for (let i = 0; i < 2; i++) {
      const one = await open();
      expect(one).toBeInstanceOf(WebSocket);
      expect(await open()).toContain('503');
      (one as WebSocket).terminate();
      await until(() => limited.broker.connections === 0);
    }
  });

  it('with as many in a second as may come turns one more away, until a second has gone by', async () => {
    const clock = new ManualClock();
    await limited.start({ clock, listen: listen('max_conn_rate=2') });
    await limited.mqtt();
    await limited.mqtt();
    expect(await limited.said(limited.broker.port('mqtt'), MQTT_5)).toBe('');
    expect(await limited.refused('listener_connection_rate')).toBe(1);
    await limited.amqp();
    clock.advance(500);
    await limited.mqtt();
    expect(await limited.said(limited.broker.port('mqtt'), MQTT_5)).toBe('');
  });

  it.each([
    ['connections=x', "connections must be a whole number from 0 to 1000000, not 'x'"],
    ['publishSize=10', 'publishSize needs a unit: write "10 MiB" or "10 KiB", not \'10\''],
    ['sessions=1', "there is no setting 'sessions'"],
    ['conections=1', "there is no setting 'conections'; did you mean connections?"],
  ])('says what is wrong with ?%s', async (limits, text) => {
    await limited.start();
    await expect(new LimitedBroker().start({ listen: `mqtt://127.0.0.1:0?${limits}` })).rejects.toThrow(text);
  });
});

describe('so many connections a second', () => {
  it.each([
    ['a vhost', { vhosts: { '/': { limits: { connectionRate: 1 } } } }, 'vhost_connection_rate', /vhost '\/' refused/],
    [
      'a user',
      { limits: { userConnectionRate: 1 } },
      'user_connection_rate',
      /user connection rate limit \(1 a second\)/,
    ],
  ] as const)(
    'of %s: one more is refused in the form of each protocol, and counted by protocol',
    async (_, limits, name, text) => {
      const clock = new ManualClock();
      await limited.start({ clock, ...limits });
      const user = { username: 'guest', password: 'guest' };
      await limited.mqtt(user);
      const { amqp, stomp, redis } = await limited.refusals();
      expect(amqp).toMatch(/NOT_ALLOWED/);
      for (const said of [amqp, redis]) expect(said).toMatch(text);
      expect(await limited.refused(name, 'amqp')).toBe(1);
      if (name === 'vhost_connection_rate') {
        const { mqtt3, mqtt5 } = await limited.refusals();
        expect([mqtt3, mqtt5]).toEqual([3, 0x9f]);
        expect(stomp).toMatch(/^ERROR[\s\S]*connection rate limit \(1 a second\) is reached/);
        expect(await limited.refused(name, 'mqtt')).toBe(4);
        expect(await limited.refused(name)).toBe(10);
      }
      clock.advance(1_000);
      await limited.mqtt(user);
    },
  );
});

describe('sessions that outlive their connections', () => {
  const kept = (clientId: string, username: string, more: object = {}) => ({
    ...{ clientId, username, password: username, clean: false, properties: { sessionExpiryInterval: 1_000 } },
    ...more,
  });
  const opens = (...options: Parameters<LimitedBroker['mqtt']>): Promise<unknown> =>
    limited.mqtt(...options).then(
      () => 'open',
      (error: { code?: number }) => error.code,
    );

  it('of a vhost and of a user: one more is refused, whose own it is goes on, and one that ends makes room', async () => {
    const directory = temporaryDirectory();
    const options = {
      ...USERS,
      data: directory.path,
      vhosts: { '/': { limits: { sessions: 3 } } },
      limits: { users: { a: { sessions: 1 } } },
    };
    await limited.start(options);
    const first = await limited.mqtt(kept('1', 'a'));
    expect(await opens(kept('2', 'a'))).toBe(0x97);
    expect(await opens(kept('2', 'a', { protocolVersion: 4, properties: undefined }))).toBe(3);
    // One that ends with its connection is none of them.
    expect(await opens(kept('2', 'a', { clean: true, properties: {} }))).toBe('open');
    expect(await limited.refused('user_sessions', 'mqtt')).toBe(2);
    await limited.mqtt(kept('3', 'b'));
    await limited.mqtt(kept('4', 'b'));
    expect(await opens(kept('5', 'b'))).toBe(0x97);
    expect(await limited.refused('vhost_sessions')).toBe(1);
    await first.endAsync();
    // They are counted after a start as before.
    await limited.close();
    limited = new LimitedBroker();
    await limited.start(options);
    expect(await opens(kept('5', 'b'))).toBe(0x97);
    expect(await opens(kept('2', 'a'))).toBe(0x97);
    const again = await limited.mqtt(kept('1', 'a'));
    await again.endAsync(false, { properties: { sessionExpiryInterval: 0 } });
    expect(await opens(kept('2', 'a'))).toBe('open');
    await limited.close();
    directory.remove();
    limited = new LimitedBroker();
    await limited.start();
  });
});

describe('who takes its own session over', () => {
  it('is let in where there are as many connections as there may be, and nobody else is', async () => {
    await limited.start({ ...USERS, limits: { userConnections: 1 } });
    const options = { clientId: 'x', username: 'a', password: 'a' };
    const first = await limited.mqtt(options);
    const gone = new Promise<void>((resolve) => first.once('close', () => resolve()));
    const second = await limited.mqtt(options);
    await gone;
    expect(second.connected).toBe(true);
    const refused = { ...options, clientId: 'y' };
    await expect(limited.mqtt(refused)).rejects.toMatchObject({ code: 0x97 });
    // By the same name another user has another session, and a limit of its own.
    await limited.mqtt({ ...options, username: 'b', password: 'b' });
    await until(() => !second.connected);
    expect(await limited.refused('user_connections')).toBe(1);
  });

  it('is refused where nobody may come in at all', async () => {
    await limited.start({ ...USERS });
    const options = { clientId: 'x', username: 'a', password: 'a' };
    await limited.mqtt(options);
    limited.broker.setLimits({ limits: { users: { a: { connections: 0 } } } });
    await expect(limited.mqtt(options)).rejects.toMatchObject({ code: 0x97 });
  });
});

it('-1 is any number, as in RabbitMQ, also for a user where all others have a limit', async () => {
  await limited.start({
    vhosts: { '/': { limits: { 'max-connections': -1, 'max-queues': -1 } as object } },
    limits: { userConnections: 1, userChannels: 1, users: { guest: { connections: -1, channels: -1 } } },
  });
  for (let i = 0; i < 3; i++) {
    const client = await limited.amqp();
    await client.createChannel();
    await (await client.createChannel()).assertQueue(`q${i}`);
  }
});

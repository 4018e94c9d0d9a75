/** The same users in every protocol, with real clients: who is let in, who is refused, and in which words. */
import amqplib from 'amqplib';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import stompit from 'stompit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const SHA512_OF_TEST12 = 'kI3GChuNuIYf8lRbCCxZjgjKwsY19ns6+uFO0zcXRBGA/XGJPYD8OWMy7EB8TaOmAzjP2azv84GbINYwX2cDWb4DHnc=';

let broker: TestBroker;
beforeAll(async () => {
  const listen = ['amqp', 'mqtt', 'stomp', 'redis'].map((name) => `${name}://127.0.0.1:0`);
  const users = { configured: { password: 'pass word, ü', permissions: { '/': ALL } } };
  broker = await startTestBroker({ listen, users });
  await broker.users.put('kept', { password: 'sekret' });
  await broker.users.put('imported', {
    passwordHash: SHA512_OF_TEST12,
    hashingAlgorithm: 'rabbit_password_hashing_sha512',
  });
  await broker.users.put('without', {});
  for (const user of ['kept', 'imported', 'without']) await broker.users.setPermissions(user, '/', ALL);
});
afterAll(() => broker.close());

type Login = (user: string | undefined, password: string | undefined) => Promise<string>;

/** `in`, or the refusal in a word or two. */
const LOGINS: Readonly<Record<string, { login: Login; refused: RegExp; anonymous: boolean }>> = {
  'AMQP 0-9-1': {
    refused: /ACCESS_REFUSED|403/,
    anonymous: false,
    login: async (user = '', password = '') => {
      const url = { hostname: '127.0.0.1', port: broker.port('amqp'), username: user, password };
      const connection = await amqplib.connect(url);
      await (await connection.createChannel()).assertQueue('q');
      await connection.close();
      return 'in';
    },
  },
  ...Object.fromEntries(
    ([4, 5] as const).map((protocolVersion) => [
      `MQTT ${protocolVersion}`,
      {
        refused: protocolVersion === 4 ? /^(4|5)$/ : /^(134|135)$/,
        anonymous: true,
        login: async (username, password) => {
          const url = `mqtt://127.0.0.1:${broker.port('mqtt')}`;
          const given = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
          const client = await mqtt.connectAsync(url, { ...given, protocolVersion, reconnectPeriod: 0 }, false);
          await client.publishAsync('a', 'b', { qos: 1 });
          await client.endAsync();
          return 'in';
        },
      } satisfies { login: Login; refused: RegExp; anonymous: boolean },
    ]),
  ),
  STOMP: {
    refused: /Bad CONNECT|refused|Access/i,
    anonymous: true,
    login: (login, passcode) =>
      new Promise((resolve, reject) => {
        const connectHeaders = { host: '/', ...(login && { login }), ...(passcode && { passcode }) };
        stompit.connect({ host: '127.0.0.1', port: broker.port('stomp'), connectHeaders }, (error, client) => {
          if (error) return reject(error);
          return client.disconnect(() => resolve('in'));
        });
      }),
  },
  Redis: {
    refused: /WRONGPASS|NOAUTH/,
    anonymous: true,
    login: async (username, password) => {
      const client = new Redis(broker.port('redis'), '127.0.0.1', {
        ...{ lazyConnect: true, retryStrategy: () => null },
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
      });
      // What the broker said comes as an event; the calls only say that the connection is closed.
      const said: Error[] = [];
      client.on('error', (error: Error) => said.push(error));
      try {
        await client.connect();
        await client.publish('c', 'm');
        return 'in';
      } catch (error) {
        throw said[0] ?? error;
      } finally {
        client.disconnect();
      }
    },
  },
};

describe.each(Object.entries(LOGINS))('%s', (_name, { login, refused, anonymous }) => {
  const answer: Login = async (user, password) => {
    try {
      return await login(user, password);
    } catch (error) {
      const { code, message } = error as { code?: unknown; message: string };
      return typeof code === 'number' && code < 256 ? String(code) : message;
    }
  };

  it.each([
    ['configured', 'pass word, ü'],
    ['kept', 'sekret'],
    ['imported', 'test12'],
  ])('lets %s in', async (user, password) => {
    expect(await answer(user, password)).toBe('in');
  });

  it.each([
    ['kept', 'Sekret'],
    ['configured', 'sekret'],
    ['nobody', 'sekret'],
    ['without', 'x'],
    ['guest', 'guest'],
  ])('refuses %s with %j', async (user, password) => {
    expect(await answer(user, password)).toMatch(refused);
  });

  it.runIf(anonymous)('refuses the nameless', async () => {
    expect(await answer(undefined, undefined)).toMatch(refused);
  });
});

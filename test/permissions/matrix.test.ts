/**
 * Every kind of thing that a client can do, in every protocol that can, on every transport that carries it: permitted, refused, and
 * taken away while the client is connected. Prints the tables of answers; a cell that is missing without a reason fails.
 */
import { readFileSync } from 'node:fs';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { ErrorReply, RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';
import { amqp, type Ports, type RuledBroker, type Rules, startRuledBroker } from './harness.ts';
import { overTls, overWebSocket, Tunnels } from './tunnels.ts';

const OPERATIONS = [
  'publish',
  'consume',
  'browse',
  'declare',
  'bind',
  'delete',
  'purge',
  'will',
  'retained',
  'share',
  'dead-letter',
  'alternate exchange',
  'reply-to',
  'transaction',
] as const;
const PROTOCOLS = ['amqp', 'mqtt 3.1.1', 'mqtt 5', 'stomp', 'redis'] as const;
type Operation = (typeof OPERATIONS)[number];
type Protocol = (typeof PROTOCOLS)[number];

/** One thing to do. */
interface Cell {
  /** What the user may do where it is refused. */
  readonly denied: Rules;
  /** Does it, as user `u`: whether it was permitted. */
  attempt(): Promise<boolean>;
  /** Begins what lasts, and returns who waits until the client hears that it is over. Left out: it is attempted again. */
  begin?(): Promise<() => Promise<void>>;
}

/** How a client's bytes come to the broker, and which protocols come so. */
const TRANSPORTS = {
  TCP: PROTOCOLS,
  TLS: PROTOCOLS,
  WebSocket: ['mqtt 3.1.1', 'mqtt 5', 'stomp'],
  'WebSocket over TLS': ['mqtt 3.1.1', 'mqtt 5', 'stomp'],
} as const satisfies Record<string, readonly Protocol[]>;
type Transport = keyof typeof TRANSPORTS;
const SUB_PROTOCOLS = { mqtt: 'mqtt', stomp: 'v12.stomp' } as const;

const directory = temporaryDirectory();
const tunnels = new Tunnels();
/** Where the clients of a transport dial. */
const portsOf = new Map<Transport, Partial<Ports>>();
/** Those of the transport that is tried. */
let ports: Ports;
let broker: RuledBroker;
let admin: ChannelModel;
let adminChannel: ConfirmChannel;
let count = 0;

beforeAll(async () => {
  const authority = OPENSSL === undefined ? undefined : new Authority(directory.path, 'authority');
  broker = await startRuledBroker({ tls: authority?.issue('localhost', { dns: ['localhost'] }) });
  portsOf.set('TCP', broker.ports);
  if (authority !== undefined) await openTunnels(readFileSync(authority.certificate));
  admin = await amqp(broker.ports.amqp, 'admin');
  adminChannel = await admin.createConfirmChannel();
  await adminChannel.assertQueue('probe');
  await adminChannel.bindQueue('probe', 'amq.topic', '#');
  await adminChannel.assertQueue('there');
});

afterAll(async () => {
  await admin.close();
  await tunnels.close();
  await broker.stop();
  directory.remove();
});

async function openTunnels(ca: Buffer): Promise<void> {
  const port = (name: string): number => broker.running.port(name);
  const tls: Record<string, number> = {};
  for (const name of Object.keys(broker.ports)) tls[name] = await tunnels.open(overTls(port(`${name}s`), ca));
  portsOf.set('TLS', tls);
  const plain: Record<string, number> = {};
  const secure: Record<string, number> = {};
  for (const [name, subProtocol] of Object.entries(SUB_PROTOCOLS)) {
    plain[name] = await tunnels.open(overWebSocket(port('ws'), subProtocol));
    secure[name] = await tunnels.open(overWebSocket(port('wss'), subProtocol, ca));
  }
  portsOf.set('WebSocket', plain);
  portsOf.set('WebSocket over TLS', secure);
}

/** How many messages have come to topics since it was asked last. */
async function arrived(): Promise<number> {
  return (await adminChannel.purgeQueue('probe')).messageCount;
}

async function channelDoes(act: (channel: ConfirmChannel) => Promise<unknown>): Promise<boolean> {
  const connection = await amqp(ports.amqp, 'u');
  const channel = await connection.createConfirmChannel();
  let refused = false;
  channel.on('error', (error: { code?: number }) => {
    refused = error.code === 403;
  });
  try {
    await act(channel);
    await channel.checkExchange('amq.topic');
    return true;
  } catch (error) {
    if (!refused && (error as { code?: number }).code !== 403) throw error;
    return false;
  } finally {
    await connection.close();
  }
}

// ---------------------------------------------------------------------------------------------------------------- AMQP

const AMQP: Partial<Record<Operation, Cell>> = {
  publish: {
    denied: { write: '^$' },
    attempt: () => channelDoes(async (channel) => channel.publish('amq.direct', 'x', Buffer.from('x'))),
  },
  consume: {
    denied: { read: '' },
    attempt: () => channelDoes((channel) => channel.consume('there', () => {})),
    begin: async () => {
      const connection = await amqp(ports.amqp, 'u');
      const channel = await connection.createChannel();
      let cancelled = false;
      await channel.consume('there', (message) => {
        cancelled = message === null;
      });
      return async () => {
        await until(() => cancelled, 'basic.cancel');
        await connection.close();
      };
    },
  },
  // Looks at a message and puts it back, the nearest there is to browsing.
  browse: {
    denied: { read: '' },
    attempt: () =>
      channelDoes(async (channel) => {
        await channel.get('there');
        channel.nackAll(true);
      }),
  },
  declare: { denied: { configure: '^z' }, attempt: () => channelDoes((c) => c.assertQueue(`a${++count}`)) },
  bind: {
    denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
    attempt: () => channelDoes((channel) => channel.bindQueue('there', 'amq.topic', 'mine.#')),
  },
  delete: {
    denied: { configure: '' },
    attempt: async () => {
      await adminChannel.assertQueue('short');
      return channelDoes((channel) => channel.deleteQueue('short'));
    },
  },
  purge: { denied: { read: '' }, attempt: () => channelDoes((channel) => channel.purgeQueue('there')) },
  'dead-letter': {
    denied: { write: '^there$' },
    attempt: () => channelDoes((c) => c.assertQueue(`d${++count}`, { deadLetterExchange: 'amq.fanout' })),
  },
  'alternate exchange': {
    denied: { write: '^there$' },
    attempt: () => channelDoes((c) => c.assertExchange(`e${++count}`, 'direct', { alternateExchange: 'amq.fanout' })),
  },
  'reply-to': {
    // Who listens there needs nothing; who answers publishes to the default exchange.
    denied: { write: '^amq\\.topic$' },
    attempt: () =>
      channelDoes(async (channel) => {
        await channel.consume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
        channel.publish('', 'amq.rabbitmq.reply-to.somebody', Buffer.from('x'));
      }),
  },
  transaction: {
    denied: { write: '^$' },
    attempt: async () => {
      const connection = await amqp(ports.amqp, 'u');
      try {
        const channel = await connection.createChannel();
        channel.on('error', () => {});
        const { rpc } = channel as unknown as { rpc(method: number, fields: object, reply: number): Promise<unknown> };
        await rpc.call(channel, TX_SELECT, {}, TX_SELECT_OK);
        channel.publish('amq.topic', 'tx', Buffer.from('x'));
        await rpc.call(channel, TX_COMMIT, {}, TX_COMMIT_OK);
        return (await arrived()) === 1;
      } catch (error) {
        expect(String(error)).toContain('ACCESS_REFUSED');
        expect(await arrived()).toBe(0);
        return false;
      } finally {
        await connection.close();
      }
    },
  },
};
const TX_SELECT = 0x5a000a;
const TX_SELECT_OK = 0x5a000b;
const TX_COMMIT = 0x5a0014;
const TX_COMMIT_OK = 0x5a0015;

// ---------------------------------------------------------------------------------------------------------------- MQTT

function mqttCells(protocolVersion: 4 | 5): Partial<Record<Operation, Cell>> {
  const refusal = protocolVersion === 5 ? 0x87 : 0x80;
  const connect = (more: object = {}) =>
    MqttClient.connect(ports.mqtt, `c${++count}`, {
      protocolVersion,
      username: 'u',
      password: Buffer.from('p'),
      ...more,
    });
  const publishes = async (topic: string): Promise<boolean> => {
    const client = await connect();
    await arrived();
    client.publish(topic, 'x', 1, 1);
    const { reasonCode } = await client.next('puback');
    const came = (await arrived()) === 1;
    // 3.1.1 has no word for it: the message is acknowledged and dropped.
    if (protocolVersion === 5) expect(reasonCode).toBe(came ? 0 : refusal);
    await client.leave();
    return came;
  };
  const subscribes = async (filter: string): Promise<boolean> => {
    const client = await connect();
    const granted = await client.subscribe(filter, 1);
    await client.leave();
    if (granted >= 0x80) expect(granted).toBe(refusal);
    return granted < 0x80;
  };
  /** Subscribed, until the connection is ended for it. */
  const subscribed = (filter: string) => async () => {
    const client = await connect();
    await client.subscribe(filter, 1);
    return async () => {
      await until(() => client.closed, 'the end of the connection');
      if (protocolVersion === 5) expect((await client.next('disconnect')).reasonCode).toBe(0x87);
    };
  };
  const notMine = { topics: [{ exchange: 'amq.topic', write: '^other', read: '^other' }] };
  const will = { topic: 'mine/will', payload: Buffer.from('x'), qos: 0 as const, retain: false };
  return {
    publish: { denied: notMine, attempt: () => publishes('mine/x') },
    consume: { denied: { read: '' }, attempt: () => subscribes('mine/+'), begin: subscribed('mine/+') },
    bind: { denied: notMine, attempt: () => subscribes('mine/#'), begin: subscribed('mine/#') },
    will: {
      denied: notMine,
      attempt: async () => {
        await arrived();
        try {
          const client = await connect({ will });
          await client.vanish();
          let came = 0;
          for (let i = 0; came === 0 && i < 100; i++) came = await arrived();
          return came === 1;
        } catch (error) {
          expect((error as Error).message).toBe(`CONNACK ${protocolVersion === 5 ? 0x87 : 5}`);
          return false;
        }
      },
      // Permitted at CONNECT, and not any more when it would be published.
      begin: async () => {
        await arrived();
        const client = await connect({ will });
        return async () => {
          await client.vanish();
          await until(() => broker.running.connections === 1, 'the end of all connections but the one that watches');
          const other = await MqttClient.connect(ports.mqtt, 'other', {
            username: 'admin',
            password: Buffer.from('p'),
          });
          await other.settle();
          await other.leave();
          expect(await arrived()).toBe(0);
        };
      },
    },
    retained: {
      denied: notMine,
      attempt: async () => {
        const keeper = await MqttClient.connect(ports.mqtt, 'keeper', {
          username: 'admin',
          password: Buffer.from('p'),
        });
        keeper.publish('mine/kept', 'x', 1, 1, { retain: true });
        await keeper.next('puback');
        await keeper.leave();
        const client = await connect();
        const granted = await client.subscribe('mine/kept', 0);
        await client.settle();
        const came = client.packets.some(({ cmd }) => cmd === 'publish');
        await client.leave();
        expect(came).toBe(granted < 0x80);
        return came;
      },
    },
    share: { denied: notMine, attempt: () => subscribes('$share/g/mine/s'), begin: subscribed('$share/g/mine/s') },
    // A response topic is a topic like any other.
    ...(protocolVersion === 5 && { 'reply-to': { denied: notMine, attempt: () => publishes('mine/replies') } }),
  };
}

// --------------------------------------------------------------------------------------------------------------- STOMP

async function stompDoes(act: (client: StompClient) => Promise<void>): Promise<boolean> {
  const client = await StompClient.open(ports.stomp, '1.2', { login: 'u', passcode: 'p' });
  try {
    await act(client);
    return true;
  } catch (error) {
    if (!/refused/.test(String(error))) throw error;
    return false;
  } finally {
    client.cut();
  }
}

const STOMP: Partial<Record<Operation, Cell>> = {
  publish: {
    denied: { write: '' },
    attempt: () => stompDoes((client) => confirmed(client, 'SEND', { destination: '/exchange/amq.topic/k' })),
  },
  consume: {
    denied: { read: '' },
    attempt: () => stompDoes((client) => confirmed(client, 'SUBSCRIBE', { destination: '/amq/queue/there', id: '1' })),
    begin: async () => {
      const client = await StompClient.open(ports.stomp, '1.2', { login: 'u', passcode: 'p' });
      await confirmed(client, 'SUBSCRIBE', { destination: '/amq/queue/there', id: '1' });
      return async () => {
        expect(String((await client.error()).body)).toContain('may not read it any more');
      };
    },
  },
  declare: {
    denied: { configure: '^z' },
    attempt: () => stompDoes((client) => confirmed(client, 'SEND', { destination: `/queue/s${++count}` })),
  },
  bind: {
    denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
    attempt: () => stompDoes((client) => confirmed(client, 'SUBSCRIBE', { destination: '/topic/mine', id: '1' })),
    begin: async () => {
      const client = await StompClient.open(ports.stomp, '1.2', { login: 'u', passcode: 'p' });
      await confirmed(client, 'SUBSCRIBE', { destination: '/topic/mine', id: '1' });
      return async () => {
        expect(String((await client.error()).body)).toContain('may not read it any more');
      };
    },
  },
  delete: {
    denied: { configure: '^z' },
    attempt: () =>
      stompDoes(async (client) => {
        const headers = { destination: '/topic/mine', id: `d${++count}`, durable: 'true' };
        await confirmed(client, 'SUBSCRIBE', headers);
        await confirmed(client, 'UNSUBSCRIBE', headers);
      }),
  },
  'dead-letter': {
    denied: { write: '^there$' },
    attempt: () =>
      stompDoes((client) =>
        confirmed(client, 'SUBSCRIBE', {
          destination: `/queue/l${++count}`,
          id: '1',
          'x-dead-letter-exchange': 'amq.fanout',
        }),
      ),
  },
  'reply-to': {
    denied: { configure: '^there$' },
    attempt: () =>
      stompDoes((client) => confirmed(client, 'SEND', { destination: '/queue/there', 'reply-to': '/temp-queue/r' })),
  },
  transaction: {
    denied: { write: '' },
    attempt: async () => {
      await arrived();
      const permitted = await stompDoes(async (client) => {
        await confirmed(client, 'BEGIN', { transaction: 't' });
        await confirmed(client, 'SEND', { destination: '/exchange/amq.topic/k', transaction: 't' });
        await confirmed(client, 'COMMIT', { transaction: 't' });
      });
      expect(await arrived()).toBe(permitted ? 1 : 0);
      return permitted;
    },
  },
};

async function confirmed(client: StompClient, command: string, headers: Record<string, string>): Promise<void> {
  client.send(command, { ...headers, receipt: `r${++count}` });
  const frame = await client.take('RECEIPT');
  if (frame.command === 'ERROR') throw new Error(`${frame.lines.map(([, value]) => value).join(' ')} ${frame.body}`);
}

// --------------------------------------------------------------------------------------------------------------- Redis

async function redisClient(): Promise<RedisClient> {
  const client = await RedisClient.open(ports.redis);
  expect(await client.call('AUTH', 'u', 'p')).toBe('OK');
  return client;
}

async function redisDoes(...words: string[]): Promise<boolean> {
  const client = await redisClient();
  const reply = await client.call(...words);
  client.cut();
  if (!(reply instanceof ErrorReply)) return true;
  expect(reply.text).toMatch(/^NOPERM /);
  return false;
}

const REDIS: Partial<Record<Operation, Cell>> = {
  publish: { denied: { write: '' }, attempt: () => redisDoes('PUBLISH', 'mine', 'x') },
  consume: {
    denied: { read: '' },
    attempt: () => redisDoes('RPOP', 'there'),
    begin: async () => {
      const client = await redisClient();
      const reply = client.call('BRPOP', 'there', '0');
      const other = await redisClient();
      await other.call('PING');
      other.cut();
      return async () => {
        expect(await reply).toMatchObject({ text: expect.stringMatching(/^NOPERM /) });
        client.cut();
      };
    },
  },
  declare: { denied: { configure: '^z' }, attempt: () => redisDoes('LPUSH', `r${++count}`, 'x') },
  bind: {
    denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
    attempt: () => redisDoes('SUBSCRIBE', 'mine'),
    begin: async () => {
      const client = await redisClient();
      await client.call('SUBSCRIBE', 'mine');
      return () => client.closed();
    },
  },
  delete: {
    denied: { configure: '' },
    attempt: async () => {
      await adminChannel.assertQueue('short');
      return redisDoes('DEL', 'short');
    },
  },
};

const CELLS: Record<Protocol, Partial<Record<Operation, Cell>>> = {
  amqp: AMQP,
  'mqtt 3.1.1': mqttCells(4),
  'mqtt 5': mqttCells(5),
  stomp: STOMP,
  redis: REDIS,
};

/** What a protocol has not. */
const NONE: Record<Protocol, readonly Operation[]> = {
  amqp: ['will', 'retained', 'share'],
  'mqtt 3.1.1': [
    'browse',
    'declare',
    'delete',
    'purge',
    'dead-letter',
    'alternate exchange',
    'reply-to',
    'transaction',
  ],
  'mqtt 5': ['browse', 'declare', 'delete', 'purge', 'dead-letter', 'alternate exchange', 'transaction'],
  // SUBSCRIBE with browser:true is refused whoever asks.
  stomp: ['browse', 'purge', 'will', 'retained', 'share', 'alternate exchange'],
  redis: [
    'browse',
    'purge',
    'will',
    'retained',
    'share',
    'dead-letter',
    'alternate exchange',
    'reply-to',
    'transaction',
  ],
};

async function answersOf(cell: Cell): Promise<string> {
  const { rules } = broker;
  rules.set('u', {});
  const allowed = await cell.attempt();
  rules.set('u', cell.denied);
  const denied = await cell.attempt();
  rules.set('u', {});
  let takenAway: boolean;
  if (cell.begin !== undefined) {
    const over = await cell.begin();
    rules.set('u', cell.denied);
    await over();
    takenAway = true;
  } else {
    const before = await cell.attempt();
    rules.set('u', cell.denied);
    takenAway = before && !(await cell.attempt());
  }
  return `${allowed ? 'yes' : 'NO!'} / ${denied ? 'YES!' : 'no'} / ${takenAway ? 'no' : 'YES!'}`;
}

for (const [transport, protocols] of Object.entries(TRANSPORTS) as [Transport, readonly Protocol[]][]) {
  it.skipIf(transport !== 'TCP' && OPENSSL === undefined)(
    `every operation of every protocol is permitted, refused, and taken away over ${transport}`,
    async ({ signal }) => {
      ports = portsOf.get(transport) as Ports;
      const table: string[] = [[`${transport}: permitted / refused / taken away`, ...protocols].join(' | ')];
      const wrong: string[] = [];
      for (const operation of OPERATIONS) {
        const row: string[] = [operation];
        for (const protocol of protocols) {
          const cell = CELLS[protocol][operation];
          const none = NONE[protocol].includes(operation);
          if ((cell === undefined) !== none) wrong.push(`${operation} in ${protocol}: no cell, or one too many`);
          if (cell === undefined) row.push('–');
          else {
            // Too late: the clients of the next transport are at work.
            if (signal.aborted) return;
            const answers = await answersOf(cell).catch((error: unknown) => `failed: ${String(error)}`);
            if (answers !== 'yes / no / no') wrong.push(`${operation} in ${protocol}: ${answers}`);
            row.push(answers);
          }
        }
        table.push(row.join(' | '));
      }
      console.log(table.join('\n'));
      expect(wrong).toEqual([]);
    },
    120_000,
  );
}

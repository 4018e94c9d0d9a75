/**
 * What roles of filter rules decide, in every protocol: permitted, refused in the protocol's own form, and taken away while the client
 * is there. Prints the table of answers; a cell that is missing without a reason fails.
 */
import amqplib, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import type { IConnectPacket } from 'mqtt-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlledBroker, startControlled } from '../protocols/mqtt/control/harness.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { header, RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { until } from '../support/until.ts';

const COLUMNS = ['mqtt 3.1.1', 'mqtt 5', 'amqp', 'stomp', 'redis'] as const;
type Column = (typeof COLUMNS)[number];
const ROWS = ['publish', 'subscribe', 'share', 'receive', 'retained', 'unsubscribe', 'will'] as const;
type Row = (typeof ROWS)[number];
type Rule = readonly [acltype: string, topic: string, allow: boolean];

const DONE = 'done';
const ALLOWED: readonly Rule[] = [
  ['publishClientSend', 'a/#', true],
  ['subscribePattern', 'a/#', true],
];
const NO_RECEIVING: readonly Rule[] = [...ALLOWED, ['publishClientReceive', 'a/#', false]];
const without = (acltype: string): readonly Rule[] => ALLOWED.filter(([type]) => type !== acltype);

/** One client of `ann` that tries. */
interface Trial {
  attempt(): Promise<string>;
  /** Once it is taken away; left out: it tries again. */
  over?(): Promise<string>;
  leave(): Promise<unknown> | unknown;
}

interface Cell {
  readonly denied: readonly Rule[];
  /** How it is refused, and what becomes of it when it is taken away. */
  readonly wanted: readonly [refused: string, over: string];
  open(): Promise<Trial>;
}

let controlled: ControlledBroker;
let connection: ChannelModel;
let channel: ConfirmChannel;
let count = 0;

beforeAll(async () => {
  const listen = ['amqp', 'mqtt', 'stomp', 'redis'].map((name) => `${name}://127.0.0.1:0`);
  controlled = await startControlled(undefined, { listen });
  await controlled.admin.do(
    ['createRole', { rolename: 'r' }],
    ['createClient', { username: 'ann', password: 'p', roles: [{ rolename: 'r' }] }],
  );
  connection = await amqplib.connect(`amqp://admin:p@127.0.0.1:${controlled.broker.ports.amqp}`);
  channel = await connection.createConfirmChannel();
  await channel.assertQueue('probe');
  await channel.bindQueue('probe', 'amq.topic', 'a.#');
});
afterAll(async () => {
  await connection.close();
  await controlled.stop();
});

const rules = (acls: readonly Rule[]): Promise<void> =>
  controlled.admin.do([
    'modifyRole',
    { rolename: 'r', acls: acls.map(([acltype, topic, allow]) => ({ acltype, topic, allow, priority: 0 })) },
  ]);

/** Whether `act` has something come to the topics below `a`. */
async function comes(act: () => Promise<unknown>): Promise<boolean> {
  await channel.purgeQueue('probe');
  await act();
  return (await channel.purgeQueue('probe')).messageCount > 0;
}

async function published(key: string): Promise<void> {
  channel.publish('amq.topic', key, Buffer.from('x'));
  await channel.waitForConfirms();
}

function mqtt(version: 4 | 5): Record<Row, Cell> {
  const v5 = version === 5;
  const connect = (more: Partial<IConnectPacket> = {}): Promise<MqttClient> =>
    MqttClient.connect(controlled.broker.ports.mqtt, `ann${++count}`, {
      ...{ protocolVersion: version, username: 'ann', password: Buffer.from('p') },
      ...more,
    });
  const trial = (make: (client: MqttClient) => Omit<Trial, 'leave'>) => async (): Promise<Trial> => {
    const client = await connect();
    return { ...make(client), leave: () => (client.closed ? undefined : client.leave()) };
  };
  const ends = async (client: MqttClient): Promise<string> => {
    await until(() => client.closed, 'the end of the connection');
    return v5 ? `DISCONNECT ${(await client.next('disconnect')).reasonCode}` : 'the connection ends';
  };
  const granted = (code: number): string => (code < 0x80 ? DONE : `SUBACK ${code}`);
  const subscribed = v5 ? 'SUBACK 135' : 'SUBACK 128';
  const subscription = (filter: string): Cell => ({
    denied: without('subscribePattern'),
    wanted: [subscribed, v5 ? 'DISCONNECT 135' : 'the connection ends'],
    open: trial((client) => ({
      attempt: async () => granted(await client.subscribe(filter, 1)),
      over: () => ends(client),
    })),
  });
  /** Whether a message comes to a client that has subscribed by what `act` does. */
  const gets = async (client: MqttClient, act: () => Promise<unknown>): Promise<string> => {
    await act();
    await client.settle();
    const came = client.packets.some(({ cmd }) => cmd === 'publish');
    client.packets.length = 0;
    return came ? DONE : 'not shown';
  };
  const will = { topic: 'a/will', payload: Buffer.from('x'), qos: 0 as const, retain: false };
  return {
    publish: {
      denied: without('publishClientSend'),
      wanted: v5 ? ['PUBACK 135', 'PUBACK 135'] : ['PUBACK, dropped', 'PUBACK, dropped'],
      open: trial((client) => ({
        attempt: async () => {
          let code: number | undefined;
          const came = await comes(async () => {
            client.publish('a/x', 'x', 1, 1);
            code = (await client.next('puback')).reasonCode;
          });
          if (came) return DONE;
          return v5 ? `PUBACK ${code}` : 'PUBACK, dropped';
        },
      })),
    },
    subscribe: subscription('a/b'),
    share: subscription('$share/g/a/b'),
    receive: {
      denied: NO_RECEIVING,
      wanted: ['not shown', 'not shown'],
      open: trial((client) => {
        let there = false;
        return {
          attempt: async () => {
            if (!there) expect(await client.subscribe('a/#', 0)).toBe(0);
            there = true;
            return gets(client, () => published('a.b'));
          },
        };
      }),
    },
    retained: {
      denied: NO_RECEIVING,
      wanted: ['not shown', 'not shown'],
      open: trial((client) => ({
        attempt: () =>
          gets(client, async () => {
            await controlled.admin.client.publish('a/kept', 'x', { qos: 1, retain: true });
            expect(await client.subscribe(`a/+`, 0)).toBe(0);
          }),
      })),
    },
    unsubscribe: {
      denied: [...ALLOWED, ['unsubscribePattern', 'a/#', false]],
      wanted: ['goes on', 'goes on'],
      open: trial((client) => ({
        attempt: async () => {
          await client.subscribe('a/b', 0, 1);
          client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/b'] });
          const { granted: codes } = await client.next('unsuback');
          const goesOn = (await gets(client, () => published('a.b'))) === DONE;
          if (v5) expect(codes).toEqual([goesOn ? 0x87 : 0]);
          return goesOn ? 'goes on' : DONE;
        },
      })),
    },
    will: {
      denied: without('publishClientSend'),
      wanted: [v5 ? 'CONNACK 135' : 'CONNACK 5', 'not published'],
      async open(): Promise<Trial> {
        let client: MqttClient | undefined;
        const dies = async (): Promise<string> => {
          const { broker } = controlled;
          const before = broker.connections;
          const came = await comes(async () => {
            await client!.vanish();
            await until(() => broker.connections < before, 'the end of the connection');
          });
          client = undefined;
          return came ? DONE : 'not published';
        };
        const lives = async (): Promise<string | undefined> => {
          try {
            client = await connect({ will });
            return undefined;
          } catch (error) {
            return (error as Error).message;
          }
        };
        return {
          attempt: async () => {
            const refused = (await lives()) ?? (await dies());
            if (refused === DONE) await lives();
            return refused;
          },
          over: dies,
          leave: () => client?.leave(),
        };
      },
    },
  };
}

/** Publishes with an answer, on a client that stays; or the code of the refusal. */
function publishes(refused: string, open: () => Promise<{ publish(): Promise<string>; leave(): unknown }>): Cell {
  return {
    denied: without('publishClientSend'),
    wanted: [refused, refused],
    open: async () => {
      const { publish, leave } = await open();
      const attempt = async (): Promise<string> => {
        let answer = '';
        const came = await comes(async () => {
          answer = await publish();
        });
        expect(came).toBe(answer === DONE);
        return answer;
      };
      return { attempt, leave };
    },
  };
}

const amqp = publishes('403', async () => {
  const client = await amqplib.connect(`amqp://ann:p@127.0.0.1:${controlled.broker.ports.amqp}`);
  client.on('error', () => {});
  const publish = async (): Promise<string> => {
    const own = await client.createConfirmChannel();
    const failed = new Promise<string>((resolve) =>
      own.on('error', ({ code }: { code: number }) => resolve(String(code))),
    );
    own.publish('amq.topic', 'a.x', Buffer.from('x'));
    return Promise.race([own.waitForConfirms().then(() => DONE), failed]).catch(() => failed);
  };
  return { publish, leave: () => client.close() };
});

const stomp = publishes('ERROR access_refused', async () => {
  const login = { login: 'ann', passcode: 'p' };
  const client = await StompClient.open(controlled.broker.ports.stomp, '1.2', login);
  const publish = async (): Promise<string> => {
    client.send('SEND', { destination: '/topic/a.x', receipt: 'r' }, 'x');
    const frame = await client.next();
    return frame.command === 'RECEIPT' ? DONE : `${frame.command} ${header(frame, 'message')}`;
  };
  return { publish, leave: () => client.cut() };
});

const redisClient = async (): Promise<RedisClient> => {
  const client = await RedisClient.open(controlled.broker.port('redis'));
  expect(await client.call('AUTH', 'ann', 'p')).toBe('OK');
  return client;
};
const codeOf = (answer: unknown): string =>
  typeof answer === 'object' && answer !== null && 'text' in answer ? String(answer.text).split(' ')[0]! : DONE;

const redis: Partial<Record<Row, Cell>> = {
  publish: publishes('NOPERM', async () => {
    const client = await redisClient();
    return {
      publish: async () => codeOf(await client.call('PUBLISH', 'a.x', 'x')),
      leave: () => client.socket.destroy(),
    };
  }),
  subscribe: {
    denied: without('subscribePattern'),
    wanted: ['NOPERM', 'the connection ends'],
    async open() {
      const client = await redisClient();
      return {
        attempt: async () => codeOf(await client.call('SUBSCRIBE', 'a.b')),
        over: async () => {
          await client.closed();
          return 'the connection ends';
        },
        leave: () => client.socket.destroy(),
      };
    },
  },
  receive: {
    denied: NO_RECEIVING,
    wanted: ['not shown', 'not shown'],
    async open() {
      const client = await redisClient();
      expect(await client.call('SUBSCRIBE', 'a.b')).toEqual(['subscribe', 'a.b', 1]);
      return {
        attempt: async () => {
          await published('a.b');
          client.send('PING');
          const [first] = (await client.next()) as string[];
          if (first === 'pong') return 'not shown';
          expect([first, ((await client.next()) as string[])[0]]).toEqual(['message', 'pong']);
          return DONE;
        },
        leave: () => client.socket.destroy(),
      };
    },
  },
};

const OWN_QUEUES = 'needs a queue, and those are asked of the permissions';
const NO_PACKET = 'has no such thing';
/** What there is no such thing of, and why. */
const NONE: Partial<Record<Column, Partial<Record<Row, string>>>> = {
  amqp: Object.fromEntries(ROWS.slice(1).map((row) => [row, OWN_QUEUES])),
  stomp: Object.fromEntries(ROWS.slice(1).map((row) => [row, OWN_QUEUES])),
  redis: Object.fromEntries(ROWS.filter((row) => !(row in redis)).map((row) => [row, NO_PACKET])),
};

it('everything that roles decide is permitted, refused, and taken away', async () => {
  const cells: Record<Column, Partial<Record<Row, Cell>>> = {
    'mqtt 3.1.1': mqtt(4),
    'mqtt 5': mqtt(5),
    amqp: { publish: amqp },
    stomp: { publish: stomp },
    redis,
  };
  const table = [['roles: permitted / refused / taken away', ...COLUMNS].join(' | ')];
  const wrong: string[] = [];
  for (const row of ROWS) {
    const line: string[] = [row];
    for (const column of COLUMNS) {
      const cell = cells[column][row];
      if ((cell === undefined) !== (NONE[column]?.[row] !== undefined))
        wrong.push(`${row} in ${column}: no cell, or one too many`);
      if (cell === undefined) {
        line.push('–');
        continue;
      }
      const answers = await answersOf(cell).catch((error: unknown) => [`failed: ${String(error)}`]);
      const wanted = [DONE, ...cell.wanted];
      if (answers.join() !== wanted.join())
        wrong.push(`${row} in ${column}: ${answers.join(' / ')}, not ${wanted.join(' / ')}`);
      line.push(answers.join(' / '));
    }
    table.push(line.join(' | '));
  }
  console.log(table.join('\n'));
  expect(wrong).toEqual([]);
}, 60_000);

async function answersOf({ denied, open }: Cell): Promise<string[]> {
  const answers: string[] = [];
  for (const first of [ALLOWED, denied]) {
    await rules(first);
    const trial = await open();
    answers.push(await trial.attempt());
    await trial.leave();
  }
  await rules(ALLOWED);
  const trial = await open();
  const before = await trial.attempt();
  await rules(denied);
  answers.push(before === DONE ? await (trial.over ?? trial.attempt)() : `${before} before it was taken away`);
  await trial.leave();
  return answers;
}

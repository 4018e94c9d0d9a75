/** Ways past a permission: each was one, or could become one. */
import { Buffer } from 'node:buffer';
import type { ChannelModel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { until } from '../support/until.ts';
import { amqp, commit, type RuledBroker, startRuledBroker, transactional } from './harness.ts';

let broker: RuledBroker;
let admin: ChannelModel;

beforeEach(async () => {
  broker = await startRuledBroker();
  admin = await amqp(broker.ports.amqp, 'admin');
});

afterEach(async () => {
  await admin.close();
  await broker.stop();
});

const mqtt = (clientId: string, user: string, more: object = {}): Promise<MqttClient> =>
  MqttClient.connect(broker.ports.mqtt, clientId, { username: user, password: Buffer.from('p'), ...more });

/** What a channel of user `u` is refused with; '' if it is not. */
async function refusal(
  act: (channel: Awaited<ReturnType<ChannelModel['createChannel']>>) => Promise<unknown>,
): Promise<string> {
  const connection = await amqp(broker.ports.amqp, 'u');
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    await act(channel);
    return '';
  } catch (error) {
    return String(error);
  } finally {
    await connection.close();
  }
}

describe('a user without any permission in the vhost', () => {
  it('is let in nowhere, in the words of each protocol', async () => {
    await expect(amqp(broker.ports.amqp, 'nobody')).rejects.toThrow('<ConnectionClose channel:0>');
    await expect(mqtt('c', 'nobody')).rejects.toThrow('CONNACK 5');
    await expect(mqtt('c', 'nobody', { protocolVersion: 5 })).rejects.toThrow('CONNACK 135');
    const stomp = await StompClient.dial(broker.ports.stomp);
    stomp.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'nobody', passcode: 'p' });
    expect(String((await stomp.error()).body)).toContain('Access refused');
    const redis = await RedisClient.open(broker.ports.redis);
    expect(await redis.call('AUTH', 'nobody', 'p')).toMatchObject({ text: expect.stringMatching(/^NOPERM /) });
    redis.cut();
  });

  it('is put out when its permissions go', async () => {
    broker.rules.set('u', {});
    const connection = await amqp(broker.ports.amqp, 'u');
    const closed = new Promise((resolve) => connection.once('close', resolve));
    const client = await mqtt('c', 'u');
    broker.rules.set('u', undefined);
    expect(String(await closed)).toContain("access to vhost '/' refused for user 'u'");
    await until(() => client.closed);
  });
});

describe("another client's own queue", () => {
  it('cannot be read, bound, purged or deleted by its name', async () => {
    const client = await mqtt('owner', 'admin');
    await client.subscribe('t', 1);
    broker.rules.set('u', { read: '^(mine|amq\\.topic)$', write: '^mine$', configure: '^mine$' });
    const queue = 'mqtt-subscription-owner';
    expect(await refusal((channel) => channel.consume(queue, () => {}))).toContain('ACCESS_REFUSED');
    expect(await refusal((channel) => channel.bindQueue(queue, 'amq.topic', 'x'))).toContain('ACCESS_REFUSED');
    expect(await refusal((channel) => channel.purgeQueue(queue))).toContain('ACCESS_REFUSED');
    expect(await refusal((channel) => channel.deleteQueue(queue))).toContain('ACCESS_REFUSED');
    await client.leave();
  });
});

describe('a kept session', () => {
  const kept = { clean: false };

  it('comes back without the subscriptions that its user may not read any more', async () => {
    broker.rules.set('u', {});
    const first = await mqtt('kept', 'u', kept);
    await first.subscribe('open/x', 1, 1);
    await first.subscribe('closed/x', 1, 2);
    await first.leave();
    broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '.*', read: '^open' }] });
    const second = await mqtt('kept', 'u', kept);
    expect(second.sessionPresent).toBe(true);
    const other = await mqtt('other', 'admin');
    other.publish('closed/x', 'no', 1, 1);
    await other.next('puback');
    other.publish('open/x', 'yes', 1, 2);
    expect(await second.next('publish')).toMatchObject({ topic: 'open/x' });
    await second.leave();
    await other.leave();
  });

  it('of one user is not given to another who has its client identifier', async () => {
    broker.rules.set('u', {});
    broker.rules.set('v', {});
    const first = await mqtt('kept', 'u', kept);
    await first.subscribe('secret', 1);
    await first.leave();
    const other = await mqtt('other', 'admin');
    other.publish('secret', 'for u', 1, 1);
    await other.next('puback');
    await other.leave();
    const second = await mqtt('kept', 'v', kept);
    expect(second.sessionPresent).toBe(false);
    await second.settle();
    expect(second.packets).toEqual([]);
    await second.leave();
  });

  it('ends when its time is over though its user has gone', async () => {
    broker.rules.set('u', {});
    const first = await mqtt('kept', 'u', {
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 1 },
    });
    await first.subscribe('t', 1);
    await first.leave();
    broker.rules.set('u', undefined);
    const channel = await admin.createChannel();
    channel.on('error', () => {});
    await until(() => queuesOf().every((name) => name !== 'mqtt-subscription-kept'), 'its queue to go');
  });

  function queuesOf(): string[] {
    return [...broker.running.broker.allVhosts].flatMap(({ topology }) => [...topology.queues.keys()]);
  }
});

describe('the keys of a message', () => {
  const topics = [{ exchange: 'amq.topic', write: '^mine\\.', read: '.*' }];

  it('that its sender adds are asked for as the first one is', async () => {
    broker.rules.set('u', { topics });
    const publish = (headers: object): Promise<string> =>
      refusal(async (channel) => {
        channel.publish('amq.topic', 'mine.x', Buffer.from('x'), headers);
        await channel.checkExchange('amq.topic');
      });
    expect(await publish({ CC: ['mine.y'] })).toBe('');
    expect(await publish({ CC: ['yours.y'] })).toContain("access to topic 'yours.y' in exchange 'amq.topic'");
    expect(await publish({ BCC: ['yours.y'] })).toContain('ACCESS_REFUSED');
  });

  it('are compared with the client identifier as text, whatever a client calls itself', async () => {
    broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^{client_id}\\.', read: '^{client_id}\\.' }] });
    const honest = await mqtt('me', 'u');
    expect(await honest.subscribe('me/x', 0)).toBe(0);
    expect(await honest.subscribe('you/x', 0, 2)).toBe(0x80);
    await honest.leave();
    const sly = await mqtt('.*', 'u');
    expect(await sly.subscribe('you/x', 0)).toBe(0x80);
    await sly.leave();
  });
});

describe('a topic that means something else', () => {
  const answers = async (topic: string, more: object = {}): Promise<number | undefined> => {
    const client = await mqtt('c', 'u', { protocolVersion: 5, ...more });
    client.publish(topic, 'x', 1, 1);
    const { reasonCode } = await client.next('puback');
    await client.leave();
    return reasonCode;
  };

  it.each(['$queue/q', '$delayed/1/$queue/q'])('%s is asked for as the default exchange', async (topic) => {
    broker.rules.set('u', { write: '^amq\\.topic$' });
    expect(await answers(topic)).toBe(0x87);
    broker.rules.set('u', { write: '^amq\\.default$' });
    expect(await answers(topic)).not.toBe(0x87);
  });

  it('a delayed one is asked for as the topic that it will have', async () => {
    broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^mine\\.', read: '' }] });
    expect(await answers('$delayed/1/yours/x')).toBe(0x87);
    expect(await answers('$delayed/1/mine/x')).not.toBe(0x87);
  });

  it('a will to one is refused at CONNECT as it would be later', async () => {
    broker.rules.set('u', { write: '^amq\\.topic$' });
    const will = { topic: '$queue/q', payload: Buffer.from('x'), qos: 1 as const, retain: false };
    await expect(mqtt('c', 'u', { protocolVersion: 5, will })).rejects.toThrow('CONNACK 135');
  });

  it.each(['$share/g/yours/x', '$SYS/broker/uptime'])(
    '%s is subscribed to by who may read the filter',
    async (filter) => {
      broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '', read: '^mine\\.' }] });
      const client = await mqtt('c', 'u', { protocolVersion: 5 });
      expect(await client.subscribe(filter, 1)).toBe(0x87);
      expect(await client.subscribe('$share/g/mine/x', 1, 2)).toBe(1);
      await client.leave();
    },
  );

  it('a share that its member may not read any more brings it nothing when it is back', async () => {
    broker.rules.set('u', {});
    const first = await mqtt('kept', 'u', { clean: false });
    await first.subscribe('$share/g/yours/x', 1);
    await first.leave();
    const other = await mqtt('other', 'admin');
    other.publish('yours/x', 'x', 1, 1);
    await other.next('puback');
    await other.leave();
    broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '', read: '^mine\\.' }] });
    const second = await mqtt('kept', 'u', { clean: false });
    await second.settle();
    await second.settle();
    expect(second.packets).toEqual([]);
    await second.leave();
  });
});

describe('a transaction', () => {
  const own = async (): Promise<() => Promise<number>> => {
    const channel = await admin.createChannel();
    await channel.assertQueue('seen');
    await channel.bindQueue('seen', 'amq.topic', '#');
    return async () => (await channel.checkQueue('seen')).messageCount;
  };

  it.each([
    ['exchange', { write: '^other' }],
    ['topic', { topics: [{ exchange: 'amq.topic', write: '^other', read: '.*' }] }],
  ])('of AMQP is not committed once its client may not publish to the %s any more', async (_what, now) => {
    broker.rules.set('u', {});
    const seen = await own();
    const told = await refusal(async (channel) => {
      await transactional(channel);
      channel.publish('amq.topic', 'a', Buffer.from('x'));
      await channel.checkExchange('amq.topic');
      broker.rules.set('u', now);
      await commit(channel);
    });
    expect(told).toContain('ACCESS_REFUSED');
    expect(await seen()).toBe(0);
  });

  it('of STOMP is not committed once its client may not publish there any more', async () => {
    broker.rules.set('u', {});
    const seen = await own();
    const client = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
    client.send('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: '/topic/a', transaction: 't', receipt: 'sent' });
    expect((await client.take('RECEIPT')).command).toBe('RECEIPT');
    broker.rules.set('u', { write: '' });
    client.send('COMMIT', { transaction: 't', receipt: 'done' });
    expect(String((await client.error()).body)).toContain("access to exchange 'amq.topic'");
    expect(await seen()).toBe(0);
    client.cut();
  });
});

describe('where the broker asks what has become of a half message', () => {
  // It would publish there in its sender's place, who may publish to topics here and to no queue.
  const ONLY_TOPICS = { write: '^amq\\.topic$' };

  beforeEach(async () => {
    broker.rules.set('u', ONLY_TOPICS);
    await (await admin.createChannel()).assertQueue('victim');
  });

  const half = (address: string): Record<string, string> => ({
    'x-half-message': 'prepare',
    'x-half-id': `half-${address}`,
    'x-check-address': address,
  });
  const halves = (): string[] => [...broker.running.operator.halfMessages.list('/').items].map(({ id }) => id);

  it('is refused to AMQP if its sender may not publish there, in a transaction too', async () => {
    const publish = (address: string) =>
      refusal(async (channel) => {
        channel.publish('amq.topic', 'a', Buffer.from('x'), { headers: half(address) });
        await channel.checkExchange('amq.topic');
      });
    expect(await publish('topic.of.mine')).toBe('');
    expect(await publish('victim')).toContain("access to exchange 'amq.default'");
    const told = await refusal(async (channel) => {
      await transactional(channel);
      channel.publish('amq.topic', 'a', Buffer.from('x'), { headers: half('victim') });
      await channel.checkExchange('amq.topic');
      await commit(channel);
    });
    expect(told).toContain("access to exchange 'amq.default'");
    expect(halves()).toEqual(['half-topic.of.mine']);
  });

  it('is refused to MQTT 5, and asked for topic by topic', async () => {
    broker.rules.set('u', { ...ONLY_TOPICS, topics: [{ exchange: 'amq.topic', write: '^mine', read: '.*' }] });
    const client = await mqtt('c', 'u', { protocolVersion: 5 });
    const publish = async (address: string): Promise<number | undefined> => {
      client.publish('mine', 'x', 1, 7, { properties: { userProperties: half(address) } });
      return (await client.next('puback')).reasonCode;
    };
    expect(await publish('mine/check')).toBe(0);
    expect(await publish('yours/check')).toBe(0x87);
    expect(await publish('victim')).toBe(0x87);
    expect(halves()).toHaveLength(1);
    await client.leave();
  });

  it('and a message that is prepared is not committed, by way of another exchange, once its sender may not publish there any more', async () => {
    broker.rules.set('u', {});
    const seen = await (await admin.createChannel()).assertQueue('mine');
    const sent = await refusal(async (channel) => {
      channel.publish('amq.topic', 'a', Buffer.from('x'), { headers: half('') });
      await channel.checkQueue(seen.queue);
    });
    expect(sent).toBe('');
    broker.rules.set('u', { write: '^amq\\.(default|direct)$' });
    const told = await refusal(async (channel) => {
      channel.publish('amq.direct', 'mine', Buffer.from(''), {
        headers: { 'x-half-message': 'commit', 'x-half-id': 'half-' },
      });
      await channel.checkQueue(seen.queue);
    });
    expect(told).toContain("access to exchange 'amq.topic'");
    expect(halves()).toEqual(['half-']);
  });

  it('is refused to STOMP', async () => {
    const client = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
    client.send('SEND', { destination: '/topic/a', receipt: 'sent', ...half('/topic/mine') });
    expect((await client.take('RECEIPT')).command).toBe('RECEIPT');
    client.send('SEND', { destination: '/topic/a', receipt: 'sent', ...half('/queue/victim') });
    expect(String((await client.error()).body)).toContain("access to exchange 'amq.default'");
    expect(halves()).toHaveLength(1);
    client.cut();
  });
});

describe('a list', () => {
  it('is not turned round by who may not read it', async () => {
    broker.rules.set('u', { read: '' });
    const channel = await admin.createChannel();
    await channel.assertQueue('list');
    const stranger = await RedisClient.open(broker.ports.redis);
    await stranger.call('AUTH', 'u', 'p');
    expect(await stranger.call('RPOP', 'list')).toMatchObject({ text: expect.stringMatching(/^NOPERM /) });
    const friend = await RedisClient.open(broker.ports.redis);
    await friend.call('AUTH', 'admin', 'p');
    expect(await friend.call('LPOP', 'list')).toBe(null);
    stranger.cut();
    friend.cut();
  });
});

it('a message whose permission goes while its body arrives is not taken', async () => {
  broker.rules.set('u', {});
  const client = await mqtt('c', 'u', { protocolVersion: 5 });
  const body = Buffer.alloc(400_000, 1);
  const packet = Buffer.concat([
    Buffer.from([0x32]),
    lengthOf(2 + 1 + 2 + 1 + body.length),
    Buffer.from([0, 1, 0x74, 0, 7, 0]),
  ]);
  client.raw(packet);
  client.raw(body.subarray(0, 200_000));
  const other = await mqtt('other', 'admin');
  await other.settle();
  broker.rules.set('u', { write: '' });
  client.raw(body.subarray(200_000));
  expect(await client.next('puback')).toMatchObject({ reasonCode: 0x87 });
  await client.leave();
  await other.leave();
});

/** As MQTT writes the length of what remains of a packet. */
function lengthOf(bytes: number): Buffer {
  const digits: number[] = [];
  for (let rest = bytes; rest > 0 || digits.length === 0; rest >>>= 7)
    digits.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.from(digits);
}

describe('what Redis tells of what is not for everybody', () => {
  const open = async (user: string): Promise<RedisClient> => {
    const client = await RedisClient.open(broker.ports.redis);
    expect(await client.call('AUTH', user, 'p')).toBe('OK');
    return client;
  };
  const NOPERM = { text: expect.stringMatching(/^NOPERM access to queue 'closed(-none)?'/) };

  it('the length of a list, and whether there is one, is told to whoever may do something with it', async () => {
    broker.rules.set('u', { configure: '', write: '^open', read: '^open' });
    const [client, owner] = [await open('u'), await open('admin')];
    for (const list of ['closed', 'open']) await owner.call('RPUSH', list, 'x', 'y');
    for (const list of ['closed', 'closed-none']) {
      for (const command of ['LLEN', 'EXISTS', 'DEL', 'LPOP']) {
        expect(await client.call(command, list), `${command} ${list}`).toMatchObject(NOPERM);
      }
    }
    expect(await client.call('EXISTS', 'open', 'closed')).toMatchObject(NOPERM);
    expect([await client.call('LLEN', 'open'), await client.call('EXISTS', 'open', 'open-none')]).toEqual([2, 1]);
    expect(await client.call('LPOP', 'open')).toBe('x');
    expect([await client.call('LLEN', 'open-none'), await client.call('LPOP', 'open-none')]).toEqual([0, null]);
    expect(await owner.call('LLEN', 'closed')).toBe(2);
    for (const one of [client, owner]) one.cut();
  });

  it('the channels of others are told to whoever may listen to them', async () => {
    broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '', read: '^open' }] });
    const [client, owner, listener] = [await open('u'), await open('admin'), await open('admin')];
    for (const channel of ['closed', 'open']) await listener.call('SUBSCRIBE', channel);
    expect(await client.call('PUBSUB', 'CHANNELS')).toEqual(['open']);
    expect(await client.call('PUBSUB', 'CHANNELS', '*')).toEqual(['open']);
    expect(await client.call('PUBSUB', 'NUMSUB', 'open', 'closed')).toEqual(['open', 1, 'closed', 0]);
    expect(await owner.call('PUBSUB', 'CHANNELS')).toEqual(['closed', 'open']);
    expect(await owner.call('PUBSUB', 'NUMSUB', 'open', 'closed')).toEqual(['open', 1, 'closed', 1]);
    broker.rules.set('u', { read: '' });
    expect(await client.call('PUBSUB', 'CHANNELS')).toEqual([]);
    for (const one of [client, owner, listener]) one.cut();
  });
});

describe("another's durable STOMP subscription", () => {
  const NAME = { 'durable-subscriber-name': 's', 'client-id': 'theirs' };
  const open = (login: string, more: Record<string, string> = {}): Promise<StompClient> =>
    StompClient.open(broker.ports.stomp, '1.2', { login, passcode: 'p', ...more });

  it('is not given up by who may not, and stays whose it is', async () => {
    const owner = await open('admin', { 'client-id': 'theirs' });
    owner.send('SUBSCRIBE', { destination: '/topic/t', id: '1', ...NAME, receipt: 'r' });
    await owner.take('RECEIPT');
    const give = async (): Promise<string> => {
      const other = await open('u');
      other.send('UNSUBSCRIBE', { id: '1', ...NAME, receipt: 'r' });
      const said = String((await other.error()).body);
      other.cut();
      return said;
    };
    broker.rules.set('u', { configure: '', write: '', read: '' });
    // Whether it is read is not told either.
    expect(await give()).toContain("access to queue 'theirs.s'");
    owner.cut();
    const [vhost] = [...broker.running.broker.allVhosts];
    const record = (): string | undefined => vhost!.state.get('stomp/durable/theirs.s')?.toString();
    await until(() => vhost!.topology.queues.get('theirs.s')!.consumers.length === 0);
    expect(await give()).toContain("access to queue 'theirs.s'");
    expect(record()).toBe(JSON.stringify({ user: 'admin', made: true }));
    broker.rules.set('u', { configure: '', write: '', read: '.*' });
    expect(await give()).toContain("access to queue 'theirs.s'");
    expect(record()).toBe(JSON.stringify({ user: 'admin', made: true }));
  });
});

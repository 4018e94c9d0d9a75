/** What is explained of topics that mean something by themselves is what happens to who tries it. */
import { expect, it } from 'vitest';
import { createBroker } from '../../src/index.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { ErrorReply, RawClient as RedisClient } from '../protocols/redis/raw-client.ts';
import { RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { amqp } from './harness.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const OURS = "topics under $SYS and $CONTROL are the broker's own";

const PUBLISHED: [user: string, topic: string, allowed: boolean, said: string][] = [
  ['u', 'a/b', true, 'its permission write'],
  ['u', '$SYS/broker/uptime', false, `${OURS}, and nobody publishes there, over no protocol`],
  ['u', '$SYS', false, OURS],
  ['u', '$SYS/broker/connection/b/state', true, 'its permission write'],
  ['u', '$CONTROL/x', false, OURS],
  [
    'u',
    '$CONTROL/dynamic-security/v1',
    false,
    "who has the tag 'administrator', or a role that lets it publish there: it is none",
  ],
  ['root', '$CONTROL/dynamic-security/v1', true, 'commands about users, which its protocol alone takes'],
  ['root', '$SYS/broker/uptime', false, OURS],
  ['u', '$queue/q', true, "it goes to the queue 'q'"],
  ['poor', '$queue/q', false, "write exchange 'amq.default'"],
  ['u', '$delayed/5/a/b', true, "it goes to the topic 'a/b', after 5 s"],
  ['u', '$delayed/5/$SYS/x', false, OURS],
  ['u', '$share/g/a', false, 'nobody can publish there'],
];
const SUBSCRIBED: [user: string, filter: string, allowed: boolean, said: string][] = [
  ['u', '$SYS/#', true, `${OURS}: it alone publishes there`],
  ['poor', '$SYS/#', false, "is not found in '$SYS.#'"],
  ['u', '$CONTROL/dynamic-security/v1/response', true, OURS],
  ['u', '$share/g/a/+', true, "it is judged by its filter, 'a/+'"],
  ['poor', '$share/g/mine/x', true, "is found in 'mine.x'"],
  ['poor', '$share/g/a', false, "is not found in 'a'"],
  ['u', '$queue/q', false, 'no message arrives under that'],
];

it('says of each topic what becomes of it, in words', async () => {
  const running = await createBroker({
    listen: ['mqtt://127.0.0.1:0', 'amqp://127.0.0.1:0', 'stomp://127.0.0.1:0', 'redis://127.0.0.1:0'],
  });
  const port = (name: string): number => running.port(name);
  for (const user of ['u', 'root', 'poor']) {
    await running.users.put(user, { password: 'p', tags: user === 'root' ? ['administrator'] : [] });
    await running.users.setPermissions(user, '/', user === 'poor' ? { ...ALL, write: '^amq\\.topic$' } : ALL);
  }
  await running.users.setTopicPermissions('poor', '/', 'amq.topic', { write: '^mine', read: '^mine' });
  const explained = (user: string, action: string, topic: string): [boolean, string] => {
    const rules = running.operator.explainAccess({ user, action, resource: `topic:${topic}` });
    return [rules.every(({ allowed }) => allowed), rules.map(({ sentence }) => sentence).join('\n')];
  };
  const mqtt = (user: string): Promise<MqttClient> =>
    MqttClient.connect(port('mqtt'), `${user}-c`, { protocolVersion: 5, username: user, password: Buffer.from('p') });
  for (const [user, topic, allowed, said] of PUBLISHED) {
    expect([topic, ...explained(user, 'publish', topic)]).toEqual([topic, allowed, expect.stringContaining(said)]);
    const client = await mqtt(user);
    client.publish(topic, '{"commands": []}', 1, 1);
    const { reasonCode = 0 } = await client.next('puback');
    expect([topic, reasonCode < 0x80]).toEqual([topic, allowed]);
    await client.leave();
  }
  for (const [user, filter, allowed, said] of SUBSCRIBED) {
    expect([filter, ...explained(user, 'subscribe', filter)]).toEqual([filter, allowed, expect.stringContaining(said)]);
    const client = await mqtt(user);
    expect([filter, (await client.subscribe(filter, 0)) < 0x80]).toEqual([filter, allowed]);
    await client.leave();
  }
  // Over other protocols by its key: nobody, the administrator neither, whose commands come over MQTT.
  for (const [user, topic] of PUBLISHED.filter(([, topic]) => /^\$(SYS|CONTROL)/.test(topic))) {
    const key = topic.replaceAll('/', '.');
    const [, verdict] = running.operator.explainAccess({
      user,
      action: 'write',
      resource: 'exchange:amq.topic',
      topic: key,
    });
    const allowed = topic.includes('connection');
    expect([topic, verdict]).toEqual([
      topic,
      {
        allowed,
        sentence: expect.stringContaining(
          allowed ? 'every topic is free' : "it is the broker's own, and nobody publishes there",
        ),
      },
    ]);
    const connection = await amqp(port('amqp'), user);
    const channel = await connection.createConfirmChannel();
    const refused = new Promise((resolve) => channel.once('error', () => resolve(false)));
    channel.publish('amq.topic', key, Buffer.from('x'));
    expect([
      topic,
      await Promise.race([
        channel.waitForConfirms().then(
          () => true,
          () => false,
        ),
        refused,
      ]),
    ]).toEqual([topic, allowed]);
    await connection.close();
    const stomp = await StompClient.open(port('stomp'), '1.2', { login: user, passcode: 'p' });
    stomp.send('SEND', { destination: `/topic/${key}`, receipt: 'r' }, 'x');
    expect([topic, (await stomp.next()).command]).toEqual([topic, allowed ? 'RECEIPT' : 'ERROR']);
    stomp.cut();
    const redis = await RedisClient.open(port('redis'));
    await redis.call('AUTH', user, 'p');
    expect([topic, !((await redis.call('PUBLISH', key, 'x')) instanceof ErrorReply)]).toEqual([topic, allowed]);
    redis.cut();
  }
  await running.close();
});

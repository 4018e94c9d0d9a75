/**
 * Between MQTT and AMQP or STOMP `.` and `/` trade places in topics and keys: what a client is shown is what it can bind,
 * subscribe, publish and reply to, and nothing is lost in either direction.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { header, publish as publishFrame } from '../../conformance/amqp/clients/frames.ts';
import { type AmqpProtocol, amqp as amqpProtocol } from '../../protocols/amqp/index.ts';
import { type MqttProtocol, mqtt } from '../../protocols/mqtt/index.ts';
import type { RawClient } from '../protocols/mqtt/raw-client.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { propertyList } from './clients/amqp-fields.ts';
import { Amqp, field, listOf, mqttClient, named, Stomp } from './harness.ts';

/** A topic, and how AMQP and STOMP are shown it. */
const TOPICS: readonly (readonly [topic: string, key: string, destination: string])[] = [
  ['a/b', 'a.b', '/topic/a.b'],
  ['spBv1.0/g/NBIRTH/n', 'spBv1/0.g.NBIRTH.n', '/topic/spBv1%2F0.g.NBIRTH.n'],
  ['a.b', 'a/b', '/topic/a%2Fb'],
  ['a.b/c', 'a/b.c', '/topic/a%2Fb.c'],
  ['/', '.', '/topic/.'],
  ['.', '/', '/topic/%2F'],
  ['/lead', '.lead', '/topic/.lead'],
  ['trail/', 'trail.', '/topic/trail.'],
  ['a//b', 'a..b', '/topic/a..b'],
  ['./.', '/./', '/topic/%2F.%2F'],
  ['star*/x', 'star*.x', '/topic/star*.x'],
  ['100%/x', '100%.x', '/topic/100%25.x'],
  ['Größe/é', 'Größe.é', '/topic/Größe.é'],
  ['a b/c', 'a b.c', '/topic/a b.c'],
  ['$app/x', '$app.x', '/topic/$app.x'],
];

let broker: TestBroker;
let staged: MqttProtocol;
let stagedAmqp: AmqpProtocol;
let amqp: Amqp;
let stomp: Stomp;
let publisher: RawClient;
let names = 0;

beforeAll(async () => {
  staged = Object.assign(mqtt(), { name: 'mqtt-staged' });
  stagedAmqp = Object.assign(amqpProtocol(), { name: 'amqp-staged' });
  broker = await startTestBroker({
    data: null,
    protocols: [staged, stagedAmqp],
    listen: ['amqp-staged', 'mqtt-staged', 'stomp'].map((name) => `${name}://127.0.0.1:0`),
  });
  Object.assign(broker.ports, { mqtt: broker.port('mqtt-staged'), amqp: broker.port('amqp-staged') });
  amqp = await Amqp.open(broker);
  stomp = await Stomp.open(broker);
  publisher = await mqttClient(broker, 'publisher', true);
});
afterAll(async () => {
  amqp.close();
  stomp.close();
  await broker.close();
});

const latin = (text: string): string => Buffer.from(text).latin1Slice();
const name = (): string => `n${++names}`;

async function subscriber(...filters: string[]): Promise<RawClient> {
  const peer = await mqttClient(broker, name(), true);
  for (const filter of filters) expect(await peer.subscribe(filter, 1)).toBe(1);
  return peer;
}

async function publish(topic: string, payload = 'x', retain = false): Promise<void> {
  publisher.publish(topic, payload, 1, 1, { retain });
  await publisher.next('puback');
}

async function queueBoundWith(key: string): Promise<string> {
  const queue = name();
  await amqp.declare(queue);
  await amqp.bind(queue, 'amq.topic', key);
  return queue;
}

describe.each(TOPICS)('topic %s, key %s', (topic, key, destination) => {
  it('is shown so to AMQP, and a binding with what is shown takes it', async () => {
    const queue = await queueBoundWith(key);
    await publish(topic);
    expect((await amqp.next(queue)).address).toBe(latin(key));
  });

  it('is shown so to STOMP, and a subscription to what is shown gets it', async () => {
    const reader = await Stomp.open(broker);
    await reader.subscribe(latin(destination));
    await publish(topic);
    expect((await reader.message()).address).toBe(latin(destination));
    reader.close();
  });

  it('is what AMQP, STOMP and MQTT publish to, and it is the same topic again', async () => {
    const peer = await subscriber(topic);
    await amqp.publish('amq.topic', key, {}, 'amqp');
    await stomp.sure('SEND', { destination: latin(destination), 'content-length': '5' }, 'stomp');
    await publish(topic, 'mqtt');
    for (const from of ['amqp', 'stomp', 'mqtt']) {
      const { topic: shown, payload } = await peer.next('publish');
      expect([shown, String(payload)]).toEqual([topic, from]);
    }
    await peer.vanish();
  });

  it('is kept as it was sent', async () => {
    await publish(topic, 'kept', true);
    const peer = await subscriber(topic);
    const { topic: shown, retain } = await peer.next('publish');
    expect([shown, retain]).toEqual([topic, true]);
    await publish(topic, '', true);
    await peer.vanish();
  });

  it('is where a response goes that AMQP or STOMP answers to', async () => {
    const queue = await queueBoundWith(`ask.${key}`);
    const reader = await Stomp.open(broker);
    await reader.subscribe(`/amq/queue/${queue}`);
    const peer = await subscriber(topic);
    const ask = async (): Promise<void> => {
      publisher.publish(`ask/${topic}`, '?', 1, 1, { properties: { responseTopic: topic } });
      await publisher.next('puback');
    };
    await ask();
    const { properties } = await reader.message();
    expect(properties['reply-to']).toBe(latin(destination));
    await stomp.sure('SEND', { destination: properties['reply-to'] as string, 'content-length': '1' }, '1');
    reader.close();
    await ask();
    const asked = await amqp.next(queue);
    const exchange = (asked.properties['h:x-reply-to-exchange'] as string).slice(2);
    await amqp.publish(exchange, Buffer.from(asked.properties['reply-to'] as string, 'latin1').toString(), {}, '2');
    for (const answer of ['1', '2']) {
      const { topic: shown, payload } = await peer.next('publish');
      expect([shown, String(payload)]).toEqual([topic, answer]);
    }
    await peer.vanish();
  });
});

describe('filters', () => {
  it.each([
    // A key of AMQP, and the filters that match the topic which is shown for it.
    ['a/b', ['a.b', '+', '#'], ['a/b', 'a/+', '+/+']],
    ['a.b', ['a/b', 'a/+', '+/b', 'a/#'], ['a.b', '+']],
    ['v1/2.x', ['v1.2/x', 'v1.2/+', '+/x'], ['v1/2/x', '+/+/+', 'v1/#']],
    ['x.*', ['x/*', 'x/+'], ['x/y']],
    ['.a', ['/a', '+/a'], ['a']],
  ])('key %s', async (key, matching, others) => {
    const yes = await Promise.all(matching.map((filter) => subscriber(filter)));
    const no = await Promise.all(others.map((filter) => subscriber(filter)));
    await amqp.publish('amq.topic', key);
    for (const peer of yes) await peer.next('publish');
    for (const peer of no) {
      await peer.settle();
      expect(peer.packets).toEqual([]);
    }
    for (const peer of [...yes, ...no]) await peer.vanish();
  });

  it.each([
    // A topic of MQTT, and the bindings that match the key which is shown for it.
    ['a/b', ['a.b', 'a.*', '#', 'a.#.b'], ['a/b', '*']],
    ['a.b', ['a/b', '*', '#'], ['a.b', 'a.*']],
    ['a/*', ['a.*'], ['a.+']],
  ])('topic %s', async (topic, matching, others) => {
    const yes: string[] = [];
    const no: string[] = [];
    for (const key of matching) yes.push(await queueBoundWith(key));
    for (const key of others) no.push(await queueBoundWith(key));
    await publish(topic);
    for (const queue of yes) await amqp.next(queue);
    for (const queue of no) expect(await amqp.get(queue)).toBeUndefined();
  });
});

describe('what is no topic', () => {
  it.each([
    ['wild.+.card', 'wild/_/card', 'wild/+/card'],
    ['wild.#', 'wild/_', 'wild/+'],
    ['nu.l\0l', 'nu/l_l', 'nu/+'],
  ])('key %j is delivered as %s, counted, and its filter matches that', async (key, shown, filter) => {
    const peer = await subscriber(filter);
    const before = staged.stats.lossyConversions;
    await amqp.publish('amq.topic', key);
    expect((await peer.next('publish')).topic).toBe(shown);
    expect(staged.stats.lossyConversions - before).toBe(1);
    await peer.vanish();
  });

  it('an empty key is shown as its exchange, counted', async () => {
    const peer = await subscriber('#');
    const before = staged.stats.lossyConversions;
    await amqp.publish('amq.topic', '');
    expect((await peer.next('publish')).topic).toBe('amq/topic');
    expect(staged.stats.lossyConversions - before).toBe(1);
    await peer.vanish();
  });

  it('and STOMP is shown a destination for it that it can use', async () => {
    const reader = await Stomp.open(broker);
    await reader.subscribe('/exchange/amq.topic');
    await amqp.publish('amq.topic', '');
    expect((await reader.message()).address).toBe('/exchange/amq.topic');
    await stomp.sure('SEND', { destination: '/exchange/amq.topic', 'content-length': '0' });
    expect((await reader.message()).address).toBe('/exchange/amq.topic');
    reader.close();
  });
});

it('a topic too long for a key comes whole in a header, as a topic, counted', async () => {
  const topic = `v1.0/${'x'.repeat(300)}`;
  const queue = await queueBoundWith('v1/0.#');
  const before = stagedAmqp.stats.lossyConversions;
  await publish(topic);
  const { address, properties } = await amqp.next(queue);
  expect(address).toBe(`v1/0.${'x'.repeat(250)}`);
  expect(properties['h:x-mqtt-topic']).toBe(`S:${topic}`);
  expect(stagedAmqp.stats.lossyConversions - before).toBe(1);
  const dotted = `v1/0.${'y'.repeat(300)}`;
  await stomp.sure('SEND', { destination: `/topic/${dotted.replace('/', '%2F')}`, 'x-mqtt-topic': 'forged' }, '');
  expect((await amqp.next(queue)).properties['h:x-mqtt-topic']).toBe(`S:v1.0/${'y'.repeat(300)}`);
});

describe('the names of queues are not respelled', () => {
  it('from MQTT', async () => {
    await amqp.declare('q/1.0');
    await publish('$queue/q/1.0');
    expect((await amqp.next('q/1.0')).address).toBe('q/1.0');
  });

  it('towards MQTT, whose topic for it leads there again', async () => {
    const peer = await subscriber('own/topic');
    const session = `mqtt-subscription-n${names}`;
    await amqp.publish('', session);
    expect((await peer.next('publish')).topic).toBe(`$queue/${session}`);
    await publish(`$queue/${session}`);
    expect((await peer.next('publish')).topic).toBe(`$queue/${session}`);
    await peer.vanish();
  });

  it('where a dead letter goes to the queue that its key names, it is the key that AMQP is shown', async () => {
    await amqp.declare('spB/0.dead');
    const queue = name();
    await amqp.declare(queue, named('x-dead-letter-exchange', field('S:')), named('x-message-ttl', field('I:0')));
    await amqp.bind(queue, 'amq.topic', 'spB/0.dead');
    await publish('spB.0/dead');
    const letter = await amqp.next('spB/0.dead');
    expect(letter.address).toBe('spB/0.dead');
    expect(letter.properties['h:x-death']).toContain('routing-keys=A[S:spB/0.dead]');
  });
});

it('exchanges of other types see the key that AMQP is shown', async () => {
  const raw = amqp.raw;
  const { bits, method, short, u16, EMPTY_TABLE } = await import('../../conformance/amqp/clients/frames.ts');
  const x = name();
  raw.send(
    method(
      1,
      'exchange.declare',
      u16(0),
      short(x),
      short('direct'),
      bits(false, false, false, false, false),
      EMPTY_TABLE,
    ),
  );
  await raw.expect('exchange.declare-ok', 1);
  raw.send(
    method(1, 'exchange.bind', u16(0), short(x), short('amq.topic'), short('direct.#'), bits(false), EMPTY_TABLE),
  );
  await raw.expect('exchange.bind-ok', 1);
  const queue = name();
  await amqp.declare(queue);
  await amqp.bind(queue, x, 'direct.v1/0');
  await publish('direct/v1.0');
  expect((await amqp.next(queue)).address).toBe('direct.v1/0');
});

it('names with a NUL in them lead to one place, not to another exchange', async () => {
  const { bits, method, short, u16, EMPTY_TABLE } = await import('../../conformance/amqp/clients/frames.ts');
  const queues: string[] = [];
  for (const [x, key] of [
    ['x', 'y\0z'],
    ['x\0y', 'z'],
  ] as const) {
    const flags = bits(false, false, false, false, false);
    amqp.raw.send(method(1, 'exchange.declare', u16(0), short(x), short('direct'), flags, EMPTY_TABLE));
    await amqp.raw.expect('exchange.declare-ok', 1);
    const queue = name();
    queues.push(queue);
    await amqp.declare(queue);
    await amqp.bind(queue, x, key);
    await amqp.publish(x, key, {}, x);
  }
  for (const [i, x] of ['x', 'x\0y'].entries()) {
    expect((await amqp.next(queues[i]!)).body).toBe(x);
    expect(await amqp.get(queues[i]!)).toBeUndefined();
  }
});

it('CC names further keys as AMQP spells them', async () => {
  const peer = await subscriber('cc.1/x');
  await amqp.publish('amq.topic', 'elsewhere', { 'h:CC': listOf(field('S:cc/1.x')) });
  // It is stored under its first key.
  expect((await peer.next('publish')).topic).toBe('elsewhere');
  await peer.vanish();
});

describe.each(['$SYS.broker.version', '$SYS', '$CONTROL.dynamic-security.v1.response'])('%s', (key) => {
  const words = `access to topic '${key}' in exchange 'amq.topic' in vhost '/' refused for user 'guest'`;

  it('is the broker’s alone to tell, whatever protocol one publishes in', async () => {
    const peer = await subscriber(key.replaceAll('.', '/'));
    const client = await Amqp.open(broker);
    client.raw.send(publishFrame(1, 'amq.topic', key), header(1, 0, propertyList({})));
    const closed = await client.raw.expect('channel.close', 1);
    expect([closed.u16(), closed.short()]).toEqual([403, `ACCESS_REFUSED - ${words}`]);
    client.close();
    const sender = await Stomp.open(broker);
    await expect(sender.sure('SEND', { destination: `/topic/${key}` }, 'fake')).rejects.toThrow(words);
    sender.close();
    await publish('asked/last');
    const told: unknown[] = [];
    await peer.subscribe('asked/last', 1);
    await publish('asked/last');
    for (let next = await peer.next('publish'); next.topic !== 'asked/last'; next = await peer.next('publish'))
      told.push(next.payload.toString());
    expect(told).not.toContain('fake');
    expect(told).not.toContain('');
  });
});

it('how a bridge is may be published in any protocol', async () => {
  const peer = await subscriber('$SYS/broker/connection/+/state');
  await amqp.publish('amq.topic', '$SYS.broker.connection.b.state', {}, '1');
  expect((await peer.next('publish')).payload.toString()).toBe('1');
});

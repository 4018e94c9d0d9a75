/** Bytes that are no text pass as they are, wherever the broker has to look at a message's properties or to add to them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bits, EMPTY_TABLE, method, short, u16 } from '../../conformance/amqp/clients/frames.ts';
import { type AmqpProtocol, amqp as amqpProtocol } from '../../protocols/amqp/index.ts';
import { type MqttProtocol, mqtt } from '../../protocols/mqtt/index.ts';
import { type StompProtocol, stomp as stompProtocol } from '../../protocols/stomp/index.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { Amqp, field, mqttClient, mqttProperties, mqttSeen, named, type Said, Stomp } from './harness.ts';

const ID = '\x8f\x00\x01\xff\xfe\x10\x7f\x80\xc3\x28\xa0\xa1\xe2\x28\xa1\x00';
const SAID: Said = {
  'correlation-id': ID,
  'message-id': 'm\xff',
  'content-type': '\xe9',
  'h:latin': 'S:caf\xe9',
  'h:\xff\xfe': 'S:name',
  'h:\xff\xfd': 'S:other',
  'h:binary': `x:${ID}`,
  'h:short': 's:7',
  'h:decimal': 'D:2/314',
};

const clock = new ManualClock();
let broker: TestBroker;
let amqp: Amqp;
let stomp: Stomp;
let names = 0;
const stats: { amqp: AmqpProtocol; mqtt: MqttProtocol; stomp: StompProtocol } = {
  amqp: Object.assign(amqpProtocol(), { name: 'amqp-staged' }),
  mqtt: Object.assign(mqtt(), { name: 'mqtt-staged' }),
  stomp: Object.assign(stompProtocol(), { name: 'stomp-staged' }),
};

beforeAll(async () => {
  broker = await startTestBroker({
    data: null,
    clock,
    protocols: Object.values(stats),
    listen: Object.values(stats).map(({ name }) => `${name}://127.0.0.1:0`),
  });
  const port = (name: string): number => broker.port(`${name}-staged`);
  Object.assign(broker.ports, { amqp: port('amqp'), mqtt: port('mqtt'), stomp: port('stomp') });
  amqp = await Amqp.open(broker);
  stomp = await Stomp.open(broker);
});
afterAll(async () => {
  amqp.close();
  stomp.close();
  await broker.close();
});

const name = (): string => `b${++names}`;

async function declared(args: Record<string, string> = {}): Promise<string> {
  const queue = name();
  await amqp.declare(queue, ...Object.entries(args).map(([key, value]) => named(key, field(value))));
  return queue;
}

async function exchange(type: string, ...args: Buffer[]): Promise<string> {
  const x = name();
  const flags = bits(false, false, false, false, false);
  const length = Buffer.alloc(4);
  const content = Buffer.concat(args);
  length.writeUInt32BE(content.length);
  const table = args.length === 0 ? EMPTY_TABLE : Buffer.concat([length, content]);
  amqp.raw.send(method(1, 'exchange.declare', u16(0), short(x), short(type), flags, table));
  await amqp.raw.expect('exchange.declare-ok', 1);
  return x;
}

/** Without what a death adds. */
function own(properties: Record<string, string | string[]>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(properties).filter(([key]) => !/^(?:h:)?x-(?:first-|last-)?death/.test(key)),
  );
}

describe('AMQP to AMQP', () => {
  it('through a dead letter, twice', async () => {
    const dead = await declared();
    const middle = await declared({ 'x-dead-letter-exchange': 'S:', 'x-dead-letter-routing-key': `S:${dead}` });
    const first = await declared({ 'x-dead-letter-exchange': 'S:', 'x-dead-letter-routing-key': `S:${middle}` });
    await amqp.publish('', first, { ...SAID, expiration: '60000' });
    amqp.reject((await amqp.next(first, false)).tag);
    amqp.reject((await amqp.next(middle, false)).tag);
    const { properties } = await amqp.next(dead);
    expect(own(properties)).toEqual(SAID);
    expect(properties['h:x-death']).toMatch(/^A\[F\{.*F\{/);
  });

  it('through a quorum queue that counts attempts', async () => {
    const queue = name();
    await amqp.declare(queue, named('x-queue-type', field('S:quorum')));
    await amqp.publish('', queue, { ...SAID, 'h:x-delivery-count': 'S:forged' });
    amqp.nackAgain((await amqp.next(queue, false)).tag);
    const length = Buffer.from([0, 0, 0, 0]);
    amqp.raw.send(
      method(1, 'basic.consume', u16(0), short(queue), short('c'), bits(false, true, false, false), length),
    );
    await amqp.raw.expect('basic.consume-ok', 1);
    await amqp.raw.expect('basic.deliver', 1);
    const { readPropertyList } = await import('./harness.ts');
    const { properties } = await amqp.raw.content();
    expect(readPropertyList(properties)).toEqual({ ...SAID, 'h:x-delivery-count': 'l:1', 'h:x-acquired-count': 'l:1' });
    amqp.raw.send(method(1, 'basic.cancel', short('c'), bits(false)));
    await amqp.raw.expect('basic.cancel-ok', 1);
  });

  it('through a delay', async () => {
    const x = await exchange('x-delayed-message', named('x-delayed-type', field('S:fanout')));
    const queue = await declared();
    await amqp.bind(queue, x, '');
    await amqp.publish(x, '', { ...SAID, 'h:x-delay': 'I:1000' });
    expect(await amqp.get(queue)).toBeUndefined();
    clock.advance(2_000);
    expect((await amqp.next(queue)).properties).toEqual({ ...SAID, 'h:x-delay': 'I:1000' });
  });

  it('through a retry that waits', async () => {
    await broker.setPolicy('/', {
      name: 'patient',
      pattern: '^patient',
      definition: { 'retry-delay': 1000, 'retry-backoff': 'constant' },
    });
    const queue = 'patient';
    await amqp.declare(queue);
    await amqp.publish('', queue, SAID);
    amqp.nackAgain((await amqp.next(queue, false)).tag);
    expect(await amqp.get(queue)).toBeUndefined();
    clock.advance(2_000);
    expect((await amqp.next(queue)).properties).toEqual(SAID);
  });

  it('with a header name that comes twice, which goes but for the first, counted', async () => {
    const queue = await declared();
    const before = stats.amqp.stats.lossyConversions;
    await amqp.publish('', queue, { ...SAID, 'h:latin': ['S:caf\xe9', 'S:cafe'] });
    expect((await amqp.next(queue)).properties).toEqual(SAID);
    expect(stats.amqp.stats.lossyConversions - before).toBe(1);
  });

  it('with a dead-letter key that is no text', async () => {
    const queue = await declared({ 'x-dead-letter-exchange': 'S:amq.topic', 'x-dead-letter-routing-key': 'S:k.\xff' });
    const dead = await declared();
    await amqp.bind(dead, 'amq.topic', 'k.*');
    await amqp.publish('', queue, SAID);
    amqp.reject((await amqp.next(queue, false)).tag);
    const letter = await amqp.next(dead);
    expect(letter.address).toBe('k.\xff');
    expect(letter.properties['h:x-death']).toContain(`routing-keys=A[S:${queue}]`);
  });
});

describe('STOMP to STOMP', () => {
  it('a receipt that no UTF-8 names, where its frame is refused', async () => {
    const wrong = await Stomp.open(broker);
    wrong.send('SEND', { destination: '/nowhere/x', receipt: 'r\xff' });
    await expect(wrong.frame('RECEIPT')).rejects.toThrow(/ERROR\nmessage:Unknown destination\nreceipt-id:r\xff\n/);
    wrong.close();
  });

  it('a key that is no UTF-8 is shown as what leads there', async () => {
    const topic = `/topic/${name()}.caf`;
    const reader = await Stomp.open(broker);
    await reader.subscribe(`${topic}%E9`);
    await reader.sure('SEND', { destination: `${topic}%E8` }, 'E8');
    await reader.sure('SEND', { destination: `${topic}%e9` }, 'E9');
    const first = await reader.message();
    expect([first.address, first.body]).toEqual([`${topic}%E9`, 'E9']);
    await reader.sure('SEND', { destination: first.address }, 'again');
    expect((await reader.message()).body).toBe('again');
    reader.close();
  });

  it('no queue has a name that is no UTF-8', async () => {
    const wrong = await Stomp.open(broker);
    await expect(wrong.sure('SEND', { destination: '/queue/caf%E9' }, 'x')).rejects.toThrow('that give UTF-8');
    wrong.close();
  });
});

describe('a headers exchange', () => {
  it('sees a group, whoever says so', async () => {
    const queue = await declared();
    await amqp.bind(queue, 'amq.headers', '', named('JMSXGroupID', field(`S:${queue}`)));
    const args = EMPTY_TABLE;
    amqp.raw.send(
      method(1, 'exchange.bind', u16(0), short('amq.headers'), short('amq.topic'), short(queue), bits(false), args),
    );
    await amqp.raw.expect('exchange.bind-ok', 1);
    await amqp.publish('amq.topic', queue, { 'h:JMSXGroupID': `S:${queue}` }, 'amqp');
    await stomp.sure('SEND', { destination: `/topic/${queue}`, JMSXGroupID: queue }, 'stomp');
    const peer = await mqttClient(broker, queue, true);
    peer.publish(queue, 'mqtt', 1, 1, { properties: mqttProperties({ 'u:JMSXGroupID': queue })! });
    await peer.next('puback');
    await peer.leave();
    for (const from of ['amqp', 'stomp', 'mqtt']) expect((await amqp.next(queue)).body).toBe(from);
  });

  it.each(['S', 'x'])('tells bytes apart that are no text: %s', async (letter) => {
    const x = await exchange('headers');
    const queue = await declared();
    await amqp.bind(queue, x, '', named('h', field(`${letter}:\xff`)));
    await amqp.publish(x, '', { 'h:h': 'S:\xfe' }, 'FE');
    await amqp.publish(x, '', { 'h:h': 'x:\xff' }, 'FF, bytes');
    await amqp.publish(x, '', { 'h:h': 'S:\xff' }, 'FF');
    expect((await amqp.next(queue)).body).toBe('FF, bytes');
    expect((await amqp.next(queue)).body).toBe('FF');
    expect(await amqp.get(queue)).toBeUndefined();
  });

  it('tells names apart that are no text', async () => {
    const x = await exchange('headers');
    const queue = await declared();
    await amqp.bind(queue, x, '', named('\xff', field('I:1')));
    await amqp.publish(x, '', { 'h:\xfe': 'I:1' }, 'FE');
    await amqp.publish(x, '', { 'h:\xff': 'I:1' }, 'FF');
    expect((await amqp.next(queue)).body).toBe('FF');
  });
});

describe('between protocols', () => {
  it('AMQP to STOMP: the bytes as they are; to MQTT: what must be text as base64', async () => {
    const queue = await declared();
    await amqp.bind(queue, 'amq.topic', 'bytes.all');
    const peer = await mqttClient(broker, 'bytes', true);
    await peer.subscribe('bytes/all', 1);
    const before = stats.mqtt.stats.lossyConversions;
    await amqp.publish('amq.topic', 'bytes.all', SAID);
    const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
    expect(mqttSeen(await peer.next('publish')).properties).toEqual({
      'correlation-data': ID,
      'u:message-id': base64('m\xff'),
      'u:latin': base64('caf\xe9'),
      'u:binary': base64(ID),
      'u:short': '7',
      'u:decimal': '3.14',
      'u:x-base64-headers': 'message-id,latin,binary',
    });
    // Content type and two names cannot be said.
    expect(stats.mqtt.stats.lossyConversions - before).toBe(1);
    const reader = await Stomp.open(broker);
    await reader.subscribe(`/amq/queue/${queue}`);
    expect((await reader.message()).properties).toEqual({
      'amqp-message-id': 'm\xff',
      'correlation-id': `ID:AMQP_BINARY:${Buffer.from(ID, 'latin1').toString('hex').toUpperCase()}`,
      'content-type': '\xe9',
      latin: 'caf\xe9',
      '\xff\xfe': 'name',
      '\xff\xfd': 'other',
      short: '7',
      decimal: '3.14',
      // It holds a NUL, which no header can.
      binary: base64(ID),
      'x-base64-headers': 'binary',
    });
    reader.close();
    await peer.vanish();
  });

  it('STOMP to AMQP and through a dead letter to STOMP', async () => {
    const dead = await declared();
    const queue = await declared({ 'x-dead-letter-exchange': 'S:', 'x-dead-letter-routing-key': `S:${dead}` });
    const said = {
      latin: 'caf\xe9',
      '\xffname': 'x',
      'correlation-id': 'caf\xe9',

      'with:colon': 'a\\b\nc',
    };
    await stomp.sure('SEND', { destination: `/amq/queue/${queue}`, 'content-length': '1', ...said }, 'x');
    const first = await amqp.next(queue, false);
    expect(first.properties).toEqual({
      'delivery-mode': '1',
      'h:x-correlation-id': 'x:caf\xe9',
      'h:latin': 'S:caf\xe9',
      'h:\xffname': 'S:x',
      'h:with:colon': 'S:a\\b\nc',
    });
    amqp.reject(first.tag);
    const reader = await Stomp.open(broker);
    await reader.subscribe(`/amq/queue/${dead}`);
    expect(own((await reader.message()).properties)).toEqual(said);
    reader.close();
  });

  it('a request of MQTT is answered with its own correlation data, whoever answers', async () => {
    const peer = await mqttClient(broker, 'asking', true);
    await peer.subscribe('answers/here', 1);
    const queue = await declared();
    await amqp.bind(queue, 'amq.topic', 'ask');
    const ask = async (): Promise<void> => {
      const properties = mqttProperties({ 'correlation-data': ID, 'response-topic': 'answers/here' })!;
      peer.publish('ask', '?', 1, 1, { properties });
      await peer.next('puback');
    };
    await ask();
    const asked = await amqp.next(queue);
    expect(asked.properties['h:x-correlation-id']).toBe(`x:${ID}`);
    await amqp.publish('amq.topic', 'answers.here', { 'h:x-correlation-id': `x:${ID}` });
    await amqp.publish('amq.topic', 'answers.here', { 'correlation-id': ID });
    await ask();
    const reader = await Stomp.open(broker);
    await reader.subscribe(`/amq/queue/${queue}`);
    const { properties } = await reader.message();
    const id = properties['correlation-id'] as string;
    await stomp.sure(
      'SEND',
      { destination: properties['reply-to'] as string, 'correlation-id': id, 'content-length': '1' },
      '!',
    );
    for (let i = 0; i < 3; i++) {
      expect(mqttSeen(await peer.next('publish')).properties).toEqual({ 'correlation-data': ID });
    }
    reader.close();
    await peer.vanish();
  });

  it('a header whose name AMQP has no room for is left out, counted, and no other with it', async () => {
    const queue = await declared();
    const long = `${'x'.repeat(255)}y`;
    const before = stats.amqp.stats.lossyConversions;
    await stomp.sure('SEND', {
      destination: `/amq/queue/${queue}`,
      [long]: '1',
      [`${long}z`]: '2',
      kept: '3',
      'content-length': '0',
    });
    expect((await amqp.next(queue)).properties).toEqual({ 'delivery-mode': '1', 'h:kept': 'S:3' });
    expect(stats.amqp.stats.lossyConversions - before).toBe(1);
  });

  it('a name that comes twice is counted towards each that sees it once', async () => {
    const queue = await declared();
    await amqp.bind(queue, 'amq.topic', 'twice');
    const reader = await Stomp.open(broker);
    await reader.subscribe('/topic/twice');
    const peer = await mqttClient(broker, 'twice', true);
    const before = [stats.amqp.stats.lossyConversions, stats.stomp.stats.lossyConversions];
    for (let i = 0; i < 2; i++) {
      peer.publish('twice', 'x', 1, 1, { properties: mqttProperties({ 'u:k': ['1', '2'] })! });
      await peer.next('puback');
      expect((await amqp.next(queue)).properties['h:k']).toBe('S:1');
      expect((await reader.message()).properties['k']).toBe('1');
    }
    const after = [stats.amqp.stats.lossyConversions, stats.stomp.stats.lossyConversions];
    expect(after.map((count, i) => count - before[i]!)).toEqual([2, 2]);
    reader.close();
    await peer.vanish();
  });
});

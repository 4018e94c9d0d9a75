import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mqtt } from '../../../../protocols/mqtt/index.ts';
import { splitUserName } from '../../../../protocols/mqtt/mapping/names.ts';
import { TopicWriter } from '../../../../protocols/mqtt/mapping/topic-writer.ts';
import { DOT, MessageView, SLASH, type Spelling } from '../../../../src/message/message.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { openSession, publishAs } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

describe('the topic of a message', () => {
  const writer = new TopicWriter();
  const topicOf = (
    dialect: number,
    spelling: Spelling,
    key: string | Buffer,
    exchange = 'amq.topic',
  ): [string, boolean] => {
    const keyBytes = Buffer.from(key as string);
    const view = new MessageView();
    view.dialect = dialect;
    view.spelling = spelling;
    view.head = Buffer.concat([Buffer.from(exchange), keyBytes]);
    view.exchangeEnd = exchange.length;
    view.keyStart = exchange.length;
    view.keyEnd = view.head.length;
    writer.of(view);
    return [writer.buffer.toString('latin1', writer.start, writer.end), writer.lossy];
  };

  it.each<[string, number, Spelling, string | Buffer, string, boolean]>([
    ['of MQTT is as it was sent', 2, SLASH, 'a/b.c', 'a/b.c', false],
    ['spelled with dots gets slashes', 1, DOT, 'a.b.c', 'a/b/c', false],
    ['shows a slash within a level as a dot', 1, DOT, 'a/b.c', 'a.b/c', false],
    ['spelled with slashes by another protocol keeps its dots', 3, SLASH, 'a/b.c', 'a/b.c', false],
    ['loses wildcards', 1, DOT, 'a.#.+', 'a/_/_', true],
    ['loses U+0000', 1, DOT, 'a\0b', 'a_b', true],
    ['loses bytes that are not UTF-8', 1, DOT, Buffer.of(0x61, 0xff, 0x2e, 0x62), 'a_/b', true],
    ['without a key is the exchange', 1, DOT, '', 'amq/topic', true],
    ['of a dead letter with a dotted key gets slashes whoever sent it', 2, DOT, 'dead.letters', 'dead/letters', false],
    ['is cut where it is too long', 1, DOT, 'x'.repeat(70_000), 'x'.repeat(65_535), true],
  ])('%s', (_, dialect, spelling, key, expected, lossy) => {
    expect(topicOf(dialect, spelling, key)).toEqual([expected, lossy]);
    expect(topicOf(dialect, spelling, key)).toEqual([expected, lossy]); // remembered
  });

  it('is not taken from the one before it', () => {
    expect(topicOf(1, DOT, 'a.b')[0]).toBe('a/b');
    expect(topicOf(1, SLASH, 'a.b')[0]).toBe('a.b');
    expect(topicOf(1, DOT, 'a.c')[0]).toBe('a/c');
    expect(topicOf(1, DOT, '', 'one')[0]).toBe('one');
    expect(topicOf(1, DOT, '', 'two')[0]).toBe('two');
  });
});

describe('a user name', () => {
  it.each([
    [undefined, undefined, undefined],
    ['guest', undefined, 'guest'],
    ['/:guest', '/', 'guest'],
    ['v:u:x', 'v', 'u:x'],
    [':u', undefined, 'u'],
  ])('%s', (name, vhost, user) => {
    expect(splitUserName(name)).toEqual({ vhost, user });
  });
});

describe('a stream that begins with', () => {
  it.each<[string, number[], boolean | undefined]>([
    ['nothing', [], undefined],
    ['one byte', [0x10], undefined],
    ['an unfinished length', [0x10, 0x80, 0x80], undefined],
    ['half a name', [0x10, 20, 0, 4, 0x4d, 0x51], undefined],
    ['MQTT', [0x10, 20, 0, 4, 0x4d, 0x51, 0x54, 0x54], true],
    ['MQTT after a long length', [0x10, 0x80, 0x80, 0x80, 1, 0, 4, 0x4d, 0x51, 0x54, 0x54], true],
    ['MQIsdp', [0x10, 20, 0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70], true],
    ['another name', [0x10, 20, 0, 4, 0x4d, 0x51, 0x54, 0x55], false],
    ['a length of five bytes', [0x10, 0x80, 0x80, 0x80, 0x80], false],
    ['AMQP', [...Buffer.from('AMQP\0')], false],
    ['STOMP', [...Buffer.from('CONNECT\n')], false],
  ])('%s', (_, bytes, expected) => {
    expect(mqtt().detect(Buffer.from(bytes))).toBe(expected);
  });
});

describe('a message of another protocol', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startTestBroker({ data: null, listen: ['mqtt://127.0.0.1:0'] });
  });
  afterAll(() => broker.close());

  it('arrives with its topic respelled, with the QoS of its assurance, at every subscriber', async () => {
    const clients = await Promise.all(['a', 'b', 'c'].map((id) => RawClient.connect(broker.ports.mqtt, id)));
    for (const [qos, client] of clients.entries()) await client.subscribe('cross/+', qos as 0 | 1 | 2);
    const session = await openSession(broker);
    for (const assurance of [0, 1] as const) {
      publishAs(session, 'amq.topic', DOT, 'cross.x', `body ${assurance}`, (draft) => {
        draft.assurance = assurance;
      });
    }
    for (const [qos, client] of clients.entries()) {
      const found = [await client.next('publish'), await client.next('publish')];
      const expected = [
        ['cross/x', 'body 0', 0],
        ['cross/x', 'body 1', Math.min(1, qos)],
      ];
      const shown = found.map((p) => [p.topic, p.payload.toString(), p.qos]);
      expect(shown.sort((x, y) => String(x[1]).localeCompare(String(y[1])))).toEqual(expected);
    }
    session.close(true);
  });

  it('is not mistaken for the one before it when fanned out', async () => {
    const clients = await Promise.all(
      Array.from({ length: 5 }, (_, i) => RawClient.connect(broker.ports.mqtt, `fan${i}`)),
    );
    for (const client of clients) await client.subscribe('fan/#', 0);
    const session = await openSession(broker);
    const sent = Array.from({ length: 300 }, (_, i) => `${i}-${'x'.repeat((i * 7919) % 900)}`);
    for (const [i, body] of sent.entries()) publishAs(session, 'amq.topic', i % 2 === 0 ? DOT : SLASH, `fan`, body);
    for (const client of clients) {
      const got: string[] = [];
      while (got.length < sent.length) got.push((await client.next('publish')).payload.toString());
      expect(got).toEqual(sent);
    }
    session.close(true);
  });
});

/** Frames that no client library sends: broken ones, ones out of turn, no-wait, methods without a call, every field type. */
import { expect } from 'vitest';
import { within } from '../../support/inbox.ts';
import { MESSAGE_SIZE_MAX } from '../brokers.ts';
import { PATIENCE_MS } from '../clients/arrivals.ts';
import {
  BODY,
  bits,
  body,
  FRAME_END,
  field,
  frame,
  HEADER,
  HEADERS_FLAG,
  header,
  long,
  METHOD,
  METHODS,
  method,
  publish,
  short,
  table,
  u8,
  u16,
  u32,
  u64,
} from '../clients/frames.ts';
import type { RawConnection } from '../clients/raw.ts';
import { drain, eventually, type Run, rawScenario, ready, scenario, topic, word } from '../scenario.ts';

/**
 * Sends this on a fresh connection with channel 1 open, and expects the connection to be closed with exactly this; with
 * this code alone where RabbitMQ's text quotes the frame.
 */
const fault = (name: string, spec: string, expected: string | number, make: (t: Run) => readonly Buffer[]) =>
  rawScenario(name, spec, async (t) => {
    const raw = await t.rawChannel();
    raw.send(...make(t));
    const close = await raw.connectionClose();
    if (typeof expected === 'string') expect(word(close)).toBe(expected);
    else expect(close.replyCode).toBe(expected);
    await within(raw.ended, PATIENCE_MS, () => 'the socket stays open');
  });

/** The same for what RabbitMQ does not survive or never answers. */
const malformed = (name: string, spec: string, replyCode: number, make: (t: Run) => readonly Buffer[]) =>
  rawScenario(name, spec, async (t) => {
    const raw = await t.rawChannel();
    raw.send(...make(t));
    if (t.differs('malformed-input')) return;
    expect((await raw.connectionClose()).replyCode).toBe(replyCode);
    await within(raw.ended, PATIENCE_MS, () => 'the socket stays open');
  });

const declare = (queue: string, nowait = false): Buffer =>
  method(1, 'queue.declare', u16(0), short(queue), bits(false, false, false, false, nowait), table());

/** A queue with one message whose header frame is this, fetched back. */
async function carried(t: Run, properties: Buffer): Promise<Buffer> {
  const raw = await t.rawChannel();
  const q = t.name();
  raw.send(declare(q));
  await raw.expect('queue.declare-ok', 1);
  raw.send(publish(1, '', q), header(1, 1, properties), body(1, 'x'));
  raw.send(method(1, 'basic.get', u16(0), short(q), bits(true)));
  await raw.expect('basic.get-ok', 1);
  return (await raw.content()).properties;
}

/** A queue named after the run, for channel 1. */
async function queue(t: Run, raw: RawConnection): Promise<string> {
  const q = t.name();
  raw.send(declare(q));
  await raw.expect('queue.declare-ok', 1);
  return q;
}

const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
};

/** Every type of a field value, by its letter, as RabbitMQ reads them. */
const FIELD_TYPES: readonly (readonly [what: string, type: string, value: Buffer])[] = [
  ['boolean', 't', u8(1)],
  ['signed octet', 'b', u8(0x80)],
  ['unsigned octet', 'B', u8(0xff)],
  ['signed short', 's', u16(0x8000)],
  ['unsigned short', 'u', u16(0xffff)],
  ['signed long', 'I', u32(0x80000000)],
  ['unsigned long', 'i', u32(0xffffffff)],
  ['signed 64-bit', 'l', u64(0x8000000000000000n)],
  ['signed 64-bit, largest', 'l', u64(0x7fffffffffffffffn)],
  ['float', 'f', float(1.5)],
  ['double', 'd', double(Math.PI)],
  ['decimal', 'D', Buffer.concat([u8(2), u32(12_345)])],
  ['long string', 'S', long('größe')],
  ['byte array', 'x', long(Buffer.from([0, 1, 0xfe, 0xff]))],
  ['timestamp', 'T', u64(1_700_000_000)],
  ['void', 'V', Buffer.alloc(0)],
  ['array', 'A', long(Buffer.concat([Buffer.from('I'), u32(1), Buffer.from('S'), long('two'), Buffer.from('V')]))],
  ['nested table', 'F', table(field('in', 'F', table(field('deeper', 't', u8(0)))))],
];

export const frames = topic('frames', [
  fault('a frame that does not end with 206', '§4.2.3 frame-end', 501, () => [
    Buffer.concat([u8(METHOD), u16(1), u32(5), Buffer.alloc(5), u8(0)]),
  ]),
  fault('a frame of an unknown type', '§4.2.3', 501, () => [frame(7, 1, Buffer.from('x'))]),
  fault('a frame larger than was agreed', '§4.2.3', 501, () => [
    Buffer.concat([u8(METHOD), u16(1), u32(200_000), Buffer.alloc(200_000), u8(FRAME_END)]),
  ]),
  malformed('a method that is not there', '§4.2.4', 503, () => [method(1, 60 * 65_536 + 999)]),
  malformed('a class that is not there', '§4.2.4', 540, () => [method(1, 999 * 65_536 + 1)]),
  fault('a method with too few bytes', '§4.2.4', 501, () => [
    frame(METHOD, 1, Buffer.concat([u32(METHODS['queue.declare']), u16(0), u8(20)])),
  ]),
  fault('a table that is longer than its frame', '§4.2.5.5', 501, () => [
    method(1, 'queue.declare', u16(0), short('q'), bits(), u32(1_000), Buffer.from('x')),
  ]),
  malformed('a field of an unknown type', '§4.2.5.5', 502, () => [
    method(1, 'queue.declare', u16(0), short('q'), bits(), table(field('a', '?', u8(1)))),
  ]),
  fault('a method that only a server may send', '§4.2.4', '503 COMMAND_INVALID - unimplemented method', () => [
    method(1, 'queue.declare-ok', short('q'), u32(0), u32(0)),
  ]),
  fault('a channel that was not opened', '§4.2.8; 504', "504 CHANNEL_ERROR - expected 'channel.open'", () => [
    method(2, 'queue.declare', u16(0), short('q'), bits(), table()),
  ]),
  fault('a channel that is opened twice', '§1.5.2.1', "504 CHANNEL_ERROR - second 'channel.open' seen", () => [
    method(1, 'channel.open', short('')),
  ]),
  fault(
    'a channel’s method on channel 0',
    '§4.2.3 channel 0',
    '504 CHANNEL_ERROR - unexpected method in connection state running',
    () => [method(0, 'queue.declare', u16(0), short('q'), bits(), table())],
  ),
  fault(
    'a connection’s method on a channel',
    '§1.4 must be on channel 0',
    '503 COMMAND_INVALID - unimplemented method',
    () => [method(1, 'connection.open', short('/'), short(''), bits())],
  ),
  fault(
    'a content header without its method',
    '§4.2.6',
    '505 UNEXPECTED_FRAME - expected method frame, got non method frame instead',
    () => [header(1, 5)],
  ),
  fault(
    'a body without its header',
    '§4.2.6',
    '505 UNEXPECTED_FRAME - expected method frame, got non method frame instead',
    () => [body(1, 'hello')],
  ),
  fault(
    'a body where the header is due',
    '§4.2.6',
    '505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
    () => [publish(1, '', 'q'), body(1, 'hello')],
  ),
  fault(
    'a method where the header is due',
    '§4.2.6',
    '505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
    () => [publish(1, '', 'q'), declare('q')],
  ),
  fault(
    'a method where a body is due',
    '§4.2.6',
    '505 UNEXPECTED_FRAME - expected content body, got non content body frame instead',
    () => [publish(1, '', 'q'), header(1, 10), body(1, 'hello'), declare('q')],
  ),
  malformed('a body that is longer than its header said', '§4.2.6.2', 501, () => [
    publish(1, '', 'q'),
    header(1, 3),
    body(1, 'hello'),
  ]),
  fault(
    'a header of another class',
    '§4.2.6.1',
    '505 UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead',
    () => [publish(1, '', 'q'), header(1, 3, u16(0), 50), body(1, 'abc')],
  ),
  fault(
    'an immediate message',
    'specification: basic.publish.immediate',
    '540 NOT_IMPLEMENTED - immediate=true',
    () => [publish(1, '', 'q', false, true), header(1, 0)],
  ),
  fault('prefetch by bytes', 'specification: basic.qos', '540 NOT_IMPLEMENTED - prefetch_size!=0 (100)', () => [
    method(1, 'basic.qos', u32(100), u16(0), bits()),
  ]),
  fault('channel.flow off', 'specification: channel.flow', '540 NOT_IMPLEMENTED - active=false', () => [
    method(1, 'channel.flow', bits(false)),
  ]),
  fault('recover without requeue', 'specification: basic.recover', '540 NOT_IMPLEMENTED - requeue=false', () => [
    method(1, 'basic.recover', bits(false)),
  ]),

  rawScenario(
    'a message larger than the maximum is refused before its body',
    'networking (max_message_size)',
    async (t) => {
      const raw = await t.rawChannel();
      raw.send(publish(1, '', 'q'), header(1, 200_000_000_000n));
      if (t.differs('size-at-the-header')) return;
      expect(word(await raw.channelClose())).toBe(
        `406 PRECONDITION_FAILED - message size 200000000000 is larger than configured max size ${MESSAGE_SIZE_MAX}`,
      );
    },
  ),

  scenario('a message larger than the maximum', 'networking (max_message_size)', async (t) => {
    const ch = await t.channel();
    ch.publish('', t.name('nobody'), Buffer.alloc(MESSAGE_SIZE_MAX + 1));
    await t.closes(
      ch,
      406,
      `PRECONDITION_FAILED - message size ${MESSAGE_SIZE_MAX + 1} is larger than configured max size ${MESSAGE_SIZE_MAX}`,
    );
  }),

  rawScenario('channel.flow on is answered', '§1.5.2.3 flow', async (t) => {
    const raw = await t.rawChannel();
    raw.send(method(1, 'channel.flow', bits(true)));
    expect((await raw.expect('channel.flow-ok', 1)).u8()).toBe(1);
  }),

  rawScenario('recover-async sends again without an answer', '§1.8.2.15 recover-async', async (t) => {
    const raw = await t.rawChannel();
    const q = await queue(t, raw);
    raw.send(publish(1, '', q), header(1, 1), body(1, 'x'));
    raw.send(method(1, 'basic.consume', u16(0), short(q), short('c'), bits(), table()));
    await raw.expect('basic.consume-ok', 1);
    await raw.expect('basic.deliver', 1);
    await raw.content();
    raw.send(method(1, 'basic.recover-async', bits(true)));
    const again = await raw.expect('basic.deliver', 1);
    expect([again.short(), again.u64(), again.u8()]).toEqual(['c', 2n, 1]);
    await raw.content();
  }),

  rawScenario('no-wait methods are done and not answered', '§1.6, §1.7, §1.8, §1.10: no-wait', async (t) => {
    const raw = await t.rawChannel();
    const [q, x] = [t.name(), t.name('x')];
    raw.send(
      method(1, 'confirm.select', bits(true)),
      method(1, 'exchange.declare', u16(0), short(x), short('direct'), bits(false, true, false, false, true), table()),
      declare(q, true),
      method(1, 'queue.bind', u16(0), short(q), short(x), short('k'), bits(true), table()),
      method(1, 'exchange.bind', u16(0), short(x), short('amq.direct'), short(q), bits(true), table()),
      method(1, 'exchange.unbind', u16(0), short(x), short('amq.direct'), short(q), bits(true), table()),
      method(1, 'basic.consume', u16(0), short(q), short('tag'), bits(false, true, false, true), table()),
      publish(1, x, 'k'),
      header(1, 1),
      body(1, 'x'),
    );
    const names: string[] = [];
    for (let i = 0; i < 2; i++) {
      const next = await raw.method();
      names.push(next.name);
      if (next.name === 'basic.deliver') await raw.content();
    }
    expect(names.sort()).toEqual(['basic.ack', 'basic.deliver']);
    raw.send(
      method(1, 'basic.cancel', short('tag'), bits(true)),
      method(1, 'queue.purge', u16(0), short(q), bits(true)),
      method(1, 'queue.delete', u16(0), short(q), bits(false, false, true)),
      method(1, 'exchange.delete', u16(0), short(x), bits(false, true)),
      declare(t.name('next')),
    );
    await raw.expect('queue.declare-ok', 1);
    const ch = await t.channel();
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  rawScenario('a no-wait method that fails closes the channel all the same', '§1.7: no-wait', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(method(1, 'queue.bind', u16(0), short(q), short('amq.direct'), short('k'), bits(true), table()));
    const close = await raw.channelClose();
    expect(word(close)).toBe(`404 NOT_FOUND - no queue '${q}' in vhost '/'`);
    expect(close.classAndMethod).toBe(METHODS['queue.bind']);
  }),

  rawScenario('delivery tags are 64 bits wide, and unsigned', '§4.2.5.1, §1.1 delivery-tag', async (t) => {
    for (const tag of [0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 9_007_199_254_740_993n]) {
      const raw = await t.rawChannel();
      raw.send(method(1, 'basic.ack', u64(tag), bits()));
      expect(word(await raw.channelClose())).toBe(`406 PRECONDITION_FAILED - unknown delivery tag ${tag}`);
    }
  }),

  rawScenario('a message counts 64-bit headers exactly', '§4.2.5.1', async (t) => {
    const values = [-9_223_372_036_854_775_808n, 9_007_199_254_740_993n, -1n];
    const properties = Buffer.concat([
      u16(HEADERS_FLAG),
      table(...values.map((value, i) => field(`h${i}`, 'l', u64(BigInt.asUintN(64, value))))),
    ]);
    expect(await carried(t, properties)).toEqual(properties);
  }),

  rawScenario('a close names the class and method that failed', '§1.5.2.5.3, §1.4.2.10.3', async (t) => {
    const raw = await t.rawChannel();
    raw.send(method(1, 'queue.purge', u16(0), short(t.name()), bits()));
    expect((await raw.channelClose()).classAndMethod).toBe(METHODS['queue.purge']);
    await raw.openChannel(1);
    raw.send(publish(1, t.name('x'), 'k'), header(1, 0));
    expect((await raw.channelClose()).classAndMethod).toBe(METHODS['basic.publish']);
    await raw.openChannel(1);
    raw.send(method(1, 'basic.ack', u64(7), bits()));
    expect((await raw.channelClose()).classAndMethod).toBe(METHODS['basic.ack']);
    raw.send(method(2, 'queue.purge', u16(0), short('q'), bits()));
    expect((await raw.connectionClose()).classAndMethod).toBe(METHODS['queue.purge']);
  }),

  rawScenario('a channel that the broker closes swallows what is under way', '§1.5.2.5 close', async (t) => {
    const raw = await t.rawChannel();
    const [q, missing] = [await queue(t, raw), t.name('missing')];
    raw.send(
      method(1, 'queue.purge', u16(0), short(missing), bits()),
      publish(1, '', q),
      header(1, 4),
      body(1, 'lost'),
      method(1, 'queue.delete', u16(0), short(q), bits()),
    );
    const next = await raw.method();
    expect(next.name).toBe('channel.close');
    raw.send(publish(1, '', q), header(1, 4), body(1, 'lost'), method(1, 'channel.close-ok'));
    await raw.openChannel(1);
    raw.send(declare(q));
    const ok = await raw.expect('queue.declare-ok', 1);
    expect([ok.short(), ok.u32()]).toEqual([q, 0]);
  }),

  rawScenario('both close a channel at once', '§1.5.2.5, §1.5.2.6', async (t) => {
    const raw = await t.rawChannel();
    raw.send(
      method(1, 'queue.purge', u16(0), short(t.name('missing')), bits()),
      method(1, 'channel.close', u16(200), short(''), u16(0), u16(0)),
    );
    const names = [(await raw.method()).name, (await raw.method()).name];
    expect(names).toEqual(['channel.close', 'channel.close-ok']);
    raw.send(method(1, 'channel.close-ok'));
    await raw.openChannel(1);
  }),

  rawScenario('a closed channel’s number can be used again', '§1.5.2.5', async (t) => {
    const raw = await t.rawChannel();
    for (let i = 0; i < 20; i++) {
      raw.send(method(1, 'channel.close', u16(200), short(''), u16(0), u16(0)));
      await raw.expect('channel.close-ok', 1);
      await raw.openChannel(1);
    }
  }),

  rawScenario('contents on two channels, frame by frame in turn', '§4.2.6, §2.3.7', async (t) => {
    const raw = await t.rawChannel();
    await raw.openChannel(2);
    const q = await queue(t, raw);
    raw.send(publish(1, '', q), publish(2, '', q), header(2, 4), header(1, 4));
    raw.send(body(1, 'a'), body(2, 'w'), body(2, 'xy'), body(1, 'bc'), body(1, 'd'), body(2, 'z'));
    const ch = await t.channel();
    await eventually(() => ready(ch, q), 2);
    expect((await drain(ch, q)).sort()).toEqual(['abcd', 'wxyz']);
  }),

  rawScenario('every octet on its own', '§4.2.3', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    const all = Buffer.concat([declare(q), publish(1, '', q), header(1, 5), body(1, 'he'), body(1, 'llo')]);
    for (const octet of all) {
      raw.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await raw.expect('queue.declare-ok', 1);
    const ch = await t.channel();
    await eventually(() => ready(ch, q), 1);
    expect(await drain(ch, q)).toEqual(['hello']);
  }),

  rawScenario('an empty body frame is nothing', '§4.2.6.2', async (t) => {
    const raw = await t.rawChannel();
    const q = await queue(t, raw);
    raw.send(publish(1, '', q), header(1, 2), body(1, ''), body(1, 'a'), body(1, ''), body(1, 'b'));
    const ch = await t.channel();
    await eventually(() => ready(ch, q), 1);
    expect(await drain(ch, q)).toEqual(['ab']);
  }),

  rawScenario('no frame of the broker’s is larger than was agreed', '§4.2.3, §1.4.2.6.2', async (t) => {
    const raw = await t.rawChannel({ frameMax: 4_096 });
    const q = await queue(t, raw);
    const out = await t.confirming();
    out.publish('', q, Buffer.alloc(20_000, 0x61));
    await out.confirms();
    raw.send(method(1, 'basic.get', u16(0), short(q), bits(true)));
    await raw.expect('basic.get-ok', 1);
    const content = await raw.content();
    expect(content.body.length).toBe(20_000);
    const sizes = raw.frames.all.filter((f) => f.type === BODY).map((f) => f.payload.length + 8);
    expect(sizes).toEqual([4_096, 4_096, 4_096, 4_096, 20_000 - 4 * 4_088 + 8]);
  }),

  ...FIELD_TYPES.map(([what, type, value]) =>
    rawScenario(
      `a header of type ${what} ('${type}') comes back byte for byte`,
      '§4.2.5.5; amqp-0-9-1-errata#section_3',
      async (t) => {
        const properties = Buffer.concat([u16(HEADERS_FLAG), table(field('h', type, value))]);
        expect(await carried(t, properties)).toEqual(properties);
      },
    ),
  ),

  rawScenario('headers keep their order, and a name may be empty', '§4.2.5.5', async (t) => {
    const properties = Buffer.concat([
      u16(HEADERS_FLAG),
      table(field('z', 'I', u32(1)), field('', 'I', u32(2)), field('a', 'I', u32(3))),
    ]);
    expect(await carried(t, properties)).toEqual(properties);
  }),

  rawScenario('all properties at once come back byte for byte', '§4.2.6.1', async (t) => {
    const properties = Buffer.concat([
      u16(0xfff8),
      short('text/plain'),
      short('gzip'),
      table(field('a', 'S', long('b'))),
      u8(2),
      u8(7),
      short('correlation'),
      short('reply'),
      short('60000'),
      short('message'),
      u64(1_700_000_000),
      short('type'),
      short('guest'),
      short('app'),
    ]);
    expect(await carried(t, properties)).toEqual(properties);
  }),

  rawScenario('the reserved property (cluster-id) comes back as well', '§4.2.6.1', async (t) => {
    const properties = Buffer.concat([u16(0x0004), short('cluster')]);
    expect(await carried(t, properties)).toEqual(properties);
  }),

  malformed('a header frame whose properties are cut short', '§4.2.6.1', 502, () => [
    publish(1, '', 'q'),
    frame(HEADER, 1, Buffer.concat([u16(60), u16(0), u64(0), u16(0x8000), u8(50)])),
  ]),
]);

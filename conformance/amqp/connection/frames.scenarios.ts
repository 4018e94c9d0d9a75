/** Frames that no client library sends: broken ones, ones out of turn, ones cut anywhere. */
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
  header,
  METHOD,
  METHODS,
  method,
  publish,
  short,
  table,
  u8,
  u16,
  u32,
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

/** A queue named after the run, for channel 1. */
async function queue(t: Run, raw: RawConnection): Promise<string> {
  const q = t.name();
  raw.send(declare(q));
  await raw.expect('queue.declare-ok', 1);
  return q;
}

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
]);

/**
 * What RabbitMQ 3.10.8 was heard to answer to frames that no client library sends, byte for byte. The scenarios in
 * `conformance/` compare the two while they run; these are the ones that only raw bytes provoke.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import {
  CHANNEL_OPEN,
  closeOf,
  frame,
  GREETING,
  header,
  long,
  method,
  methodOf,
  NO_TABLE,
  OPEN,
  publish,
  START_OK,
  short,
  u8,
  u16,
  u32,
  u64,
  Wire,
} from '../wire.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
});
afterAll(() => broker.close());

const declare = (...parts: Buffer[]): Buffer => method(1, 50, 10, u16(0), ...parts);
const get = (queue: string): Buffer => method(1, 60, 70, u16(0), short(queue), u8(0));
const consume = (queue: string, ...fields: Buffer[]): Buffer =>
  method(1, 60, 20, u16(0), short(queue), short('t'), u8(0), long(Buffer.concat(fields)));
const field = (name: string, letter: string, ...bytes: Buffer[]): Buffer =>
  Buffer.concat([short(name), Buffer.from(letter), ...bytes]);
const expiring = (text: string): Buffer[] => [
  publish(1, '', 'x'),
  header(1, 0, Buffer.concat([u16(0x0100), short(text)])),
];
const headed = (...fields: Buffer[]): Buffer[] => [
  publish(1, '', 'x'),
  header(1, 0, Buffer.concat([u16(0x2000), long(Buffer.concat(fields))])),
];

/** Name, what is sent, the close, the method it names. */
const answers: [string, Buffer[], string, string][] = [
  [
    'a frame of no known type',
    [frame(9, 1, Buffer.from('abc'))],
    '501 FRAME_ERROR - type 9, all octets = <<"abc">>: unknown_frame',
    '0.0',
  ],
  [
    'the same on channel 0',
    [frame(9, 0, Buffer.from('abc'))],
    '501 FRAME_ERROR - type 9, all octets = <<"abc">>: unknown_frame',
    '0.0',
  ],
  [
    'a long frame of no known type',
    [frame(9, 1, Buffer.alloc(40, 'ab'))],
    '501 FRAME_ERROR - type 9, first 16 octets = <<"abababababababab">>: unknown_frame',
    '0.0',
  ],
  [
    'a frame that does not end',
    [Buffer.concat([frame(1, 1, Buffer.from('abcdefgh')).subarray(0, -1), u8(0)])],
    '501 FRAME_ERROR - type 1, all octets = <<"abcdefgh">>: {invalid_frame_end_marker,0}',
    '0.0',
  ],
  [
    'a frame that is too large',
    [Buffer.concat([u8(1), u16(1), u32(131_073)])],
    '501 FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,131073,131064}',
    '0.0',
  ],
  ['a heartbeat on a channel', [frame(8, 1)], '505 UNEXPECTED_FRAME - type 8, all octets = <<>>', '0.0'],
  [
    'a heartbeat that says something',
    [frame(8, 0, u8(1))],
    '501 FRAME_ERROR - type 8, all octets = <<1>>: unknown_frame',
    '0.0',
  ],
  [
    'a body on channel 0',
    [frame(3, 0, Buffer.from('hello'))],
    '505 UNEXPECTED_FRAME - type 3, all octets = <<"hello">>',
    '0.0',
  ],
  [
    'a header for a channel that is not open',
    [header(7, 3)],
    '505 UNEXPECTED_FRAME - expected method frame, got non method frame instead',
    '0.0',
  ],
  [
    'a header with a weight',
    [publish(1, '', 'x'), frame(2, 1, u16(60), u16(7), u64(1), u16(0))],
    '505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
    '60.40',
  ],
  [
    'half a header',
    [publish(1, '', 'x'), frame(2, 1, u16(60), u16(0))],
    '501 FRAME_ERROR - type 2, all octets = <<0,60,0,0>>: unknown_frame',
    '0.0',
  ],
  [
    'a method frame without a method',
    [frame(1, 1)],
    '501 FRAME_ERROR - type 1, all octets = <<>>: unknown_frame',
    '0.0',
  ],
  ['a method of the server', [method(1, 60, 21, short('x'))], '503 COMMAND_INVALID - unimplemented method', '60.21'],
  ['half a declare', [declare()], '501 FRAME_ERROR - cannot decode <<0,0>>', '50.10'],
  [
    'a declare and a half',
    [declare(short('trail'), u8(8), NO_TABLE, Buffer.from('xyz'))],
    '501 FRAME_ERROR - cannot decode <<0,0,5,116,114,97,105,108,8,0,0,0,0,120,121,122>>',
    '50.10',
  ],
  [
    'a name that is not UTF-8',
    [declare(Buffer.from([2, 0xff, 0xfe]), u8(0), NO_TABLE)],
    '501 FRAME_ERROR - Malformed UTF-8 in shortstr',
    '0.0',
  ],
  [
    'start-ok on a running connection',
    [START_OK],
    '504 CHANNEL_ERROR - unexpected method in connection state running',
    '10.11',
  ],
  [
    'open on a running connection',
    [OPEN],
    '504 CHANNEL_ERROR - unexpected method in connection state running',
    '10.40',
  ],
  [
    'a method for a channel that is not open',
    [method(7, 60, 70, u16(0), short('q'), u8(0))],
    "504 CHANNEL_ERROR - expected 'channel.open'",
    '60.70',
  ],
  ['close-ok that nobody waits for', [method(1, 20, 41)], '503 COMMAND_INVALID - unimplemented method', '20.41'],
  ['flow-ok that nobody waits for', [method(1, 20, 21, u8(1))], '503 COMMAND_INVALID - unimplemented method', '20.21'],
  [
    'a tag above 2^63',
    [method(1, 60, 80, Buffer.alloc(8, 0xff), u8(0))],
    '406 PRECONDITION_FAILED - unknown delivery tag 18446744073709551615',
    '60.80',
  ],
  [
    'a negative expiration',
    expiring('-1'),
    "406 PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}",
    '60.40',
  ],
  ['an empty expiration', expiring(''), "406 PRECONDITION_FAILED - invalid expiration '': no_integer", '60.40'],
  [
    'an expiration with something behind it',
    expiring('5 '),
    '406 PRECONDITION_FAILED - invalid expiration \'5 \': {leftover_string," "}',
    '60.40',
  ],
  [
    'an expiration beyond ten years',
    expiring('315360000001'),
    "406 PRECONDITION_FAILED - invalid expiration '315360000001': {value_too_large,315360000001}",
    '60.40',
  ],
  [
    'an empty user id',
    [publish(1, '', 'x'), header(1, 0, Buffer.concat([u16(0x0010), short('')]))],
    "406 PRECONDITION_FAILED - user_id property set to '' but authenticated user was 'guest'",
    '60.40',
  ],
  [
    'a CC that is no list',
    headed(field('CC', 'S', long('x'))),
    '406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}',
    '60.40',
  ],
  [
    'a BCC that is a number',
    headed(field('BCC', 'I', u32(1))),
    '406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",signedint}',
    '60.40',
  ],
  [
    'a void CC',
    headed(field('CC', 'V')),
    '406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",void}',
    '60.40',
  ],
  [
    'a priority that is text',
    [consume('recorded', field('x-priority', 'S', long('5')))],
    `406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'recorded' in vhost '/': "expected integer, got longstr"`,
    '60.20',
  ],
  [
    'a failover flag that is text',
    [consume('recorded', field('x-cancel-on-ha-failover', 'S', long('5')))],
    "406 PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' for queue 'recorded' in vhost '/': {unacceptable_type,longstr}",
    '60.20',
  ],
  [
    'an offset for a queue',
    [consume('recorded', field('x-stream-offset', 'S', long('first')))],
    "406 PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue 'recorded' in vhost '/' of queue type rabbit_classic_queue",
    '60.20',
  ],
  [
    'a passive declare of the default exchange',
    [method(1, 40, 10, u16(0), short(''), short('direct'), u8(1), NO_TABLE)],
    '403 ACCESS_REFUSED - operation not permitted on the default exchange',
    '40.10',
  ],
];

test.each(answers)('%s', async (_name, bytes, text, about) => {
  const wire = await Wire.open(broker.ports.amqp);
  wire.send(declare(short('recorded'), u8(8), NO_TABLE));
  await wire.until('50.11');
  wire.send(...bytes);
  const close = await wire.next();
  expect(closeOf(close)).toBe(text);
  expect(methodOf(close)).toBe(text.startsWith('4') ? '20.40' : '10.50');
  const at = 7 + close.payload[6]!;
  expect(`${close.payload.readUInt16BE(at)}.${close.payload.readUInt16BE(at + 2)}`).toBe(about);
  wire.destroy();
});

describe('what is let pass', () => {
  const open = (channelMax: number): Promise<Wire> =>
    Wire.open(broker.ports.amqp, START_OK, method(0, 10, 31, u16(channelMax), u32(131_072), u16(0)));

  test('channels count, whatever their numbers', async () => {
    const wire = await open(2);
    wire.send(method(900, 20, 10, short('')));
    expect(methodOf(await wire.next())).toBe('20.11');
    wire.send(method(5, 20, 10, short('')));
    expect(closeOf(await wire.next())).toBe(
      '530 NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)',
    );
    wire.destroy();
  });

  test('line breaks are taken out of names', async () => {
    const wire = await open(1);
    wire.send(declare(short('broken\r\nname'), u8(8), NO_TABLE), declare(short('brokenname'), u8(1), NO_TABLE));
    for (let i = 0; i < 2; i++)
      expect((await wire.until('50.11')).payload.toString('latin1', 5, 15)).toBe('brokenname');
    wire.destroy();
  });

  test('access.request, which no specification has any more', async () => {
    const wire = await open(1);
    wire.send(method(1, 30, 10, short('/data'), u8(31)));
    expect((await wire.until('30.11')).payload.readUInt16BE(4)).toBe(1);
    wire.destroy();
  });

  test('unbinding from a queue that does not exist', async () => {
    const wire = await open(1);
    wire.send(method(1, 50, 50, u16(0), short('nowhere'), short('amq.topic'), short('k'), NO_TABLE));
    expect(methodOf(await wire.next())).toBe('50.51');
    wire.destroy();
  });

  test('a prefetch of one kind takes the other away', async () => {
    const wire = await open(1);
    const qos = (count: number, global: number): Buffer => method(1, 60, 10, u32(0), u16(count), u8(global));
    wire.send(declare(short('limited'), u8(0b100), NO_TABLE), qos(1, 1), consume('limited'));
    for (const body of ['1', '2']) wire.send(publish(1, '', 'limited'), header(1, 1), frame(3, 1, Buffer.from(body)));
    await wire.until('60.60');
    wire.send(get('nowhere else'));
    expect(methodOf(await wire.until('20.40'))).toBe('20.40');
    wire.send(method(1, 20, 41), CHANNEL_OPEN, qos(1, 1), consume('limited'));
    await wire.until('60.60');
    wire.send(qos(0, 0));
    await wire.until('60.11');
    await wire.until('60.60');
    wire.destroy();
  });

  test('the greeting of a client that says nothing more is answered', async () => {
    const wire = await Wire.connect(broker.ports.amqp);
    wire.send(GREETING);
    expect(methodOf(await wire.next())).toBe('10.10');
    wire.destroy();
  });
});

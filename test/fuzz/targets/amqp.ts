/** AMQP 0-9-1: conversations that use every method, header and frame there is, large bodies, direct replies and copies. */
import { type AmqpProtocol, amqp } from '../../../protocols/amqp/index.ts';
import {
  CHANNEL_OPEN,
  frame,
  GREETING,
  header,
  long,
  method,
  NO_TABLE,
  OPEN,
  publish,
  START_OK,
  short,
  TUNE_OK,
  u8,
  u16,
  u32,
  u64,
} from '../../protocols/amqp/wire.ts';
import type { FuzzTarget } from '../target.ts';

const table = (...fields: Buffer[]): Buffer => long(Buffer.concat(fields));
const field = (name: string, letter: string, ...bytes: Buffer[]): Buffer =>
  Buffer.concat([short(name), Buffer.from(letter), ...bytes]);
/** One of every type. */
const everyType = table(
  field('t', 't', u8(1)),
  field('b', 'b', u8(255)),
  field('B', 'B', u8(255)),
  field('s', 's', u16(65535)),
  field('u', 'u', u16(65535)),
  field('I', 'I', u32(0xffff_ffff)),
  field('i', 'i', u32(0xffff_ffff)),
  field('l', 'l', u64(2 ** 53)),
  field('L', 'L', u64(2 ** 53)),
  field('f', 'f', u32(0x3f80_0000)),
  field('d', 'd', u64(0)),
  field('D', 'D', u8(2), u32(314)),
  field('T', 'T', u64(1_700_000_000)),
  field('S', 'S', long('text')),
  field('x', 'x', long(Buffer.from([0xff, 0xfe]))),
  field('A', 'A', table(Buffer.concat([Buffer.from('I'), u32(1), Buffer.from('V')]))),
  field('F', 'F', table(field('a', 'A', table(Buffer.from('t\x01'))))),
  field('V', 'V'),
);
const queue = short('fuzzed');
const exchange = short('fuzzed-x');

/** All properties there are. */
const everyProperty = Buffer.concat([
  u16(0xfffc),
  short('text/plain'),
  short('gzip'),
  everyType,
  u8(2),
  u8(5),
  short('correlation'),
  short('reply'),
  short('60000'),
  short('id'),
  u64(1_700_000_000),
  short('type'),
  short('guest'),
  short('app'),
  short(''),
]);

const working: Buffer[] = [
  method(1, 50, 10, u16(0), queue, u8(0), NO_TABLE),
  method(1, 40, 10, u16(0), exchange, short('topic'), u8(0), NO_TABLE),
  method(1, 40, 30, u16(0), exchange, short('amq.topic'), short('a.#'), u8(0), everyType),
  method(1, 50, 20, u16(0), queue, exchange, short('a.#'), u8(0), NO_TABLE),
  method(1, 85, 10, u8(0)),
  method(1, 60, 10, u32(0), u16(10), u8(0)),
  method(1, 60, 20, u16(0), queue, short('t'), u8(0), NO_TABLE),
  publish(1, 'fuzzed-x', 'a.b', 1),
  header(1, 6, everyProperty),
  frame(3, 1, Buffer.from('abc')),
  frame(3, 1, Buffer.from('def')),
  publish(1, '', 'fuzzed'),
  header(1, 0, Buffer.concat([u16(0x2000), table(field('a', 'I', u32(5)))])),
  publish(1, 'amq.direct', 'nobody', 1),
  header(1, 3),
  frame(3, 1, Buffer.from('abc')),
  method(1, 60, 70, u16(0), queue, u8(0)),
  method(1, 60, 80, u64(0), u8(1)),
  method(1, 60, 120, u64(0), u8(3)),
  method(1, 60, 110, u8(1)),
  method(1, 60, 100, u8(1)),
  method(1, 20, 20, u8(1)),
  method(1, 50, 50, u16(0), queue, exchange, short('a.#'), NO_TABLE),
  method(1, 50, 30, u16(0), queue, u8(0)),
  method(1, 60, 30, short('t'), u8(0)),
  method(2, 20, 10, short('')),
  method(2, 90, 10),
  publish(2, '', 'fuzzed'),
  header(2, 1),
  frame(3, 2, u8(1)),
  method(2, 90, 20),
  method(2, 90, 30),
  frame(8, 0),
  method(0, 10, 70, long('secret'), short('because')),
  method(1, 40, 40, u16(0), exchange, short('amq.topic'), short('a.#'), u8(0), everyType),
  method(1, 50, 40, u16(0), queue, u8(0)),
  method(1, 40, 20, u16(0), exchange, u8(0)),
  method(1, 20, 40, u16(200), short(''), u16(0), u16(0)),
  method(0, 10, 50, u16(200), short(''), u16(0), u16(0)),
];

/** Bodies that do not fit into one frame, and one that goes to the log in pieces. */
const large: Buffer[] = [
  method(1, 50, 10, u16(0), queue, u8(0), NO_TABLE),
  publish(1, '', 'fuzzed', 1),
  header(1, 3_000),
  frame(3, 1, Buffer.alloc(1_000)),
  frame(3, 1, Buffer.alloc(2_000)),
  publish(1, 'amq.direct', 'nobody', 1),
  header(1, 150_000),
  frame(3, 1, Buffer.alloc(100_000)),
  frame(3, 1, Buffer.alloc(50_000)),
  method(1, 60, 70, u16(0), queue, u8(1)),
  method(1, 50, 40, u16(0), queue, u8(0)),
];

const texts = (...keys: string[]): Buffer => table(...keys.map((key) => Buffer.concat([Buffer.from('S'), long(key)])));

/** What a publish's properties make the broker do. */
const meaning: Buffer[] = [
  method(1, 50, 10, u16(0), queue, u8(0), NO_TABLE),
  method(1, 60, 20, u16(0), short('amq.rabbitmq.reply-to'), short('r'), u8(2), NO_TABLE),
  method(1, 50, 10, u16(0), short('amq.rabbitmq.reply-to'), u8(1), NO_TABLE),
  publish(1, '', 'fuzzed'),
  header(1, 1, Buffer.concat([u16(0x2600), everyType, short('c'), short('amq.rabbitmq.reply-to')])),
  frame(3, 1, u8(1)),
  publish(1, 'amq.topic', 'a.b', 1),
  header(
    1,
    0,
    Buffer.concat([
      u16(0x2000),
      table(field('CC', 'A', texts('a', 'b')), field('x', 'V'), field('BCC', 'A', texts('c', 'fuzzed'))),
    ]),
  ),
  method(
    1,
    40,
    10,
    u16(0),
    exchange,
    short('x-delayed-message'),
    u8(4),
    table(field('x-delayed-type', 'S', long('direct'))),
  ),
  publish(1, 'fuzzed-x', 'k'),
  header(1, 0, Buffer.concat([u16(0x2000), table(field('x-delay', 'I', u32(1)))])),
  publish(1, '', 'fuzzed'),
  header(1, 0, Buffer.concat([u16(0x0110), short('5'), short('guest')])),
  method(1, 60, 20, u16(0), queue, short('t'), u8(0), table(field('x-priority', 'I', u32(5)))),
  method(1, 60, 10, u32(0), u16(1), u8(1)),
  method(1, 60, 80, u64(0), u8(1)),
  method(1, 60, 30, short('r'), u8(0)),
  method(1, 30, 10, short('/data'), u8(31)),
  method(1, 40, 20, u16(0), exchange, u8(0)),
  method(1, 50, 40, u16(0), queue, u8(0)),
];

const handshake: Buffer[] = [
  GREETING,
  method(0, 10, 11, table(field('capabilities', 'F', everyType)), short('PLAIN'), long('\0guest\0guest'), short('en')),
  TUNE_OK,
  OPEN,
];

/** The protocol header, which is no frame. */
export const GREETING_BYTES = GREETING;
const OPENED = [GREETING, START_OK, TUNE_OK, OPEN, CHANNEL_OPEN];

/** Sets size and end octet to what the frame has really become. */
function repair(packet: Buffer): Buffer {
  if (packet.length < 8 || packet.equals(GREETING)) return packet;
  const copy = Buffer.from(packet);
  copy.writeUInt32BE(copy.length - 8, 3);
  copy[copy.length - 1] = 0xce;
  return copy;
}

export const amqpTarget: FuzzTarget = {
  name: 'amqp',
  protocol: () => amqp({ bodySizeMax: 1024 * 1024 }),
  conversations: [
    { prelude: OPENED, packets: working, weight: 6 },
    { prelude: OPENED, packets: meaning, weight: 4 },
    { prelude: OPENED, packets: large, weight: 1 },
    { prelude: [], packets: handshake, weight: 2 },
  ],
  dictionary: [
    everyType,
    everyProperty,
    queue,
    exchange,
    short(''),
    short('amq.topic'),
    short('amq.rabbitmq.reply-to'),
    table(field('x-priority', 'I', u32(5))),
    table(field('CC', 'A', table(Buffer.from('S\0\0\0\x06fuzzed')))),
    field('BCC', 'A', table(Buffer.from('S\0\0\0\x01a'))),
    Buffer.from('A\0\0\0\x05'),
    Buffer.from('F\0\0\0\x05'),
    u16(0xfffc),
    u32(0xffff_ffff),
  ],
  repair,
  internalErrors: (protocol) => (protocol as AmqpProtocol).stats.internalErrors,
  complaints: (protocol) => {
    const { stats } = protocol as AmqpProtocol;
    return stats.connectionErrors + stats.channelErrors + stats.bodiesAbandoned + stats.refused;
  },
};

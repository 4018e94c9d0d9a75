/**
 * The attacks of hostile or broken clients: per protocol a list, each a seeded generator of bytes. They differ in how
 * far they get before they turn bad: before the handshake, in the middle of it, or after it, where a connection has state.
 */
import { createHash } from 'node:crypto';

/** A seeded source of chance, so that a failing wave can be run again. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

export interface Attack {
  readonly name: string;
  /** What is written, in one go. */
  bytes(chance: Chance): Buffer;
  /** The connection is left open, saying no more, until the wave is over. */
  readonly lingers?: boolean;
}

export type Port = 'amqp' | 'mqtt' | 'stomp' | 'ws' | 'http';

// ------------------------------------------------------------------------------------------------------- building blocks

const u16 = (n: number): Buffer => Buffer.from([(n >>> 8) & 255, n & 255]);
const u32 = (n: number): Buffer => Buffer.from([(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const join = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
const cut = (whole: Buffer, chance: Chance): Buffer => whole.subarray(0, 1 + chance.below(whole.length - 1));
/** Some bits turned over; `from` is where the harmless beginning ends. */
function damaged(whole: Buffer, from: number, chance: Chance): Buffer {
  const copy = Buffer.from(whole);
  for (let i = 0; i < 1 + chance.below(8); i++) {
    const at = from + chance.below(Math.max(1, copy.length - from));
    if (at < copy.length) copy[at]! ^= 1 << chance.below(8);
  }
  return copy;
}

/** Attacks every protocol meets, made from one well-formed conversation and where its handshake ends. */
function common(conversation: Buffer, handshakeEnd: number): Attack[] {
  return [
    { name: 'random bytes', bytes: (chance) => chance.bytes(1 + chance.below(2_000)) },
    { name: 'cut off', bytes: (chance) => cut(conversation, chance) },
    { name: 'damaged in the handshake', bytes: (chance) => damaged(conversation, 0, chance) },
    { name: 'damaged after the handshake', bytes: (chance) => damaged(conversation, handshakeEnd, chance) },
    {
      name: 'random bytes after the handshake',
      bytes: (chance) => join(conversation.subarray(0, handshakeEnd), chance.bytes(1 + chance.below(2_000))),
    },
    { name: 'half-open: says nothing', bytes: () => Buffer.alloc(0), lingers: true },
    {
      name: 'half-open: half a handshake',
      bytes: (chance) => cut(conversation.subarray(0, handshakeEnd), chance),
      lingers: true,
    },
  ];
}

// ------------------------------------------------------------------------------------------------------------------ AMQP

const frame = (type: number, channel: number, payload: Buffer, size = payload.length): Buffer =>
  join(Buffer.from([type]), u16(channel), u32(size), payload, Buffer.from([0xce]));
const method = (channel: number, classId: number, methodId: number, ...fields: (Buffer | string)[]): Buffer =>
  frame(1, channel, join(u16(classId), u16(methodId), ...fields));
const short = (text: string): Buffer => join(Buffer.from([text.length]), text);
const long = (text: string): Buffer => join(u32(text.length), text);

const AMQP_HANDSHAKE = join(
  'AMQP\x00\x00\x09\x01',
  method(0, 10, 11, u32(0), short('PLAIN'), long('\x00guest\x00guest'), short('en_US')),
  method(0, 10, 31, u16(100), u32(131072), u16(0)),
  method(0, 10, 40, short('/'), Buffer.from([0, 0])),
  method(1, 20, 10, Buffer.from([0])),
);
const amqpPublish = (bodyLength: number): Buffer =>
  join(
    method(1, 60, 40, u16(0), short('amq.topic'), short('hostile.key'), Buffer.from([0])),
    frame(2, 1, join(u16(60), u16(0), u32(0), u32(bodyLength), u16(0x1000), Buffer.from([1]))),
  );
const AMQP_CONVERSATION = join(
  AMQP_HANDSHAKE,
  method(1, 50, 10, u16(0), short(''), Buffer.from([0b01100]), u32(0)),
  amqpPublish(5),
  frame(3, 1, Buffer.from('hello')),
  method(1, 60, 80, u32(0), u32(1), Buffer.from([0])),
);

/** A table in a table in a table …, `depth` deep. */
function nestedTable(depth: number): Buffer {
  let table = u32(0);
  for (let i = 0; i < depth; i++) {
    const entry = join(short('n'), 'F', table);
    table = join(u32(entry.length), entry);
  }
  return table;
}

const amqp: readonly Attack[] = [
  ...common(AMQP_CONVERSATION, AMQP_HANDSHAKE.length),
  {
    name: 'giant frame before the handshake',
    bytes: () => join('AMQP\x00\x00\x09\x01', frame(1, 0, Buffer.alloc(64), 0xffff_ffff)),
  },
  {
    name: 'giant frame',
    bytes: (chance) => join(AMQP_HANDSHAKE, frame(1 + chance.below(3), 1, Buffer.alloc(64), 0x7fff_ffff)),
  },
  {
    name: 'giant body announced',
    bytes: () =>
      join(
        AMQP_HANDSHAKE,
        method(1, 60, 40, u16(0), short(''), short('q'), Buffer.from([0])),
        frame(2, 1, join(u16(60), u16(0), u32(0x7fff_ffff), u32(0xffff_ffff), u16(0))),
      ),
  },
  {
    name: 'large body announced and never sent',
    bytes: () => join(AMQP_HANDSHAKE, amqpPublish(100_000_000), frame(3, 1, Buffer.alloc(1_000))),
  },
  {
    name: 'giant table',
    bytes: () => join(AMQP_HANDSHAKE, method(1, 50, 10, u16(0), short('q'), Buffer.from([0]), u32(0xffff_ff00))),
  },
  {
    name: 'table nested a thousand deep',
    bytes: () => join(AMQP_HANDSHAKE, method(1, 50, 10, u16(0), short('q'), Buffer.from([0]), nestedTable(1_000))),
  },
  {
    name: 'giant credentials',
    bytes: () =>
      join('AMQP\x00\x00\x09\x01', method(0, 10, 11, u32(0), short('PLAIN'), u32(0xffff_fff0), Buffer.alloc(50))),
  },
  {
    name: 'unknown methods',
    bytes: (chance) => join(AMQP_HANDSHAKE, method(1, chance.below(100), chance.below(200), chance.bytes(20))),
  },
  { name: 'a body nobody announced', bytes: () => join(AMQP_HANDSHAKE, frame(3, 1, Buffer.alloc(100))) },
  {
    name: 'a channel that is not open',
    bytes: (chance) =>
      join(
        AMQP_HANDSHAKE,
        method(2 + chance.below(60_000), 60, 20, u16(0), short('q'), short(''), Buffer.from([0]), u32(0)),
      ),
  },
  {
    name: 'acks of what was never delivered',
    bytes: (chance) => join(AMQP_HANDSHAKE, method(1, 60, 80, chance.bytes(8), Buffer.from([chance.below(2)]))),
  },
];

// ------------------------------------------------------------------------------------------------------------------ MQTT

const string16 = (text: string): Buffer => join(u16(text.length), text);
function packet(head: number, body: Buffer, length = body.length): Buffer {
  const bytes: number[] = [head];
  let rest = length;
  do {
    const low = rest & 127;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 128 : low);
  } while (rest > 0);
  return join(Buffer.from(bytes), body);
}
const mqttConnect = (flags: number, clientId: string, ...more: Buffer[]): Buffer =>
  packet(0x10, join(string16('MQTT'), Buffer.from([4, flags]), u16(60), string16(clientId), ...more));
const MQTT_HANDSHAKE = mqttConnect(2, '');
const MQTT_CONVERSATION = join(
  MQTT_HANDSHAKE,
  packet(0x82, join(u16(1), string16('hostile/+/x'), Buffer.from([1]))),
  packet(0x32, join(string16('hostile/key'), u16(2), 'hello')),
  packet(0x34, join(string16('hostile/key'), u16(3), 'hello')),
  packet(0x62, u16(3)),
  packet(0xc0, Buffer.alloc(0)),
  packet(0xa2, join(u16(4), string16('hostile/+/x'))),
);
const mqtt: readonly Attack[] = [
  ...common(MQTT_CONVERSATION, MQTT_HANDSHAKE.length),
  { name: 'giant packet before CONNECT', bytes: () => packet(0x10, Buffer.alloc(100), 268_435_455) },
  {
    name: 'giant packet',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x30, join(string16('hostile/key'), Buffer.alloc(1_000)), 268_435_455)),
  },
  {
    name: 'large packet announced and never sent',
    bytes: () =>
      join(MQTT_HANDSHAKE, packet(0x32, join(string16('hostile/key'), u16(1), Buffer.alloc(1_000)), 100_000_000)),
  },
  {
    name: 'a length of five bytes',
    bytes: () => join(MQTT_HANDSHAKE, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])),
  },
  {
    name: 'a topic longer than its packet',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x30, join(u16(65_535), 'hostile'))),
  },
  {
    name: 'a topic of ten thousand levels',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x30, string16('/'.repeat(10_000)))),
  },
  {
    name: 'a filter of ten thousand levels',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x82, join(u16(1), string16('+/'.repeat(10_000)), Buffer.from([0])))),
  },
  { name: 'wildcards in a topic', bytes: () => join(MQTT_HANDSHAKE, packet(0x30, string16('hostile/#'))) },
  { name: 'text that is not UTF-8', bytes: () => join(MQTT_HANDSHAKE, packet(0x30, string16('hostile/\xff\xfe'))) },
  {
    name: 'reserved packet types',
    bytes: (chance) => join(MQTT_HANDSHAKE, packet(chance.pick([0x00, 0xf0, 0x36, 0x60, 0x80]), chance.bytes(10))),
  },
  { name: 'a second CONNECT', bytes: () => join(MQTT_HANDSHAKE, MQTT_HANDSHAKE) },
  {
    name: 'kept sessions of random names',
    bytes: (chance) => mqttConnect(chance.pick([0xff, 0xc4, 0x36]), chance.bytes(30).toString('latin1')),
  },
];

// ----------------------------------------------------------------------------------------------------------------- STOMP

const STOMP_HANDSHAKE = join('CONNECT\naccept-version:1.2\nhost:/\n\n\x00');
const STOMP_CONVERSATION = join(
  STOMP_HANDSHAKE,
  'SUBSCRIBE\nid:1\ndestination:/topic/hostile.*\nack:client-individual\nreceipt:1\n\n\x00',
  'SEND\ndestination:/topic/hostile.key\ncontent-length:5\nreceipt:2\n\nhello\x00',
  'BEGIN\ntransaction:t\n\n\x00',
  'SEND\ndestination:/topic/hostile.key\ntransaction:t\n\nhello\x00',
  'COMMIT\ntransaction:t\n\n\x00',
  'UNSUBSCRIBE\nid:1\n\n\x00',
);
const stomp: readonly Attack[] = [
  ...common(STOMP_CONVERSATION, STOMP_HANDSHAKE.length),
  {
    name: 'giant content-length',
    bytes: (chance) =>
      join(
        STOMP_HANDSHAKE,
        `SEND\ndestination:/topic/hostile\ncontent-length:${chance.pick(['99999999999', '4294967296', '-1', '1e9', '0x10', '18446744073709551616'])}\n\nhello\x00`,
      ),
  },
  {
    name: 'large body announced and never sent',
    bytes: () =>
      join(
        STOMP_HANDSHAKE,
        'SEND\ndestination:/topic/hostile\npersistent:true\ncontent-length:100000000\n\n',
        Buffer.alloc(1_000),
      ),
  },
  { name: 'a command without end', bytes: () => Buffer.alloc(20_000, 'A') },
  { name: 'a header without end', bytes: () => join(STOMP_HANDSHAKE, 'SEND\n', Buffer.alloc(200_000, 'h')) },
  {
    name: 'ten thousand headers',
    bytes: () => join(STOMP_HANDSHAKE, 'SEND\ndestination:/topic/hostile\n', 'a:b\n'.repeat(10_000), '\n\x00'),
  },
  {
    name: 'a body without end',
    bytes: () => join(STOMP_HANDSHAKE, 'SEND\ndestination:/topic/hostile\n\n', Buffer.alloc(100_000, 'x')),
  },
  {
    name: 'headers named as what objects have',
    bytes: () =>
      join(
        STOMP_HANDSHAKE,
        'SEND\ndestination:/topic/hostile\n__proto__:x\nconstructor:y\nhasOwnProperty:z\n\nhello\x00',
      ),
  },
  {
    name: 'forged acks',
    bytes: (chance) => join(STOMP_HANDSHAKE, `ACK\nid:${chance.bytes(6).toString('hex')}\n\n\x00`),
  },
  { name: 'wrong escapes', bytes: () => join(STOMP_HANDSHAKE, 'SEND\ndestination:/topic/\\hostile\\q\n\n\x00') },
  {
    name: 'destinations that are none',
    bytes: (chance) =>
      join(
        STOMP_HANDSHAKE,
        `SUBSCRIBE\nid:1\ndestination:${chance.pick(['/', '//', '/queue/', '/topic/%zz', '/exchange/', '/nowhere/x', ''])}\n\n\x00`,
      ),
  },
  {
    name: 'a transaction that is never committed',
    bytes: () =>
      join(
        STOMP_HANDSHAKE,
        'BEGIN\ntransaction:t\n\n\x00',
        'SEND\ndestination:/topic/hostile\ntransaction:t\n\nhello\x00'.repeat(200),
      ),
  },
];

// ------------------------------------------------------------------------------------------------------ WebSocket and HTTP

const upgrade = (protocol: string): Buffer =>
  join(
    'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
    `Sec-WebSocket-Key: ${createHash('md5').update(protocol).digest('base64')}\r\nSec-WebSocket-Version: 13\r\n`,
    `Sec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
  );
/** A masked client frame; the mask is all zeroes, so that the payload is readable in a trace. */
function wsFrame(opcode: number, payload: Buffer, announced = payload.length): Buffer {
  const head =
    announced < 126
      ? Buffer.from([0x80 | opcode, 0x80 | announced])
      : announced < 65_536
        ? join(Buffer.from([0x80 | opcode, 0xfe]), u16(announced))
        : join(Buffer.from([0x80 | opcode, 0xff]), u32(Math.floor(announced / 2 ** 32)), u32(announced % 2 ** 32));
  return join(head, u32(0), payload);
}
const WS_MQTT = join(upgrade('mqtt'), wsFrame(2, MQTT_CONVERSATION));
const WS_STOMP = join(upgrade('v12.stomp'), wsFrame(1, STOMP_CONVERSATION));
const ws: readonly Attack[] = [
  ...common(WS_MQTT, upgrade('mqtt').length),
  ...common(WS_STOMP, upgrade('v12.stomp').length),
  { name: 'giant frame', bytes: () => join(upgrade('mqtt'), wsFrame(2, Buffer.alloc(100), 2 ** 52)) },
  {
    name: 'frame of a negative length',
    bytes: () => join(upgrade('mqtt'), Buffer.from([0x82, 0xff]), Buffer.alloc(8, 0xff)),
  },
  { name: 'frame without a mask', bytes: () => join(upgrade('mqtt'), Buffer.from([0x82, 4]), 'abcd') },
  {
    name: 'text that is not UTF-8',
    bytes: () => join(upgrade('v12.stomp'), wsFrame(1, Buffer.from([0xff, 0xfe, 0xfd]))),
  },
  {
    name: 'hostile MQTT inside',
    bytes: (chance) => join(upgrade('mqtt'), wsFrame(2, chance.pick(mqtt).bytes(chance))),
  },
  {
    name: 'hostile STOMP inside',
    bytes: (chance) => join(upgrade('v12.stomp'), wsFrame(2, chance.pick(stomp).bytes(chance))),
  },
  {
    name: 'sub-protocols that are none',
    bytes: (chance) => upgrade(chance.pick(['soap', 'mqtt, mqtt', 'v99.stomp', ',', 'x'.repeat(4_000)])),
  },
];

const HTTP_REQUEST = join('GET /healthz HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n');
const http: readonly Attack[] = [
  ...common(HTTP_REQUEST, HTTP_REQUEST.length - 4),
  { name: 'a header without end', bytes: () => join('GET / HTTP/1.1\r\nx: ', Buffer.alloc(100_000, 'h')) },
  {
    name: 'a body announced and never sent',
    bytes: () => join('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\nabc'),
  },
  {
    name: 'chunks that are none',
    bytes: () =>
      join('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc'),
  },
  {
    name: 'paths that lead out',
    bytes: (chance) =>
      join(`GET ${chance.pick(['/../../etc/passwd', '/%00', '/%2e%2e%2f', '//'])} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
  },
  { name: 'hostile WebSocket', bytes: (chance) => chance.pick(ws).bytes(chance) },
];

export const ATTACKS: Readonly<Record<Port, readonly Attack[]>> = { amqp, mqtt, stomp, ws, http };

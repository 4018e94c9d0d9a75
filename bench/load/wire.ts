/**
 * The three protocols as the load generator speaks them: bytes out, counts in. Nothing of the broker's own code is used;
 * it is written for one purpose, to cost less than what it measures, and trusts its peer to be well-formed.
 */
import type { LoadProtocol, Work } from './work.ts';

export interface Heard {
  /** Where in the body's first bytes the message's number stands, or -1 for what is no message. */
  onMessage(buffer: Buffer, bodyStart: number): void;
  /** So many confirms more (PUBACK, RECEIPT), or everything up to `upTo` (basic.ack with multiple). */
  onConfirm(count: number, upTo: number): void;
  /** A step of the conversation before the load: connected, declared, subscribed. */
  onStep(): void;
  onError(text: string): void;
}

export interface Dialogue {
  /** What is sent, step by step; each is answered before the next goes out. */
  readonly steps: readonly Buffer[];
  /** One message of the load; its number is written at `numberAt`, its receipt or packet identifier at `idAt`. */
  readonly message: Buffer;
  readonly numberAt: number;
  readonly idAt: number;
  /** Where the topic holds the four digits of the subscriber it is for, or -1. */
  readonly keyAt: number;
  writeId(buffer: Buffer, at: number, id: number): void;
  /** Takes complete frames from `buffer[0, end)`, returns how many bytes it used. Acks to be sent are added to `acks`. */
  parse(buffer: Buffer, end: number, heard: Heard, acks: Acks): number;
}

/** Acknowledgements gathered while a chunk is parsed, written in one go after it. */
export class Acks {
  private buffer = Buffer.allocUnsafe(1 << 20);
  private length = 0;

  add(bytes: Buffer): void {
    if (this.length + bytes.length > this.buffer.length)
      this.buffer = Buffer.concat([this.buffer], 2 * this.buffer.length);
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
  }

  /** A copy of what was gathered, or undefined. */
  take(): Buffer | undefined {
    if (this.length === 0) return undefined;
    const taken = Buffer.from(this.buffer.subarray(0, this.length));
    this.length = 0;
    return taken;
  }
}

const u16 = (n: number): Buffer => Buffer.from([(n >>> 8) & 255, n & 255]);
const u32 = (n: number): Buffer => Buffer.from([(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const join = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'latin1') : p)));
const NO_ID = (): void => {};
/** Of a message id. */
const ID_DIGITS = 12;
function writeDigits(buffer: Buffer, at: number, id: number): void {
  let rest = id;
  for (let i = at + ID_DIGITS - 1; i >= at; i--) {
    buffer[i] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

export function dialogue(
  protocol: LoadProtocol,
  role: 'publisher' | 'consumer',
  work: Work,
  index: number,
  topic: boolean,
): Dialogue {
  switch (protocol) {
    case 'amqp':
      return amqp(role, work, index, topic);
    case 'mqtt':
      return mqtt(role, work, index);
    case 'stomp':
      return stomp(role, work, topic);
  }
}

// ------------------------------------------------------------------------------------------------------------------ AMQP

const frame = (type: number, channel: number, payload: Buffer): Buffer =>
  join(Buffer.from([type]), u16(channel), u32(payload.length), payload, '\xce');
const method = (channel: number, classId: number, methodId: number, ...rest: (Buffer | string)[]): Buffer =>
  frame(1, channel, join(u16(classId), u16(methodId), ...rest));
const userOf = (work: Work): string => work.user ?? 'guest';
const short = (text: string): Buffer => join(Buffer.from([text.length]), text);
const long = (text: string): Buffer => join(u32(text.length), text);

/** What fits into a frame of the 131,072 bytes that are asked for. */
const PAYLOAD_BYTES_MAX = 131_064;

function bodyFrames(bodyBytes: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let left = bodyBytes; left > 0; left -= PAYLOAD_BYTES_MAX) {
    frames.push(frame(3, 1, Buffer.alloc(Math.min(left, PAYLOAD_BYTES_MAX), 'x')));
  }
  return frames;
}

/** How often each message has been given back, by its number: whichever consumer had it. */
let failures = new Uint8Array(1024);

/** How often it has been before; it is once more from now on. */
function failed(number: number): number {
  if (number >= failures.length) {
    const more = new Uint8Array(number * 2);
    more.set(failures);
    failures = more;
  }
  return failures[number]!++;
}

function amqp(role: 'publisher' | 'consumer', work: Work, index: number, topic: boolean): Dialogue {
  const queue = topic ? `${work.destination}.sub${index}` : work.destination;
  const durable = work.persistent || work.publish === 'stomp';
  const steps = [
    join('AMQP\x00\x00\x09\x01'),
    method(0, 10, 11, u32(0), short('PLAIN'), long(`\x00${userOf(work)}\x00${userOf(work)}`), short('en_US')),
    join(method(0, 10, 31, u16(2047), u32(131072), u16(0)), method(0, 10, 40, short('/'), '\x00\x00')),
    method(1, 20, 10, '\x00'),
  ];
  const once = join(
    ...[short('x-message-deduplication'), 't\x01', short('x-cache-size'), 'I', u32(100_000)],
    ...[short('x-deduplication-header'), 'S', long('message-id')],
  );
  const words = join(
    ...(work.once === true ? [once] : []),
    ...(work.order === 'groups' ? [short('x-group-by'), 'S', long('key')] : []),
    ...(work.order === 'fair' ? [short('x-fair-by'), 'S', long('key')] : []),
    ...(work.order === 'strict' ? [short('x-strict-order'), 't\x01'] : []),
    ...(work.settleEach?.retryMs ? [short('x-retry-delay'), 'I', u32(work.settleEach.retryMs)] : []),
  );
  const args = join(u32(words.length), words);
  const declare = method(1, 50, 10, u16(0), short(queue), durable ? '\x02' : '\x00', args);
  if (role === 'consumer') {
    steps.push(declare);
    if (topic)
      steps.push(method(1, 50, 20, u16(0), short(queue), short('amq.topic'), short(work.destination), '\x00', u32(0)));
    steps.push(method(1, 60, 10, u32(0), u16(work.acknowledge ? work.prefetch : 0), '\x00'));
    steps.push(method(1, 60, 20, u16(0), short(queue), short('c'), work.acknowledge ? '\x00' : '\x02', u32(0)));
  } else {
    if (!topic) steps.push(declare);
    if (work.window > 0) steps.push(method(1, 85, 10, '\x00'));
  }
  const keys = work.keys ?? 0;
  const header = join(short('key'), 'S', long('0'.repeat(ID_DIGITS)));
  const head = join(
    method(1, 60, 40, u16(0), short(topic ? 'amq.topic' : ''), short(work.destination), '\x00'),
    frame(
      2,
      1,
      join(
        ...[u16(60), u16(0), u32(0), u32(work.bodyBytes)],
        u16((work.messageIds === true ? 0x1080 : 0x1000) | (keys > 0 ? 0x2000 : 0)),
        keys > 0 ? join(u32(header.length), header) : '',
        Buffer.from([work.persistent ? 2 : 1]),
        work.messageIds === true ? short('0'.repeat(ID_DIGITS)) : '',
      ),
    ),
  );
  const message = join(head, ...bodyFrames(work.bodyBytes));
  let unacked = 0;
  let missing = 0;
  const ack = method(1, 60, 80, u32(0), u32(0), '\x01');
  const each = work.settleEach;
  const tag = Buffer.alloc(8);
  const ackOne = method(1, 60, 80, u32(0), u32(0), '\x00');
  const nackOne = method(1, 60, 120, u32(0), u32(0), '\x02');
  /** Whether that was its last delivery. */
  const settleOne = (buffer: Buffer, at: number, acks: Acks): boolean => {
    const number = buffer.readUInt32BE(at + 8);
    const last = each!.failures === 0 || failed(number) >= each!.failures;
    const answer = last ? ackOne : nackOne;
    tag.copy(answer, 11);
    acks.add(answer);
    return last;
  };
  return {
    steps,
    message,
    numberAt: head.length + 7,
    // The delivery mode is behind the headers.
    idAt: work.messageIds === true ? head.length - 1 - ID_DIGITS : keys > 0 ? head.length - 2 - ID_DIGITS : 0,
    keyAt: -1,
    writeId:
      work.messageIds === true
        ? writeDigits
        : keys > 0
          ? (buffer, at, number) => writeDigits(buffer, at, number % keys)
          : NO_ID,
    parse(buffer, end, heard, acks) {
      let at = 0;
      while (at + 7 <= end) {
        const size = buffer.readUInt32BE(at + 3);
        if (at + size + 8 > end) break;
        const p = at + 7;
        const type = buffer[at]!;
        if (type === 3) {
          // The number is in a message's first frame.
          if (missing === 0) {
            missing = work.bodyBytes;
            if (each === undefined || settleOne(buffer, p, acks)) heard.onMessage(buffer, p);
          }
          missing -= size;
        } else if (type === 1) {
          const id = buffer.readUInt32BE(p);
          if (id === 0x3c003c) {
            const tagAt = p + 5 + buffer[p + 4]!;
            if (each !== undefined) buffer.copy(tag, 0, tagAt, tagAt + 8);
            else if (work.acknowledge && ++unacked >= Math.max(1, work.prefetch >> 2)) {
              buffer.copy(ack, 11, tagAt, tagAt + 8);
              acks.add(ack);
              unacked = 0;
            }
          } else if (id === 0x3c0050) {
            heard.onConfirm(1, buffer[p + 12]! & 1 ? Number(buffer.readBigUInt64BE(p + 4)) : -1);
          } else if (id === 0x3c0078) heard.onError('the broker refused a message');
          else if (id === 0x0a0032 || id === 0x140028) heard.onError(buffer.latin1Slice(p + 7, p + 7 + buffer[p + 6]!));
          else heard.onStep();
        }
        at += size + 8;
      }
      return at;
    },
  };
}

// ------------------------------------------------------------------------------------------------------------------ MQTT

function packet(head: number, body: Buffer): Buffer {
  const bytes = [head];
  let rest = body.length;
  do {
    bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return join(Buffer.from(bytes), body);
}
const string16 = (text: string): Buffer => join(u16(text.length), text);

function mqtt(role: 'publisher' | 'consumer', work: Work, index: number): Dialogue {
  const clientId = `${role}-${index}-${work.destination}`;
  const filter = work.filters ? `${work.destination}/+/${String(index).padStart(4, '0')}/#` : work.destination;
  const topic = work.filters ? `${work.destination}/plant/0000/temperature` : work.destination;
  const steps = [
    packet(
      0x10,
      join(string16('MQTT'), '\x04\xc2', u16(0), string16(clientId), string16(userOf(work)), string16(userOf(work))),
    ),
  ];
  if (role === 'consumer') steps.push(packet(0x82, join(u16(1), string16(filter), work.acknowledge ? '\x01' : '\x00')));
  const confirmed = work.window > 0;
  const body = Buffer.alloc(work.bodyBytes, 'x');
  const message = packet(confirmed ? 0x32 : 0x30, join(string16(topic), confirmed ? u16(0) : '', body));
  const numberAt = message.length - work.bodyBytes;
  const ack = Buffer.from([0x40, 2, 0, 0]);
  return {
    steps,
    message,
    numberAt,
    idAt: numberAt - 2,
    keyAt: work.filters ? message.indexOf('/0000/') + 1 : -1,
    writeId: confirmed
      ? (buffer, at, id) => {
          const packetId = (id % 65_535) + 1;
          buffer[at] = packetId >>> 8;
          buffer[at + 1] = packetId & 255;
        }
      : NO_ID,
    parse(buffer, end, heard, acks) {
      let at = 0;
      while (at + 2 <= end) {
        let length = 0;
        let p = at + 1;
        let shift = 0;
        for (; p < end; shift += 7) {
          const byte = buffer[p++]!;
          length |= (byte & 127) << shift;
          if (byte < 128) break;
        }
        if (p + length > end || buffer[p - 1]! > 127) break;
        const type = buffer[at]! >> 4;
        if (type === 3) {
          let bodyAt = p + 2 + buffer.readUInt16BE(p);
          if ((buffer[at]! & 6) !== 0) {
            ack[2] = buffer[bodyAt]!;
            ack[3] = buffer[bodyAt + 1]!;
            acks.add(ack);
            bodyAt += 2;
          }
          heard.onMessage(buffer, bodyAt);
        } else if (type === 4) heard.onConfirm(1, -1);
        else if (type === 2 && buffer[p + 1] !== 0) heard.onError(`CONNACK ${buffer[p + 1]}`);
        else heard.onStep();
        at = p + length;
      }
      return at;
    },
  };
}

// ----------------------------------------------------------------------------------------------------------------- STOMP

const CONTENT_LENGTH = Buffer.from('\ncontent-length:');
const ACK = Buffer.from('\nack:');

function stomp(role: 'publisher' | 'consumer', work: Work, topic: boolean): Dialogue {
  const destination = `${topic ? '/topic/' : '/queue/'}${work.destination}`;
  const login = `login:${userOf(work)}\npasscode:${userOf(work)}`;
  const steps = [join(`CONNECT\naccept-version:1.2\nhost:/\n${login}\nheart-beat:0,0\n\n\x00`)];
  if (role === 'consumer') {
    const ack = work.acknowledge ? `client-individual\nprefetch-count:${work.prefetch}` : 'auto';
    steps.push(join(`SUBSCRIBE\nid:1\nreceipt:s\ndestination:${destination}\nack:${ack}\n\n\x00`));
  }
  const receipt = work.window > 0 ? 'receipt:0000000000\n' : '';
  const head = join(
    `SEND\ndestination:${destination}\ncontent-length:${work.bodyBytes}\n${work.persistent ? 'persistent:true\n' : ''}${receipt}\n`,
  );
  const message = join(head, Buffer.alloc(work.bodyBytes, 'x'), '\x00');
  let subscribed = role === 'publisher';
  let connected = false;
  return {
    steps,
    message,
    numberAt: head.length,
    idAt: head.length - 12,
    keyAt: -1,
    writeId:
      work.window > 0
        ? (buffer, at, id) => {
            for (let i = 9, rest = id; i >= 0; i--, rest = Math.floor(rest / 10)) buffer[at + i] = 48 + (rest % 10);
          }
        : NO_ID,
    parse(buffer, end, heard, acks) {
      let at = 0;
      while (at < end) {
        if (buffer[at] === 10 || buffer[at] === 13) {
          at++;
          continue;
        }
        const blank = buffer.indexOf('\n\n', at, 'latin1');
        if (blank < 0 || blank + 2 > end) break;
        const lengthAt = buffer.indexOf(CONTENT_LENGTH, at);
        let bodyEnd: number;
        if (lengthAt >= 0 && lengthAt < blank) {
          let length = 0;
          for (let i = lengthAt + CONTENT_LENGTH.length; buffer[i]! >= 48; i++) length = 10 * length + buffer[i]! - 48;
          bodyEnd = blank + 2 + length;
        } else {
          bodyEnd = buffer.indexOf(0, blank);
          if (bodyEnd < 0) break;
        }
        if (bodyEnd + 1 > end) break;
        const first = buffer[at]!;
        if (first === 0x4d) {
          heard.onMessage(buffer, blank + 2);
          if (work.acknowledge) {
            const ackAt = buffer.indexOf(ACK, at) + ACK.length;
            acks.add(join('ACK\nid:', buffer.subarray(ackAt, buffer.indexOf(10, ackAt)), '\n\n\x00'));
          }
        } else if (first === 0x52) {
          if (!subscribed) {
            subscribed = true;
            heard.onStep();
          } else heard.onConfirm(1, -1);
        } else if (first === 0x43 && !connected) {
          connected = true;
          heard.onStep();
        } else heard.onError(buffer.latin1Slice(at, bodyEnd));
        at = bodyEnd + 1;
      }
      return at;
    },
  };
}

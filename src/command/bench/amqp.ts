/** AMQP 0-9-1 for the load generator: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf */
import type { Heard, Talk, TalkOptions } from './talk.ts';
import { joined, u16, u32 } from './talk.ts';

const FRAME_END = Buffer.from([0xce]);
const FRAME_BYTES_MAX = 131_072;
const PAYLOAD_BYTES_MAX = FRAME_BYTES_MAX - 8;
const BODY_FRAME = Buffer.from([3, 0, 1]);
const FIRST_BYTES = 16;
/** Milliseconds without use after which a queue that was left behind goes. */
const EXPIRES_MS = 60_000;

const frame = (type: number, channel: number, payload: Buffer): Buffer =>
  joined(Buffer.from([type]), u16(channel), u32(payload.length), payload, FRAME_END);
const method = (channel: number, classId: number, methodId: number, ...rest: (Buffer | string)[]): Buffer =>
  frame(1, channel, joined(u16(classId), u16(methodId), ...rest));
const short = (text: string): Buffer => joined(Buffer.from([Buffer.byteLength(text)]), text);
const long = (text: string): Buffer => joined(u32(Buffer.byteLength(text)), text);
const code = (classId: number, methodId: number): number => classId * 0x10000 + methodId;

const ANSWERS: ReadonlySet<number> = new Set([
  code(10, 10),
  code(10, 30),
  code(10, 41),
  code(20, 11),
  code(50, 11),
  code(85, 11),
  code(60, 11),
  code(60, 21),
]);
const DELIVER = code(60, 60);
const ACK = code(60, 80);
const NACK = code(60, 120);
const CLOSES: ReadonlySet<number> = new Set([code(10, 50), code(20, 40)]);

export function amqp(role: 'producer' | 'consumer', options: TalkOptions): Talk {
  const { user, password, vhost, name, persistent, confirmed, prefetch } = options;
  const expires = joined(short('x-expires'), 'I', u32(EXPIRES_MS));
  const tune = method(0, 10, 31, u16(1), u32(FRAME_BYTES_MAX), u16(0));
  const open = joined(tune, method(0, 10, 40, short(vhost), '\0\0'));
  const declare = method(1, 50, 10, u16(0), short(name), persistent ? '\x02' : '\0', u32(expires.length), expires);
  const steps = [
    Buffer.from('AMQP\0\0\x09\x01', 'latin1'),
    method(0, 10, 11, u32(0), short('PLAIN'), long(`\0${user}\0${password}`), short('en_US')),
    open,
    method(1, 20, 10, '\0'),
    declare,
  ];
  if (role === 'producer' && confirmed) steps.push(method(1, 85, 10, '\0'));
  if (role === 'consumer') {
    steps.push(method(1, 60, 10, u32(0), u16(prefetch), '\0'));
    steps.push(method(1, 60, 20, u16(0), short(name), short(''), confirmed ? '\0' : '\x02', u32(0)));
  }
  const publish = method(1, 60, 40, u16(0), short(''), short(name), '\0');
  const headOf = (bodyBytes: number): Buffer => {
    const mode = Buffer.from([persistent ? 2 : 1]);
    return joined(publish, frame(2, 1, joined(u16(60), u16(0), u32(0), u32(bodyBytes), u16(0x1000), mode)));
  };
  let made: { readonly bodyBytes: number; readonly head: Buffer } | undefined;
  let tag: Buffer | undefined;
  let left = 0;
  /** The first bytes of a body that comes in several frames. */
  let first: Buffer | undefined;

  return {
    steps,
    idOf: (n) => n,
    clearing: method(1, 50, 40, u16(0), short(name), '\0'),
    message(_id, body) {
      if (made?.bodyBytes !== body.length) made = { bodyBytes: body.length, head: headOf(body.length) };
      const pieces = [made.head];
      for (let at = 0; at < body.length; at += PAYLOAD_BYTES_MAX) {
        const part = body.subarray(at, at + PAYLOAD_BYTES_MAX);
        pieces.push(joined(BODY_FRAME, u32(part.length)), part, FRAME_END);
      }
      return pieces;
    },
    parse(buffer, heard, answers) {
      let at = 0;
      let last: Buffer | undefined;
      while (buffer.length - at >= 8) {
        const length = buffer.readUInt32BE(at + 3);
        const next = at + 8 + length;
        if (next > buffer.length) break;
        const type = buffer[at];
        if (type === 1) {
          const which = buffer.readUInt32BE(at + 7);
          if (which === DELIVER) {
            const tagAt = at + 12 + buffer[at + 11]!;
            tag = Buffer.from(buffer.subarray(tagAt, tagAt + 8));
          } else heardMethod(which, buffer, at + 11, next - 1, heard);
        } else if (type === 2) {
          left = buffer.readUInt32BE(at + 15);
          if (left === 0) last = tag;
        } else if (type === 3) {
          left -= length;
          if (left > 0) first ??= Buffer.from(buffer.subarray(at + 7, at + 7 + FIRST_BYTES));
          else {
            if (first === undefined) heard.message(buffer, at + 7);
            else heard.message(first, 0);
            first = undefined;
            last = tag;
          }
        }
        at = next;
      }
      if (last !== undefined && confirmed) answers.push(method(1, 60, 80, last, '\x01'));
      return at;
    },
  };
}

function heardMethod(which: number, buffer: Buffer, at: number, end: number, heard: Heard): void {
  if (ANSWERS.has(which)) heard.step();
  else if (which === ACK) {
    heard.confirm(buffer.readUInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4), buffer[at + 8] === 1);
  } else if (which === NACK) heard.error('a message was refused');
  else if (CLOSES.has(which)) heard.error(buffer.toString('utf8', at + 3, Math.min(end, at + 3 + buffer[at + 2]!)));
}

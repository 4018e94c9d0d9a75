/** Attacks of AMQP clients. */
import { type Attack, common, join, u16, u32 } from './attack.ts';

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

/** A table with one entry, an array in an array in an array …. */
function nestedArrays(depth: number): Buffer {
  let array = u32(0);
  for (let i = 1; i < depth; i++) {
    const inner = join('A', array);
    array = join(u32(inner.length), inner);
  }
  const entry = join(short('n'), 'A', array);
  return join(u32(entry.length), entry);
}

function wideTable(count: number): Buffer {
  const entries = join(...Array.from({ length: count }, (_, i) => join(short(`k${i}`), 't', Buffer.from([1]))));
  return join(u32(entries.length), entries);
}

/** A message without a body, with these headers. */
const amqpHeaders = (table: Buffer): Buffer =>
  join(
    method(1, 60, 40, u16(0), short('amq.topic'), short('hostile.key'), Buffer.from([0])),
    frame(2, 1, join(u16(60), u16(0), u32(0), u32(0), u16(0x2000), table)),
  );

export const amqp: readonly Attack[] = [
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
    name: 'arrays nested a thousand deep',
    bytes: () => join(AMQP_HANDSHAKE, method(1, 50, 10, u16(0), short('q'), Buffer.from([0]), nestedArrays(1_000))),
  },
  {
    name: 'headers nested a thousand deep',
    bytes: () => join(AMQP_HANDSHAKE, amqpHeaders(nestedTable(1_000))),
  },
  {
    name: 'ten thousand headers',
    bytes: () => join(AMQP_HANDSHAKE, amqpHeaders(wideTable(10_000))),
  },
  {
    name: 'a queue declared with ten thousand arguments',
    bytes: () => join(AMQP_HANDSHAKE, method(1, 50, 10, u16(0), short('q'), Buffer.from([0]), wideTable(10_000))),
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

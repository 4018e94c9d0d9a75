/** Field types and properties: byte for byte from publisher to consumer. */
import { expect } from 'vitest';
import { within } from '../../support/inbox.ts';
import { PATIENCE_MS } from '../clients/arrivals.ts';
import {
  bits,
  body,
  field,
  frame,
  HEADER,
  HEADERS_FLAG,
  header,
  long,
  method,
  publish,
  short,
  table,
  u8,
  u16,
  u32,
  u64,
} from '../clients/frames.ts';
import { type Run, rawScenario, topic } from '../scenario.ts';

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

export const fieldTypes = topic('field types', [
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

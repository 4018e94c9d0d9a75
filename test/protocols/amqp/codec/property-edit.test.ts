/** Property lists and tables that are edited: what is asked for has changed, and every other byte is as it came. */
import { describe, expect, it } from 'vitest';
import { SyntaxFault } from '../../../../protocols/amqp/codec/faults.ts';
import {
  editProperties,
  type PropertyEdit,
  withoutFields,
  withoutRepeats,
} from '../../../../protocols/amqp/codec/property-edit.ts';
import { writeTable } from '../../../../protocols/amqp/codec/table-writer.ts';
import { ByteSink } from '../../../../src/message/byte-sink.ts';
import type { Headers } from '../../../../src/message/properties.ts';
import { short, u8, u16, u32, u64 } from '../wire.ts';

function table(headers: Headers): Buffer {
  const sink = new ByteSink();
  writeTable(sink, headers);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

/** All properties before the headers, the headers, and what stands on either side of the expiration. */
interface Parts {
  headers?: Buffer;
  expiration?: string;
}

const ALL = 0xfff8;
const HEADERS = 0x2000;
const EXPIRATION = 0x0100;

/** Every property, but for the headers and the expiration where they are not given. */
function whole({ headers, expiration }: Parts): Buffer {
  let flags = ALL;
  if (headers === undefined) flags &= ~HEADERS;
  if (expiration === undefined) flags &= ~EXPIRATION;
  return Buffer.concat([
    u16(flags),
    short('text/plain'),
    short('gzip'),
    headers ?? Buffer.alloc(0),
    u8(2),
    u8(9),
    short('correlation'),
    short('reply-to'),
    expiration === undefined ? Buffer.alloc(0) : short(expiration),
    short('id'),
    u64(1_700_000_000),
    short('type'),
    short('user'),
    short('app'),
  ]);
}

/** Edits the list where it stands among other bytes. */
function edited(list: Buffer, edit: PropertyEdit): Buffer {
  const sink = new ByteSink();
  const among = Buffer.concat([Buffer.alloc(5, 0xee), list, Buffer.alloc(9, 0xee)]);
  expect(editProperties(sink, among, 5, 5 + list.length, edit)).toBe(0);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

const A = { name: 'a', value: 'one' };
const B = { name: 'b', value: { type: 'int32', value: 5 } } as const;
const C = { name: 'c', value: { type: 'list', value: ['x'] } } as const;

describe('a property list', () => {
  const both = { headers: table([A, B, C]), expiration: '60000' };

  it('is the same where nothing is asked for, whatever it has', () => {
    for (const parts of [both, { headers: both.headers }, { expiration: '60000' }, {}]) {
      expect(edited(whole(parts), {})).toEqual(whole(parts));
    }
    expect(edited(u16(0), {})).toEqual(u16(0));
  });

  it('gets headers behind the others, and a table where it had none', () => {
    const added = [{ name: 'd', value: 'new' }];
    expect(edited(whole(both), { added })).toEqual(whole({ ...both, headers: table([A, B, C, ...added]) }));
    expect(edited(whole({ expiration: '5' }), { added })).toEqual(whole({ headers: table(added), expiration: '5' }));
    expect(edited(u16(0), { added })).toEqual(Buffer.concat([u16(HEADERS), table(added)]));
  });

  it('loses headers by their name, wherever they stand', () => {
    for (const gone of [[], [A], [B], [C], [A, B], [A, C], [B, C], [A, B, C]]) {
      const without = new Set(gone.map(({ name }) => name));
      const left = [A, B, C].filter(({ name }) => !without.has(name));
      expect(edited(whole(both), { without })).toEqual(whole({ ...both, headers: table(left) }));
    }
  });

  it('gets another expiration, or none, or its first', () => {
    expect(edited(whole(both), { expiration: '7' })).toEqual(whole({ ...both, expiration: '7' }));
    expect(edited(whole(both), { expiration: null })).toEqual(whole({ headers: both.headers }));
    expect(edited(whole({}), { expiration: '7' })).toEqual(whole({ expiration: '7' }));
    expect(edited(whole({}), { expiration: null })).toEqual(whole({}));
  });

  it('says how many of the added values do not fit', () => {
    const sink = new ByteSink();
    const added = [A, { name: 'x'.repeat(256), value: 'long' }];
    expect(editProperties(sink, u16(0), 0, 2, { added })).toBe(1);
  });

  it('is refused where it says that it is longer than it is', () => {
    const list = Buffer.concat([u16(HEADERS), u32(5), Buffer.alloc(4)]);
    expect(() => editProperties(new ByteSink(), list, 0, list.length, {})).toThrow(SyntaxFault);
    const short9 = Buffer.concat([u16(EXPIRATION), u8(9), Buffer.from('12345678')]);
    expect(() => editProperties(new ByteSink(), short9, 0, short9.length, {})).toThrow(SyntaxFault);
  });
});

it('a table loses fields by their name', () => {
  const content = table([A, B, C]).subarray(4);
  const among = Buffer.concat([Buffer.alloc(3, 0xee), content, Buffer.alloc(3, 0xee)]);
  expect(withoutFields(among, 3, 3 + content.length, new Set(['b', 'z']))).toEqual(table([A, C]).subarray(4));
  expect(withoutFields(among, 3, 3 + content.length, new Set())).toEqual(content);
});

it('a table keeps the first of the fields that have one name, in tables and lists within it, too', () => {
  const inner = (...headers: Headers) => ({ type: 'map', value: headers }) as const;
  const A2 = { name: 'a', value: 'two' };
  const nested = (...headers: Headers): Headers => [
    { name: 'm', value: inner(...headers, { name: 'n', value: inner(...headers) }) },
    {
      name: 'l',
      value: { type: 'list', value: ['x', inner(...headers), { type: 'list', value: [inner(...headers)] }] },
    },
    B,
  ];
  const content = table([...nested(A, A2, B), A, A2]).subarray(4);
  expect(withoutRepeats(content, 0, content.length)).toEqual(table([...nested(A, B), A]).subarray(4));
});

/** The fields of methods, read and written: every type at its bounds, bits that share octets, and nothing past the end. */
import { describe, expect, it } from 'vitest';
import { FieldReader } from '../../../../protocols/amqp/codec/field-reader.ts';
import { MethodWriter } from '../../../../protocols/amqp/codec/method-writer.ts';

const reader = (hex: string): FieldReader => {
  const bytes = Buffer.from(`ffff${hex}ffff`, 'hex');
  return new FieldReader().begin(bytes, 2, bytes.length - 2);
};

describe('a reader', () => {
  it('reads numbers of every size', () => {
    expect([reader('00').uint8(), reader('ff').uint8()]).toEqual([0, 255]);
    expect([reader('0102').uint16(), reader('ffff').uint16()]).toEqual([258, 65_535]);
    expect([reader('01020304').uint32(), reader('ffffffff').uint32()]).toEqual([0x01020304, 0xffff_ffff]);
    expect(reader('0000000000000001').uint64()).toBe(1);
    expect(reader('0000000100000000').uint64()).toBe(2 ** 32);
    expect(reader('0000000200000003').uint64()).toBe(2 * 2 ** 32 + 3);
    expect(reader('001fffffffffffff').uint64()).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('reads bits from one octet, eight of them, and begins another after anything else', () => {
    const bits = reader('05ff0103');
    expect([bits.bit(), bits.bit(), bits.bit(), bits.bit()]).toEqual([true, false, true, false]);
    expect(bits.uint8()).toBe(255);
    expect([bits.bit(), bits.bit()]).toEqual([true, false]);
    bits.begin(bits.buffer, bits.at, bits.end);
    expect(bits.bit()).toBe(true);
    bits.finish();
    const many = reader('ff01');
    many.bits(8);
    expect(many.bit()).toBe(true);
    many.finish();
  });

  it('reads strings and tables of their length, and no further', () => {
    const text = reader('0361626300');
    expect([text.shortString(), text.shortString()]).toEqual(['abc', '']);
    text.finish();
    expect(reader('00000003616263').longString()).toBe('abc');
    const source = reader('000000020102');
    const bytes = source.longBytes();
    source.buffer.fill(0);
    expect(bytes.toString('hex')).toBe('0102');
    expect(reader('00000000').table()).toEqual([]);
    expect(reader('02c3a9').shortString()).toBe('é');
    expect(() => reader('02c328').shortString()).toThrow();
  });

  it('refuses what is not there, and what is left over', () => {
    const short: [string, (of: FieldReader) => unknown][] = [
      ['', (of) => of.uint8()],
      ['01', (of) => of.uint16()],
      ['010203', (of) => of.uint32()],
      ['01020304050607', (of) => of.uint64()],
      ['', (of) => of.bit()],
      ['046162', (of) => of.shortString()],
      ['00000004616263', (of) => of.longString()],
      ['00000004616263', (of) => of.longBytes()],
      ['00000004616263', (of) => of.table()],
      ['00', (of) => of.finish()],
    ];
    for (const [hex, read] of short) expect(() => read(reader(hex))).toThrow();
    const all = reader('01');
    all.uint8();
    expect(() => all.finish()).not.toThrow();
  });
});

describe('a writer', () => {
  const frame = (write: (to: MethodWriter) => unknown): string => {
    const to = new MethodWriter().begin(0x0102, 0x000a_000b);
    write(to);
    return to.end().toString('hex');
  };
  const whole = (payload: string): string => {
    const size = (4 + payload.length / 2).toString(16).padStart(8, '0');
    return `010102${size}000a000b${payload}ce`;
  };

  it('writes a frame around its fields', () => {
    expect(frame(() => {})).toBe(whole(''));
    expect(frame((to) => to.uint8(1).uint16(0x0203).uint32(0x0405_0607))).toBe(whole('01020304050607'));
    expect(frame((to) => to.shortString('abc').longString('é'))).toBe(whole('0361626300000002c3a9'));
    expect(frame((to) => to.table([]))).toBe(whole('00000000'));
  });

  it('writes bits into one octet until something else comes or it is full', () => {
    const bits =
      (...values: boolean[]) =>
      (to: MethodWriter) =>
        void values.map((value) => to.bit(value));
    expect(frame(bits(true, false, true))).toBe(whole('05'));
    expect(frame(bits(false, false))).toBe(whole('00'));
    expect(frame(bits(...new Array(9).fill(true)))).toBe(whole('ff01'));
    for (const [other, hex] of [
      [(to: MethodWriter) => to.uint8(9), '09'],
      [(to: MethodWriter) => to.uint16(9), '0009'],
      [(to: MethodWriter) => to.uint32(9), '00000009'],
      [(to: MethodWriter) => to.shortString(''), '00'],
      [(to: MethodWriter) => to.longString(''), '00000000'],
      [(to: MethodWriter) => to.table([]), '00000000'],
    ] as const) {
      expect(frame((to) => other(to.bit(true)).bit(true))).toBe(whole(`01${hex}01`));
    }
  });

  it('cuts what is too long for a short string between two characters', () => {
    const cut = (text: string): string =>
      Buffer.from(
        frame((to) => to.shortString(text)),
        'hex',
      )
        .subarray(11, -1)
        .toString();
    expect(cut('a'.repeat(255))).toBe(`\xff${'a'.repeat(255)}`.replace('\xff', '\ufffd'));
    expect(cut('a'.repeat(300)).length).toBe(256);
    const bytes = Buffer.from(
      frame((to) => to.shortString(`${'a'.repeat(254)}é`)),
      'hex',
    );
    expect(bytes[11]).toBe(254);
    expect(bytes.subarray(12, -1).toString()).toBe('a'.repeat(254));
    const exact = Buffer.from(
      frame((to) => to.shortString(`${'a'.repeat(253)}éé`)),
      'hex',
    );
    expect(exact.subarray(12, -1).toString()).toBe(`${'a'.repeat(253)}é`);
  });

  it('begins anew with each frame', () => {
    const to = new MethodWriter();
    to.begin(1, 2).bit(true).longString('something long');
    expect(to.begin(0x0102, 0x000a_000b).bit(true).end().toString('hex')).toBe(whole('01'));
  });
});

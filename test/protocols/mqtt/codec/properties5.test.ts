import { describe, expect, it } from 'vitest';
import { MalformedPacket } from '../../../../protocols/mqtt/codec/packet.ts';
import { MessageProperties } from '../../../../protocols/mqtt/codec/properties/message-properties.ts';
import { PropertyReader } from '../../../../protocols/mqtt/codec/properties/property-reader.ts';

describe('properties', () => {
  const reader = new PropertyReader();
  const walk = (packet: number, hex: string): number => {
    const buffer = Buffer.from(hex, 'hex');
    reader.begin(buffer, 0, buffer.length, packet);
    let count = 0;
    while (reader.next()) count++;
    return count;
  };
  /** One valid value of each identifier. */
  const values: Record<number, string> = {
    1: '01',
    2: '00000001',
    3: '000161',
    8: '000161',
    9: '0001ff',
    11: '01',
    17: '00000000',
    18: '000161',
    19: '0001',
    21: '000161',
    22: '0001ff',
    23: '01',
    24: '00000000',
    25: '00',
    26: '000161',
    28: '000161',
    31: '000161',
    33: '0001',
    34: '0000',
    35: '0001',
    36: '01',
    37: '00',
    38: '00016100016a',
    39: '00000001',
    40: '00',
    41: '01',
    42: '01',
  };
  /** MQTT 5.0, table 2-4, by packet: a will is 0. */
  const allowed: Record<number, number[]> = {
    0: [1, 2, 3, 8, 9, 24, 38],
    1: [17, 21, 22, 23, 25, 33, 34, 38, 39],
    2: [17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42],
    3: [1, 2, 3, 8, 9, 11, 35, 38],
    4: [31, 38],
    5: [31, 38],
    6: [31, 38],
    7: [31, 38],
    8: [11, 38],
    9: [31, 38],
    10: [38],
    11: [31, 38],
    14: [17, 28, 31, 38],
    15: [21, 22, 31, 38],
  };
  const hex = (n: number): string => n.toString(16).padStart(2, '0');

  it('are those of each packet, once, except user properties', () => {
    for (const [packet, list] of Object.entries(allowed)) {
      for (let property = 0; property < 256; property++) {
        const one = hex(property) + (values[property] ?? '00');
        if (!list.includes(property)) {
          expect(() => walk(Number(packet), one), `${packet} ${property}`).toThrow(MalformedPacket);
          continue;
        }
        expect(walk(Number(packet), one), `${packet} ${property}`).toBe(1);
        if (property === 38) expect(walk(Number(packet), one + one)).toBe(2);
        else {
          expect(() => walk(Number(packet), one + one)).toThrow(expect.objectContaining({ reason: 0x82 }));
        }
        // Cut anywhere, it is malformed.
        for (let cut = 2; cut < one.length; cut += 2) {
          expect(() => walk(Number(packet), one.slice(0, cut))).toThrow(MalformedPacket);
        }
      }
    }
  });

  it.each<[string, number, string, number]>([
    ['a payload format of 2', 3, '0102', 0x82],
    ['a receive maximum of 0', 1, '210000', 0x82],
    ['a packet size of 0', 1, '2700000000', 0x82],
    ['a subscription identifier of 0', 8, '0b00', 0x82],
    ['a flag of 2', 1, '1702', 0x82],
    ['a text that is not UTF-8', 3, '030001ff', 0x81],
    ['a text with U+0000', 3, '03000100', 0x81],
    ['a surrogate', 3, '030003eda080', 0x81],
    ['an overlong form', 3, '030002c080', 0x81],
    ['a name that is not UTF-8', 3, '260001ff000161', 0x81],
    ['an identifier in two bytes', 3, 'a600000161000161', 0x81],
    ['an integer in more bytes than it needs', 8, '0b8000', 0x81],
    ['an integer of five bytes', 8, '0bffffffff01', 0x81],
  ])('refuse %s', (_, packet, bytesOf, reason) => {
    expect(() => walk(packet, bytesOf)).toThrow(expect.objectContaining({ reason }));
  });

  it('that are no pair have no name, whatever came before them', () => {
    // User property "selector" = "a", then content type "a", then a subscription identifier.
    const pair = '26000873656c6563746f72000161';
    const wire = Buffer.from(`${pair}03000161${pair}0101`, 'hex');
    reader.begin(wire, 0, wire.length, 3);
    const named: boolean[] = [];
    while (reader.next()) {
      named.push(reader.isNamed('selector'));
      expect(reader.nameEnd > reader.nameStart).toBe(reader.id === 38);
    }
    expect(named).toEqual([true, false, true, false]);
  });

  it('of a message refuse what a client may not send', () => {
    const take = (hexBytes: string): void => {
      const buffer = Buffer.from(hexBytes, 'hex');
      new MessageProperties().take(new PropertyReader(), buffer, 0, buffer.length, 3, 65_536);
    };
    expect(() => take('0b05')).toThrow(expect.objectContaining({ reason: 0x82 }));
    expect(() => take('230000')).toThrow(expect.objectContaining({ reason: 0x94 }));
    expect(() => take('080001' + '2b')).toThrow(expect.objectContaining({ reason: 0x82 }));
    expect(() => take('080003' + '612f23')).toThrow(expect.objectContaining({ reason: 0x82 }));
  });

  it('that are taken out leave the others as they were', () => {
    const buffer = Buffer.from(
      '26000161000162' + '0200000005' + '03000161' + '230007' + '26000161000162' + '0101',
      'hex',
    );
    const properties = new MessageProperties();
    properties.take(new PropertyReader(), buffer, 0, buffer.length, 3, 65_536);
    expect(properties.buffer.toString('hex', properties.start, properties.end)).toBe(
      '26000161000162' + '03000161' + '26000161000162' + '0101',
    );
  });
});

/** Bodies taken apart in the console: bounded, whatever the bytes are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cbor } from '../../console/src/messages/cbor.ts';
import { formOf, fromBase64, hexDump, toBase64, treeOf } from '../../console/src/messages/forms.ts';
import { json } from '../../console/src/messages/json.ts';
import { msgpack } from '../../console/src/messages/msgpack.ts';
import { NODES_MAX, type Node, Undecodable } from '../../console/src/messages/node.ts';
import { protobuf } from '../../console/src/messages/protobuf.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** As JavaScript has it, as far as it goes. */
function plain(node: Node): unknown {
  if (node.kind === 'list') return node.items.map(plain);
  if (node.kind === 'map') return Object.fromEntries(node.entries.map(([name, value]) => [name, plain(value)]));
  return node.note === undefined ? node.text : `${node.text} (${node.note})`;
}

describe('MessagePack', () => {
  it.each([
    ['00', '0'],
    ['7f', '127'],
    ['e0', '-32'],
    ['cc ff', '255'],
    ['cf ff ff ff ff ff ff ff ff', '18446744073709551615'],
    ['d3 80 00 00 00 00 00 00 00', '-9223372036854775808'],
    ['cb 3f f8 00 00 00 00 00 00', '1.5'],
    ['c0', 'null'],
    ['c3', 'true'],
    ['a3 41 64 61', 'Ada'],
    ['d9 03 41 64 61', 'Ada'],
    ['c4 02 01 ff', '01 ff (2 B)'],
    ['93 01 02 c2', ['1', '2', 'false']],
    ['82 a1 61 01 05 90', { a: '1', 5: [] }],
    ['d4 05 ff', 'ff (extension 5, 1 B)'],
    ['d6 ff 00 00 00 00', '1970-01-01T00:00:00.000Z (timestamp)'],
  ])('%s', (given, expected) => {
    expect(plain(msgpack(bytes(given)))).toEqual(expected);
  });

  it.each(['', 'c1', '93 01', 'a3 41', '01 02', 'a1 ff', 'dd ff ff ff ff'])('refuses «%s»', (given) => {
    expect(() => msgpack(bytes(given))).toThrow(Undecodable);
  });
});

describe('CBOR', () => {
  // From RFC 8949, appendix A
  it.each([
    ['00', '0'],
    ['18 64', '100'],
    ['1b ff ff ff ff ff ff ff ff', '18446744073709551615'],
    ['3b ff ff ff ff ff ff ff ff', '-18446744073709551616'],
    ['f9 3c 00', '1'],
    ['f9 7b ff', '65504'],
    ['f9 00 01', '5.960464477539063e-8'],
    ['f9 c4 00', '-4'],
    ['f9 7c 00', 'Infinity'],
    ['fa 47 c3 50 00', '100000'],
    ['fb c0 10 66 66 66 66 66 66', '-4.1'],
    ['f4', 'false'],
    ['f6', 'null'],
    ['f7', 'undefined'],
    ['f0', '16 (simple)'],
    ['c0 74 32 30 31 33 2d 30 33 2d 32 31 54 32 30 3a 30 34 3a 30 30 5a', '2013-03-21T20:04:00Z (time)'],
    ['c1 1a 51 4b 67 b0', '2013-03-21T20:04:00.000Z (time)'],
    ['44 01 02 03 04', '01 02 03 04 (4 B)'],
    ['62 c3 bc', 'ü'],
    ['83 01 82 02 03 82 04 05', ['1', ['2', '3'], ['4', '5']]],
    ['a2 01 02 03 04', { 1: '2', 3: '4' }],
    ['5f 42 01 02 43 03 04 05 ff', '01 02 03 04 05 (5 B)'],
    ['7f 65 73 74 72 65 61 64 6d 69 6e 67 ff', 'streaming'],
    ['9f 01 82 02 03 9f 04 05 ff ff', ['1', ['2', '3'], ['4', '5']]],
    ['bf 61 61 01 61 62 9f 02 03 ff ff', { a: '1', b: ['2', '3'] }],
  ])('%s', (given, expected) => {
    expect(plain(cbor(bytes(given)))).toEqual(expected);
  });

  it.each(['', '1c', '83 01', '62 41', 'ff', '9f 01', '9b ff ff ff ff ff ff ff ff', '61 ff', '7f 41 01 ff', '00 00'])(
    'refuses «%s»',
    (given) => {
      expect(() => cbor(bytes(given))).toThrow(Undecodable);
    },
  );
});

describe('Protobuf without a schema', () => {
  it('shows fields by their numbers', () => {
    // 1: 150; 2: "testing"; 3: { 1: 150 }; 4: fixed32 1.5; 5: -1
    const given = bytes(
      '08 96 01 12 07 74 65 73 74 69 6e 67 1a 03 08 96 01 25 00 00 c0 3f 28 ff ff ff ff ff ff ff ff ff 01',
    );
    expect(plain(protobuf(given))).toEqual({
      1: '150',
      2: 'testing',
      3: { 1: '150' },
      4: '1.5 (or 1069547520)',
      5: '-1 (or 18446744073709551615)',
    });
  });

  it('shows a field that comes again each time', () => {
    const node = protobuf(bytes('08 01 08 02'));
    expect(node.kind === 'map' && node.entries.map(([name]) => name)).toEqual(['1', '1']);
  });

  it.each(['', '00', '08', '0f', '0b 08 01', '0c', '0a 05 41', '08 ff ff ff ff ff ff ff ff ff ff ff 01'])(
    'refuses «%s»',
    (given) => {
      expect(() => protobuf(bytes(given))).toThrow(Undecodable);
    },
  );
});

describe('JSON', () => {
  it('keeps numbers as they are written', () => {
    expect(plain(json('{"n": 12345678901234567890, "x": [true, null, "é"]}'))).toEqual({
      n: '12345678901234567890',
      x: ['true', 'null', 'é'],
    });
  });

  it('shows names that JavaScript means something by', () => {
    const node = json('{"__proto__": 1, "constructor": 2}');
    expect(node.kind === 'map' && node.entries.map(([name]) => name)).toEqual(['__proto__', 'constructor']);
  });

  it('refuses what goes too deep or has too much in it', () => {
    expect(() => json(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)).toThrow(Undecodable);
    expect(() => json(`[${'1,'.repeat(NODES_MAX)}1]`)).toThrow(Undecodable);
  });
});

it('a few bytes do not stand for very much', () => {
  // Lists in lists in lists, and as many pieces of nothing as there are bytes
  expect(() => msgpack(new Uint8Array(100_000).fill(0x91))).toThrow(Undecodable);
  expect(() => cbor(new Uint8Array(100_000).fill(0x81))).toThrow(Undecodable);
  expect(() => protobuf(new Uint8Array(300_000).fill(0x0b))).toThrow(Undecodable);
  expect(() => msgpack(new Uint8Array([0xdd, 0x7f, 0xff, 0xff, 0xff]))).toThrow(Undecodable);
});

it('any bytes are a tree or refused in words, in time that their length bounds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (given) => {
      for (const form of ['json', 'msgpack', 'cbor', 'protobuf'] as const) {
        try {
          treeOf(form, given);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Undecodable);
        }
      }
      expect(['text', 'json', 'hex']).toContain(formOf(given, undefined));
    }),
    { numRuns: 500 },
  );
});

it('base64 gives back the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (given) => {
      expect(Buffer.from(fromBase64(toBase64(given)))).toEqual(Buffer.from(given));
    }),
    { numRuns: 100 },
  );
});

describe('what a body is shown as', () => {
  const of = (text: string, type?: string) => formOf(new TextEncoder().encode(text), type);

  it('is what its type says, if that is true', () => {
    expect(of('1', 'application/json')).toBe('json');
    expect(of('{', 'application/json')).toBe('text');
    expect(formOf(bytes('81 a1 61 01'), 'application/msgpack')).toBe('msgpack');
    expect(formOf(bytes('a1 61 61 01'), 'application/cbor')).toBe('cbor');
    expect(formOf(bytes('08 01'), 'application/x-protobuf')).toBe('protobuf');
  });

  it('is JSON or text where it looks like it, and hex where it is no text', () => {
    expect(of(' {"a": 1}')).toBe('json');
    expect(of('{a}')).toBe('text');
    expect(of(`[${'"é",'.repeat(60)}1]`)).toBe('json');
    expect(of('hello')).toBe('text');
    expect(formOf(bytes('ff fe'), 'text/plain')).toBe('hex');
  });

  it('in hex has what can be printed beside it', () => {
    expect(hexDump(bytes('41 00 3c 69 6d 67 3e 0a 42'), 10)).toBe(
      '00000000  41 00 3c 69 6d 67 3e 0a  42                       A.<img>.B',
    );
  });
});

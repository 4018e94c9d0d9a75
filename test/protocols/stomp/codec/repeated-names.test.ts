/** Which headers of a frame are repetitions, however alike names are. */
import { describe, expect, it } from 'vitest';
import { COMPLETE, FrameParser } from '../../../../protocols/stomp/codec/parser.ts';

const BOUNDS = {
  headersMax: 100,
  headerLineSizeMax: 1_000,
  headersSizeMax: 10_000,
  bodySizeMax: 1_000,
  unmeasuredBodySizeMax: 1_000,
};

function parse(names: readonly string[]): FrameParser {
  const lines = names.map((name, i) => `${name}:${i}\n`).join('');
  const bytes = Buffer.from(`SEND\ndestination:/queue/q\n${lines}\n\0`);
  const parser = new FrameParser(BOUNDS);
  expect(parser.parse(bytes, 0, bytes.length, 12)).toBe(COMPLETE);
  return parser;
}

const filler = Array.from({ length: 20 }, (_, i) => `filler-${i}`);

describe('a frame', () => {
  for (const [many, more] of [
    [false, []],
    [true, filler],
  ] as const) {
    it(`repeats no name where names differ in one letter, in length, or in case (many headers: ${many})`, () => {
      for (const names of [
        ['xbc', 'abc'],
        ['abx', 'abc'],
        ['axc', 'abc'],
        ['ab', 'abc'],
        ['a', 'b'],
        ['A', 'a'],
      ]) {
        expect([names, parse([...names, ...more]).repeats]).toEqual([names, false]);
      }
      expect(parse(more).repeats).toBe(false);
    });

    it(`repeats a name that comes twice, wherever, its own or the protocol's (many headers: ${many})`, () => {
      for (const names of [['a', 'a'], ['x', 'abc', 'y', 'abc'], ['first', 'x', 'y', 'first'], ['destination']]) {
        expect([names, parse([...names, ...more]).repeats]).toEqual([names, true]);
      }
    });
  }

  it('knows the names of the protocol however many headers come behind them', () => {
    const kindOf = (parser: FrameParser, name: string): number =>
      Array.from({ length: parser.count }, (_, i) => i)
        .filter((i) => parser.nameText(i) === name)
        .map((i) => parser.kind(i))[0]!;
    const [few, many] = [parse(['receipt']), parse(['receipt', ...filler, ...filler.map((name) => `${name}-more`)])];
    for (const name of ['destination', 'receipt']) expect(kindOf(many, name)).toBe(kindOf(few, name));
    expect(kindOf(many, 'receipt')).not.toBe(kindOf(many, 'filler-0'));
  });

  it('counts the first of each name, and no other', () => {
    const parser = parse(['a', 'b', 'a', 'destination', 'c', 'b']);
    expect([...parser.firsts()]).toEqual([0, 1, 2, 5]);
    expect(parser.header('a')).toBe('0');
    expect(parser.header('b')).toBe('1');
    expect(parser.header('none')).toBeUndefined();
  });
});

/** Commands from bytes: however a stream is cut, the same ones; what is none is refused in Redis' words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Command,
  CommandParser,
  PARTIAL,
  UNKNOWN_TOO_LONG,
  WHOLE,
} from '../../../../protocols/redis/codec/command-parser.ts';
import { FrameInput } from '../../../../protocols/redis/connection/frame-input.ts';
import { encode } from '../raw-client.ts';

const BOUNDS = { argumentsMax: 8, commandSizeMax: 1000 };

function words(command: Command): string[] {
  return Array.from({ length: command.count }, (_, i) => command.bytes(i).latin1Slice());
}

/** All commands of the chunks, read as a connection does. */
function readAll(chunks: readonly Buffer[]): string[][] {
  const seen: string[][] = [];
  const input = new FrameInput(new CommandParser(BOUNDS), {
    letIn: true,
    letInNow: () => true,
    full() {},
    take(command) {
      seen.push(words(command));
      return true;
    },
  });
  for (const chunk of chunks) {
    const given = Buffer.from(chunk);
    expect(input.read(given, 0, given.length)).toBe(given.length);
    given.fill(0xee); // the transport uses its memory again
  }
  return seen;
}

function refusal(bytes: string): string {
  try {
    const parser = new CommandParser(BOUNDS);
    parser.parse(Buffer.from(bytes, 'latin1'), 0, bytes.length, true);
  } catch (error) {
    return (error as Error).message;
  }
  return 'taken';
}

const argument = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).latin1Slice());
const commands = fc.array(fc.array(argument, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 });

describe('commands', () => {
  it('are the same however the stream is cut', () => {
    fc.assert(
      fc.property(commands, fc.array(fc.nat()), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((one) => encode(...one)));
        const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
        const chunks = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
        expect(readAll(chunks)).toEqual(sent);
      }),
    );
  });

  it('come whole from a stream that is cut at every byte', () => {
    const bytes = Buffer.concat([encode('LPUSH', 'a', ''), Buffer.from('PING\r\nECHO "a b"\n'), encode('QUIT')]);
    const chunks = [...bytes].map((byte) => Buffer.of(byte));
    expect(readAll(chunks)).toEqual([['LPUSH', 'a', ''], ['PING'], ['ECHO', 'a b'], ['QUIT']]);
  });

  it('are not parsed again before all of an announced value can be there', () => {
    const parser = new CommandParser({ argumentsMax: 4, commandSizeMax: 100_000 });
    const bytes = encode('LPUSH', 'a', 'x'.repeat(50_000));
    expect(parser.parse(bytes, 0, 100, true)).toBe(PARTIAL);
    expect(parser.needed).toBe(bytes.length);
    expect(parser.parse(bytes, 0, bytes.length, true)).toBe(WHOLE);
    expect(parser.next).toBe(bytes.length);
  });

  it('may be empty, and are then nothing', () => {
    expect(readAll([Buffer.from('*0\r\n*-1\r\n\r\n  \r\nPING\r\n')])).toEqual([[], [], [], [], ['PING']]);
  });

  it.each([
    ['*9\r\n', 'invalid multibulk length'],
    ['*x\r\n', 'invalid multibulk length'],
    ['*01\r\n', 'invalid multibulk length'],
    ['*\r\n', 'invalid multibulk length'],
    ['*99999999999999999999\r\n', 'invalid multibulk length'],
    [`*${'1'.repeat(30)}`, 'too big mbulk count string'],
    ['*1\r\n+PING\r\n', "expected '$', got '+'"],
    ['*1\r\n\x01', "expected '$', got '?'"],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$1001\r\n', 'invalid bulk length'],
    [`*1\r\n$${'1'.repeat(30)}`, 'too big bulk count string'],
    [`*2\r\n$600\r\n${'x'.repeat(600)}\r\n$600\r\n`, 'invalid bulk length'],
    ['GET "a\r\n', 'unbalanced quotes in request'],
    ['GET "a"b\r\n', 'unbalanced quotes in request'],
    [`${'x'.repeat(65_537)}`, 'too big inline request'],
    [`${'x '.repeat(9)}\n`, 'too big inline request'],
  ])('%j is refused', (bytes, why) => {
    expect(refusal(bytes)).toBe(why);
  });

  it('of no words are not over before their line is', () => {
    const parser = new CommandParser(BOUNDS);
    for (const text of ['*0\r', '*-1\r', '*1\r', '*1\r\n$0\r']) {
      const bytes = Buffer.from(`${text}\n`);
      expect(parser.parse(bytes, 0, text.length, true)).toBe(PARTIAL);
    }
  });

  it('of a client that is not let in are short', () => {
    const parser = new CommandParser({ argumentsMax: 100, commandSizeMax: 100_000 });
    const parse = (bytes: string): number => parser.parse(Buffer.from(bytes), 0, bytes.length, false);
    expect(parse('*10\r\n')).toBe(PARTIAL);
    expect(parse('*11\r\n')).toBe(UNKNOWN_TOO_LONG);
    expect(parse('*1\r\n$16384\r\n')).toBe(PARTIAL);
    expect(parse('*1\r\n$16385\r\n')).toBe(UNKNOWN_TOO_LONG);
  });
});

describe('inline commands', () => {
  it.each([
    ['  set  a\tb ', ['set', 'a', 'b']],
    ['set "a \\"b\\" \\x41\\n" \'it\\\'s\'', ['set', 'a "b" A\n', "it's"]],
    ['a""', ['a']],
    ['"" b', ['', 'b']],
    ["'a\\n'", ['a\\n']],
    ['"\\q\\xzz"', ['qxzz']],
  ])('%j', (line, expected) => {
    expect(readAll([Buffer.from(`${line}\r\n`)])).toEqual([expected]);
  });
});

it('a line of words has 64 KiB at most, whether its end has come or not', () => {
  const parse = (bytes: string) =>
    new CommandParser({ argumentsMax: 8, commandSizeMax: 100_000 }).parse(
      Buffer.from(bytes),
      ...([0, bytes.length, true] as const),
    );
  const longest = 'x'.repeat(64 * 1024);
  expect(parse(longest)).toBe(PARTIAL);
  expect(parse(`${longest}\r\n`)).toBe(WHOLE);
  for (const end of ['', '\r\n']) expect(() => parse(`${longest}x${end}`)).toThrow('too big inline request');
});

/**
 * A client's commands: bytes to arguments (RESP2 and RESP3 are the same in this direction).
 *
 *     *2 CRLF $4 CRLF LLEN CRLF $4 CRLF jobs CRLF      an array of bulk strings
 *     LLEN jobs CRLF                                   inline, as people type it: parted by blanks, quoted with " or '
 *
 * A command that is not whole is parsed again from its first byte, once as many bytes have come as `needed` says; so that
 * a client that sends byte by byte costs little more than what it sends.
 */
import { textOf } from '../../../src/api/index.ts';
import { splitLine } from './inline.ts';
import { ProtocolError } from './protocol-error.ts';

export const WHOLE = 0;
export const PARTIAL = 1;
/** It is longer than one may be from a client that has not been let in. */
export const UNKNOWN_TOO_LONG = 2;
export type ParseResult = 0 | 1 | 2;

const CR = 0x0d;
const LF = 0x0a;
const STAR = 0x2a;
const DOLLAR = 0x24;
const MINUS = 0x2d;
/** Bytes of a line with a length; Redis takes no number of more digits than an int64 has. */
const LENGTH_BYTES_MAX = 24;
const INLINE_BYTES_MAX = 64 * 1024;
/** Redis' bounds on a client that has not been let in. */
const UNKNOWN_ARGUMENTS_MAX = 10;
const UNKNOWN_BULK_BYTES_MAX = 16 * 1024;
const NAME_BYTES_MAX = 64;
const EMPTY = Buffer.alloc(0);

export interface CommandBounds {
  /** Arguments of one command, its name among them. */
  readonly argumentsMax: number;
  /** Bytes of one command. */
  readonly commandSizeMax: number;
}

/** One command: ranges of a buffer, valid until the next one is parsed. */
export class Command {
  buffer: Buffer = EMPTY;
  /** Arguments, the command's name among them; 0: an empty line or array, which is not answered. */
  count = 0;
  /** In lower case. */
  name = '';
  private ranges = new Int32Array(32);

  start(index: number): number {
    return this.ranges[2 * index]!;
  }

  end(index: number): number {
    return this.ranges[2 * index + 1]!;
  }

  text(index: number): string {
    return textOf(this.buffer, this.start(index), this.end(index));
  }

  /** The argument as a keyword: in lower case. */
  word(index: number): string {
    const end = Math.min(this.end(index), this.start(index) + NAME_BYTES_MAX);
    return this.buffer.latin1Slice(this.start(index), end).toLowerCase();
  }

  /** A copy of the argument. */
  bytes(index: number): Buffer {
    return Buffer.from(this.buffer.subarray(this.start(index), this.end(index)));
  }

  /** The arguments from `index` on. */
  texts(index: number, end = this.count): string[] {
    return Array.from({ length: end - index }, (_, i) => this.text(index + i));
  }

  /** Copies of the arguments from `index` on. */
  rest(index: number): Buffer[] {
    return Array.from({ length: this.count - index }, (_, i) => this.bytes(index + i));
  }

  /** @internal */
  begin(buffer: Buffer): void {
    this.buffer = buffer;
    this.count = 0;
  }

  /** @internal */
  add(start: number, end: number): void {
    const at = 2 * this.count++;
    if (at === this.ranges.length) {
      const ranges = new Int32Array(2 * at);
      ranges.set(this.ranges);
      this.ranges = ranges;
    }
    this.ranges[at] = start;
    this.ranges[at + 1] = end;
    if (at === 0) this.name = this.word(0);
  }
}

export class CommandParser {
  readonly command = new Command();
  /** After WHOLE: where the next command begins. */
  next = 0;
  /** After PARTIAL: how many bytes, from the command's first on, must have come before it is worth trying again. */
  needed = 0;
  /** After UNKNOWN_TOO_LONG: which length, in Redis' words. */
  tooLong: 'multibulk' | 'bulk' = 'bulk';
  private readonly bounds: CommandBounds;

  constructor(bounds: CommandBounds) {
    this.bounds = bounds;
  }

  /**
   * Parses the command that begins at `start`; there is at least one byte.
   * @param known the client has been let in
   * @throws ProtocolError
   */
  parse(buffer: Buffer, start: number, end: number, known: boolean): ParseResult {
    this.command.begin(buffer);
    return buffer[start] === STAR ? this.parseArray(buffer, start, end, known) : this.parseLine(buffer, start, end);
  }

  private parseArray(buffer: Buffer, start: number, end: number, known: boolean): ParseResult {
    const { command } = this;
    const { argumentsMax, commandSizeMax } = this.bounds;
    let at = this.lineEnd(buffer, start + 1, end, 'too big mbulk count string');
    if (at < 0) return this.partial(end - start + 1);
    const count = integer(buffer, start + 1, at - 2);
    if (Number.isNaN(count) || count > argumentsMax) throw new ProtocolError('invalid multibulk length');
    if (!known && count > UNKNOWN_ARGUMENTS_MAX) return this.unknown('multibulk');
    for (let left = count; left > 0; left--) {
      if (at >= end) return this.partial(at - start + left * 5);
      if (buffer[at] !== DOLLAR) {
        throw new ProtocolError(`expected '$', got '${printable(buffer[at]!)}'`);
      }
      const content = this.lineEnd(buffer, at + 1, end, 'too big bulk count string');
      if (content < 0) return this.partial(end - start + 1);
      const length = integer(buffer, at + 1, content - 2);
      if (!(length >= 0) || content - start + length > commandSizeMax) throw new ProtocolError('invalid bulk length');
      if (!known && length > UNKNOWN_BULK_BYTES_MAX) return this.unknown('bulk');
      at = content + length + 2;
      if (at > end) return this.partial(at - start + (left - 1) * 5);
      command.add(content, content + length);
    }
    this.next = at;
    return WHOLE;
  }

  private parseLine(buffer: Buffer, start: number, end: number): ParseResult {
    const lineEnd = buffer.indexOf(LF, start);
    if (lineEnd < 0 || lineEnd >= end) {
      if (end - start > INLINE_BYTES_MAX) throw new ProtocolError('too big inline request');
      return this.partial(end - start + 1);
    }
    this.next = lineEnd + 1;
    const stop = lineEnd > start && buffer[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (stop - start > INLINE_BYTES_MAX) throw new ProtocolError('too big inline request');
    const words = splitLine(buffer.subarray(start, stop));
    if (words === undefined) throw new ProtocolError('unbalanced quotes in request');
    if (words.length > this.bounds.argumentsMax) throw new ProtocolError('too big inline request');
    this.command.begin(Buffer.concat(words));
    let at = 0;
    for (const word of words) this.command.add(at, (at += word.length));
    return WHOLE;
  }

  private unknown(tooLong: 'multibulk' | 'bulk'): ParseResult {
    this.tooLong = tooLong;
    return UNKNOWN_TOO_LONG;
  }

  private partial(needed: number): ParseResult {
    this.needed = needed;
    return PARTIAL;
  }

  /** Where the line that begins at `at` is over, its CRLF included; -1 if that has not come. */
  private lineEnd(buffer: Buffer, at: number, end: number, tooLong: string): number {
    const stop = Math.min(end, at + LENGTH_BYTES_MAX);
    let cr = at;
    while (cr < stop && buffer[cr] !== CR) cr++;
    if (cr === at + LENGTH_BYTES_MAX) throw new ProtocolError(tooLong);
    return cr + 1 < end ? cr + 2 : -1;
  }
}

/** NaN for what is no integer as Redis writes them: no sign but `-`, no zero in front. */
function integer(buffer: Buffer, start: number, end: number): number {
  const negative = buffer[start] === MINUS;
  const first = negative ? start + 1 : start;
  let value = 0;
  for (let at = first; at < end; at++) {
    const digit = buffer[at]! - 0x30;
    if (digit < 0 || digit > 9 || (at > first && value === 0)) return Number.NaN;
    value = value * 10 + digit;
  }
  return first === end || (negative && value === 0) ? Number.NaN : negative ? -value : value;
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
}

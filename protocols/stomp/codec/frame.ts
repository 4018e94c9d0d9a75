/**
 * The frame parser: bytes to offsets. It allocates nothing for a frame; what it finds are positions in the caller's
 * buffer, valid until the next `parse`.
 *
 *     *( EOL )                 between frames, and as heart-beats
 *     COMMAND EOL
 *     *( name ":" value EOL )  names and values are escaped in 1.1 and 1.2, in CONNECT never
 *     EOL
 *     *OCTET NUL               as many as `content-length` says, else up to the first NUL
 *
 *     EOL = LF, or CR LF. 1.2 allows the latter; real clients of all versions send it, so it is accepted in all.
 *
 * It keeps no state from call to call: a frame that is not complete is parsed again from its first byte, and the caller
 * (`Intake`) takes care that this happens seldom. It refuses what is malformed or out of bounds by throwing a
 * `FrameError`; it decides nothing about what a frame means.
 */
import { isUtf8 } from 'node:buffer';
import { FrameError } from './errors.ts';
import { unescapeText } from './escape.ts';
import { COMMAND_TEXT, CONNECT, CONTENT_LENGTH, commandOf, KINDS, kindOf, SEND } from './names.ts';
import { V1_0, type Version } from './version.ts';

/** What `parse` found. */
export const INCOMPLETE_HEAD = 0;
export const INCOMPLETE_BODY = 1;
export const COMPLETE = 2;
export type ParseResult = 0 | 1 | 2;

export interface FrameBounds {
  readonly headersMax: number;
  readonly headerLineSizeMax: number;
  readonly headersSizeMax: number;
  readonly bodySizeMax: number;
  readonly unmeasuredBodySizeMax: number;
}

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COMMAND_BYTES_MAX = 16;
const EMPTY = Buffer.alloc(0);

/** 1 for the bytes at which walking a header line must stop and think. */
const STOPS = new Uint8Array(256);
for (const byte of [NUL, LF, CR, COLON, BACKSLASH]) STOPS[byte] = 1;

export class FrameParser {
  buffer: Buffer = EMPTY;
  /** Where the frame begins: past the EOLs before it. Equals the end of the input if there were only EOLs. */
  start = 0;
  command = 0;
  /** Headers in all, repeated ones included. */
  count = 0;
  /** `content-length`, -1 without. */
  contentLength = -1;
  bodyStart = 0;
  bodyEnd = 0;
  /** Past the NUL. */
  end = 0;
  /** The lines of this frame are not what 1.2 with LF would have written: they must be rewritten before they are stored. */
  irregular = false;
  /** Escapes are in force in this frame. */
  escaped = false;
  /** name start, name end, value start, value end of each header; grows up to `headersMax`. */
  private table: Int32Array;
  private kinds: Uint8Array;
  /** 1 + index of the first header of each kind, 0 for none. */
  private readonly first = new Int32Array(KINDS);
  private readonly bounds: FrameBounds;

  constructor(bounds: FrameBounds) {
    this.bounds = bounds;
    const headers = Math.min(16, bounds.headersMax);
    this.table = new Int32Array(4 * headers);
    this.kinds = new Uint8Array(headers);
  }

  /** Looks at `buffer[from, to)` for one frame of this version. */
  parse(buffer: Buffer, from: number, to: number, version: Version): ParseResult {
    let at = from;
    while (at < to && (buffer[at] === LF || buffer[at] === CR)) at++;
    this.buffer = buffer;
    this.start = at;
    this.count = 0;
    this.first.fill(0);
    this.irregular = false;
    if (at === to) return INCOMPLETE_HEAD;

    const commandEnd = this.findLineEnd(buffer, at, to);
    if (commandEnd < 0) return INCOMPLETE_HEAD;
    const command = commandOf(buffer, at, buffer[commandEnd - 1] === CR ? commandEnd - 1 : commandEnd);
    this.command = command;
    if (command === 0) throw unknownCommand(buffer, at, commandEnd);
    this.escaped = version !== V1_0 && command !== CONNECT;
    const bodyStart = this.parseHeaders(buffer, commandEnd + 1, to, version === V1_0 && command !== CONNECT);
    if (bodyStart < 0) {
      if (to - at > this.bounds.headersSizeMax) throw headTooLong(this.bounds.headersSizeMax);
      return INCOMPLETE_HEAD;
    }
    if (bodyStart - at > this.bounds.headersSizeMax) throw headTooLong(this.bounds.headersSizeMax);
    return this.parseBody(buffer, bodyStart, to);
  }

  /** Lets go of the caller's buffer. */
  release(): void {
    this.buffer = EMPTY;
  }

  has(kind: number): boolean {
    return this.first[kind] !== 0;
  }

  /** Index of the first header of that kind, -1 for none: of repeated headers the first wins [STOMP 1.2, Repeated Header Entries]. */
  indexOf(kind: number): number {
    return this.first[kind]! - 1;
  }

  kind(index: number): number {
    return this.kinds[index]!;
  }

  nameStart(index: number): number {
    return this.table[4 * index]!;
  }

  nameEnd(index: number): number {
    return this.table[4 * index + 1]!;
  }

  valueStart(index: number): number {
    return this.table[4 * index + 2]!;
  }

  valueEnd(index: number): number {
    return this.table[4 * index + 3]!;
  }

  /** The value of the first header of that kind, unescaped; undefined if there is none. Not for the hot path. */
  text(kind: number): string | undefined {
    const index = this.first[kind]! - 1;
    return index < 0 ? undefined : this.valueText(index);
  }

  /** The value of the first header of that name, unescaped; undefined if there is none. Not for the hot path. */
  header(name: string): string | undefined {
    for (let index = 0; index < this.count; index++) {
      if (this.nameText(index) === name) return this.valueText(index);
    }
    return undefined;
  }

  nameText(index: number): string {
    return unescapeText(this.buffer, this.nameStart(index), this.nameEnd(index), this.escaped);
  }

  /** Throws a FrameError if it is not UTF-8: two values that differ would become the same text. */
  valueText(index: number): string {
    const start = this.valueStart(index);
    const end = this.valueEnd(index);
    const text = unescapeText(this.buffer, start, end, this.escaped);
    if (text.includes('\ufffd') && !isUtf8(this.buffer.subarray(start, end))) {
      throw new FrameError('malformed frame', `The value of '${this.nameText(index)}' is not UTF-8.`);
    }
    return text;
  }

  /** Position of the LF that ends the command; -1 if it is not there yet. */
  private findLineEnd(buffer: Buffer, from: number, to: number): number {
    const limit = Math.min(to, from + COMMAND_BYTES_MAX);
    for (let at = from; at < limit; at++) {
      if (buffer[at] === LF) return at;
      if (buffer[at] === NUL) throw unknownCommand(buffer, from, at);
    }
    if (limit < to) throw unknownCommand(buffer, from, limit);
    return -1;
  }

  /** Where the body begins, or -1. `trim`: 1.0's examples have a space after the colon, and its clients too. */
  private parseHeaders(buffer: Buffer, from: number, to: number, trim: boolean): number {
    let at = from;
    while (at < to) {
      if (buffer[at] === LF) return at + 1;
      if (buffer[at] === CR) {
        if (at + 1 === to) return -1;
        if (buffer[at + 1] === LF) return at + 2;
      }
      // The name: up to the first colon.
      const nameStart = at;
      for (;;) {
        while (at < to && STOPS[buffer[at]!] === 0) at++;
        if (at === to) return -1;
        const stop = buffer[at]!;
        if (stop === COLON) break;
        if (stop !== BACKSLASH) throw badHeader(buffer, nameStart, at);
        if (at + 1 === to) return -1;
        at = this.passBackslash(buffer, at);
      }
      const nameEnd = at++;
      if (nameEnd === nameStart) throw new FrameError('malformed frame', 'A header has an empty name.');
      // The value: up to the end of the line.
      let valueStart = at;
      if (trim && buffer[at] === SPACE) {
        while (at < to && buffer[at] === SPACE) at++;
        valueStart = at;
        this.irregular = true;
      }
      let valueEnd = -1;
      while (valueEnd < 0) {
        while (at < to && STOPS[buffer[at]!] === 0) at++;
        if (at === to) return -1;
        const stop = buffer[at]!;
        if (stop === LF) {
          valueEnd = at++;
        } else if (stop === CR) {
          if (at + 1 === to) return -1;
          this.irregular = true;
          if (buffer[at + 1] === LF) {
            valueEnd = at;
            at += 2;
          } else at++;
        } else if (stop === COLON) {
          // Not allowed by the grammar of 1.1 and 1.2, but sent by every other client; the first colon decides.
          this.irregular = true;
          at++;
        } else if (stop === BACKSLASH) {
          if (at + 1 === to) return -1;
          at = this.passBackslash(buffer, at);
        } else {
          throw new FrameError(
            'malformed frame',
            'A NUL within the headers: the empty line before the body is missing.',
          );
        }
      }
      this.addHeader(buffer, nameStart, nameEnd, valueStart, valueEnd);
    }
    return -1;
  }

  /** Past the backslash at `at`, which is followed by at least one byte; and past that where escapes are in force. */
  private passBackslash(buffer: Buffer, at: number): number {
    if (!this.escaped) {
      this.irregular = true;
      return at + 1;
    }
    const next = buffer[at + 1]!;
    // n, c, \ and r. `\r` is 1.2's, but clients that negotiated 1.1 send it too, and it has no other meaning there.
    if (next !== 0x6e && next !== 0x63 && next !== BACKSLASH && next !== 0x72) {
      // [STOMP 1.2, Value Encoding] undefined escape sequences are a fatal protocol error
      throw new FrameError(
        'malformed frame',
        'A header has an undefined escape sequence; known are \\n, \\r, \\c and \\\\.',
      );
    }
    return at + 2;
  }

  private addHeader(buffer: Buffer, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    if (valueEnd - nameStart > this.bounds.headerLineSizeMax) {
      throw new FrameError('header too long', `A header line may have at most ${this.bounds.headerLineSizeMax} bytes.`);
    }
    const index = this.count;
    if (index === this.kinds.length) this.growTable();
    const table = this.table;
    table[4 * index] = nameStart;
    table[4 * index + 1] = nameEnd;
    table[4 * index + 2] = valueStart;
    table[4 * index + 3] = valueEnd;
    const kind = kindOf(buffer, nameStart, nameEnd - nameStart);
    this.kinds[index] = kind;
    this.count = index + 1;
    if (this.first[kind] === 0) this.first[kind] = index + 1;
  }

  private growTable(): void {
    const size = this.kinds.length;
    if (size >= this.bounds.headersMax) {
      throw new FrameError('too many headers', `A frame may have at most ${this.bounds.headersMax} headers.`);
    }
    const grown = Math.min(size * 2, this.bounds.headersMax);
    const table = new Int32Array(4 * grown);
    table.set(this.table);
    this.table = table;
    const kinds = new Uint8Array(grown);
    kinds.set(this.kinds);
    this.kinds = kinds;
  }

  private parseBody(buffer: Buffer, bodyStart: number, to: number): ParseResult {
    this.bodyStart = bodyStart;
    const lengthIndex = this.first[CONTENT_LENGTH]! - 1;
    if (lengthIndex >= 0) {
      const length = decimalOf(buffer, this.valueStart(lengthIndex), this.valueEnd(lengthIndex));
      if (length < 0) throw new FrameError('malformed frame', "'content-length' must be a decimal number of bytes.");
      if (length > this.bounds.bodySizeMax) {
        throw new FrameError('body too large', `A body may have at most ${this.bounds.bodySizeMax} bytes.`);
      }
      this.contentLength = length;
      const bodyEnd = bodyStart + length;
      this.bodyEnd = bodyEnd;
      this.end = bodyEnd + 1;
      this.checkBody(length);
      if (bodyEnd >= to) return INCOMPLETE_BODY;
      if (buffer[bodyEnd] !== NUL) throw notEnded();
      return COMPLETE;
    }
    this.contentLength = -1;
    // Most bodies without a length are empty or short; a native search costs more to start than such a loop.
    let at = bodyStart;
    const near = Math.min(to, bodyStart + 48);
    while (at < near && buffer[at] !== NUL) at++;
    if (at === near && near < to) {
      at = buffer.indexOf(NUL, near);
      if (at < 0 || at > to) at = to;
    }
    if (at > bodyStart) this.checkBody(at - bodyStart);
    if (at - bodyStart > this.bounds.unmeasuredBodySizeMax) {
      const text = `A body without 'content-length' may have at most ${this.bounds.unmeasuredBodySizeMax} bytes.`;
      throw new FrameError('body too large', text);
    }
    this.bodyEnd = at;
    this.end = at + 1;
    return at === to ? INCOMPLETE_BODY : COMPLETE;
  }

  private checkBody(length: number): void {
    if (length > 0 && this.command !== SEND) {
      // [STOMP 1.2, Body] only SEND, MESSAGE and ERROR frames may have one
      throw new FrameError('malformed frame', `A ${COMMAND_TEXT[this.command]} frame must not have a body.`);
    }
  }
}

/** What follows the body that `content-length` announced is not NUL. */
export function notEnded(): FrameError {
  return new FrameError('malformed frame', "The body is not followed by NUL: 'content-length' does not fit it.");
}

/** The number that `buffer[start, end)` spells; -1 if it is not one of at most 15 decimal digits. */
export function decimalOf(buffer: Buffer, start: number, end: number): number {
  if (end - start > 15 || end === start) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = buffer[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether `buffer[start, end)` spells `true`. */
export function isTrue(buffer: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    buffer[start] === 0x74 &&
    buffer[start + 1] === 0x72 &&
    buffer[start + 2] === 0x75 &&
    buffer[start + 3] === 0x65
  );
}

function unknownCommand(buffer: Buffer, start: number, end: number): FrameError {
  const shown = JSON.stringify(buffer.latin1Slice(start, Math.min(end, start + COMMAND_BYTES_MAX)));
  return new FrameError('unknown command', `${shown} is not a command that a client may send.`);
}

function badHeader(buffer: Buffer, start: number, end: number): FrameError {
  const shown = JSON.stringify(buffer.utf8Slice(start, Math.min(end, start + 64)));
  return new FrameError('malformed frame', `The header line ${shown} has no colon.`);
}

function headTooLong(bytesMax: number): FrameError {
  return new FrameError('headers too long', `Command and headers may have at most ${bytesMax} bytes.`);
}

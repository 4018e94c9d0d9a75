/**
 * The frame parser: bytes to a `Frame`, which are positions in the caller's buffer. It allocates nothing for a frame.
 *
 *     *( EOL | NUL )           between frames; EOLs are heart-beats, and some clients end a frame with a NUL too many
 *     COMMAND EOL
 *     *( name ":" value EOL )  names and values are escaped in 1.1 and 1.2, in CONNECT never
 *     EOL
 *     *OCTET NUL               as many as `content-length` says, else up to the first NUL; of blanks in all frames but SEND
 *
 *     EOL = LF, or CR LF. 1.2 allows the latter; real clients of all versions send it, so it is accepted in all.
 *
 * It keeps no state from call to call: a frame that is not complete is parsed again from its first byte, and the caller
 * (`Intake`) takes care that this happens seldom. It refuses what is malformed or out of bounds by throwing a
 * `FrameError`; it decides nothing about what a frame means.
 */
import { FrameError } from './errors.ts';
import { decimalOf, Frame } from './frame.ts';
import { COMMAND_TEXT, CONNECT, CONTENT_LENGTH, commandOf, SEND } from './names.ts';
import { V1_0, type Version } from './version.ts';

/** What `parse` found. */
export const INCOMPLETE_HEAD = 0;
export const INCOMPLETE_BODY = 1;
export const COMPLETE = 2;
export type ParseResult = 0 | 1 | 2;

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COMMAND_BYTES_MAX = 16;
/** Blanks in the place of a body where a frame may not have one. */
const BLANKS_MAX = 64;

/** 1 for the bytes at which walking a header line must stop and think. */
const STOPS = new Uint8Array(256);
for (const byte of [NUL, LF, CR, COLON, BACKSLASH]) STOPS[byte] = 1;

export class FrameParser extends Frame {
  /** Looks at `buffer[from, to)` for one frame of this version. */
  parse(buffer: Buffer, from: number, to: number, version: Version): ParseResult {
    let at = from;
    while (at < to && (buffer[at] === LF || buffer[at] === CR || buffer[at] === NUL)) at++;
    this.begin(buffer, at);
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
      if (nameEnd === nameStart) throw new FrameError('Malformed frame', 'A header has an empty name.');
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
            'Malformed frame',
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
        'Malformed frame',
        'A header has an undefined escape sequence; known are \\n, \\r, \\c and \\\\.',
      );
    }
    return at + 2;
  }

  private parseBody(buffer: Buffer, bodyStart: number, to: number): ParseResult {
    this.bodyStart = bodyStart;
    const lengthIndex = this.indexOf(CONTENT_LENGTH);
    if (lengthIndex >= 0) {
      const length = decimalOf(buffer, this.valueStart(lengthIndex), this.valueEnd(lengthIndex));
      if (length < 0) throw new FrameError('Malformed frame', "'content-length' must be a decimal number of bytes.");
      if (length > this.bounds.bodySizeMax) {
        throw new FrameError('Body too large', `A body may have at most ${this.bounds.bodySizeMax} bytes.`);
      }
      this.contentLength = length;
      const bodyEnd = bodyStart + length;
      this.bodyEnd = bodyEnd;
      this.end = bodyEnd + 1;
      if (length > 0 && this.command !== SEND) this.checkBlank(buffer, Math.min(bodyEnd, to), length);
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
    if (at > bodyStart && this.command !== SEND) this.checkBlank(buffer, at, at - bodyStart);
    if (at - bodyStart > this.bounds.unmeasuredBodySizeMax) {
      const text = `A body without 'content-length' may have at most ${this.bounds.unmeasuredBodySizeMax} bytes.`;
      throw new FrameError('Body too large', text);
    }
    this.bodyEnd = at;
    this.end = at + 1;
    return at === to ? INCOMPLETE_BODY : COMPLETE;
  }

  /** [STOMP 1.2, Body] only SEND, MESSAGE and ERROR frames may have one; a line break too many before the NUL is none. */
  private checkBlank(buffer: Buffer, end: number, length: number): void {
    let at = this.bodyStart;
    while (at < end && (buffer[at] === LF || buffer[at] === CR || buffer[at] === SPACE)) at++;
    if (at === end && length <= BLANKS_MAX) return;
    throw new FrameError('Malformed frame', `A ${COMMAND_TEXT[this.command]} frame must not have a body.`);
  }
}

/** What follows the body that `content-length` announced is not NUL. */
export function notEnded(): FrameError {
  return new FrameError('Malformed frame', "The body is not followed by NUL: 'content-length' does not fit it.");
}

function unknownCommand(buffer: Buffer, start: number, end: number): FrameError {
  const shown = JSON.stringify(buffer.latin1Slice(start, Math.min(end, start + COMMAND_BYTES_MAX)));
  return new FrameError('Bad command', `Could not interpret command ${shown}.`);
}

function badHeader(buffer: Buffer, start: number, end: number): FrameError {
  const shown = JSON.stringify(buffer.utf8Slice(start, Math.min(end, start + 64)));
  return new FrameError('Malformed frame', `The header line ${shown} has no colon.`);
}

function headTooLong(bytesMax: number): FrameError {
  return new FrameError('Headers too long', `Command and headers may have at most ${bytesMax} bytes.`);
}

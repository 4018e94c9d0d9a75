/**
 * How a message of AMQP 1.0 is stored: its property bytes hold every section but header and delivery annotations as it came, and how the
 * body was wrapped; the body itself is what it holds, so that other protocols read it as it is.
 *
 *     0  u8   flags        TEXT, BARE
 *     1  u32  bytes of the sections before the body
 *     5  u16  pieces       of the body
 *     7  the sections before the body: message annotations, properties, application properties
 *        pieces × (u8 bytes of what wraps it | those | u32 bytes of the piece)
 *        what came behind the body: a footer, or one that came before it
 *
 * Where the body is no bytes and no text (a map, a list, a number, sequences), it is kept whole with what wraps it: BARE is not set,
 * and there are no pieces. A body that is not there has no pieces and no bytes.
 */
import { isUtf8 } from 'node:buffer';
import { ByteSink } from '../../../src/api/index.ts';
import * as descriptors from '../codec/descriptors.ts';
import { DecodeFault } from '../codec/faults.ts';
import * as codes from '../codec/format-codes.ts';
import type { MessageSections } from '../codec/sections.ts';

/** The body is one text. */
export const TEXT = 1;
/** The body is bytes or text alone, and `pieces` say how it was wrapped. */
export const BARE = 2;

const HEAD_BYTES = 7;

/** What `store` has made of a message. It is used again for the next one. */
export class StoredMessage {
  readonly sink = new ByteSink();
  /** The body: in the message's own bytes where it is one piece, else gathered. */
  body: Buffer = Buffer.alloc(0);
  bodyStart = 0;
  bodyEnd = 0;

  /** @param buffer what `sections` has scanned */
  store(buffer: Buffer, sections: MessageSections): void {
    const { sink } = this;
    sink.clear();
    const at = sink.reserve(HEAD_BYTES);
    for (const range of [sections.messageAnnotations, sections.properties, sections.applicationProperties]) {
      if (range.present) sink.append(buffer.subarray(range.start, range.end));
    }
    const before = sink.length - at - HEAD_BYTES;
    const { flags, pieces } = this.wrapBody(buffer, sections);
    if (sections.footer.present) sink.append(buffer.subarray(sections.footer.start, sections.footer.end));
    sink.buffer[at] = flags;
    sink.buffer.writeUInt32BE(before, at + 1);
    sink.buffer.writeUInt16BE(pieces, at + 5);
  }

  private wrapBody(buffer: Buffer, sections: MessageSections): { flags: number; pieces: number } {
    const { body, bodyKind } = sections;
    this.body = buffer;
    this.bodyStart = body.start;
    this.bodyEnd = body.end;
    if (!body.present) return { flags: BARE, pieces: 0 };
    if (bodyKind === descriptors.DATA) {
      return {
        flags: BARE,
        pieces: sections.bodyCount === 1 ? this.wrapOne(buffer, body) : this.wrapAll(buffer, body),
      };
    }
    if (bodyKind !== descriptors.AMQP_VALUE || !isBytes(buffer[body.value]!)) return { flags: 0, pieces: 0 };
    const text = isString(buffer[body.value]!);
    this.wrapOne(buffer, body);
    if (text && !isUtf8(buffer.subarray(this.bodyStart, this.bodyEnd))) throw new DecodeFault('a string is not UTF-8');
    return { flags: BARE | (text ? TEXT : 0), pieces: 1 };
  }

  private wrapOne(buffer: Buffer, { start, value, end }: { start: number; value: number; end: number }): 1 {
    const content = contentStart(buffer, value);
    this.wrap(buffer, start, content, end);
    this.bodyStart = content;
    this.bodyEnd = end;
    return 1;
  }

  /** Several sections of data: their contents are one body. */
  private wrapAll(buffer: Buffer, { start, end }: { start: number; end: number }): number {
    const gathered = Buffer.allocUnsafe(end - start);
    let bytes = 0;
    let pieces = 0;
    for (let at = start; at < end; pieces++) {
      const value = descriptorEnd(buffer, at);
      const content = contentStart(buffer, value);
      const to = contentEnd(buffer, value);
      this.wrap(buffer, at, content, to);
      bytes += buffer.copy(gathered, bytes, content, to);
      at = to;
    }
    this.body = gathered;
    this.bodyStart = 0;
    this.bodyEnd = bytes;
    return pieces;
  }

  private wrap(buffer: Buffer, start: number, content: number, end: number): void {
    const bytes = content - start;
    if (bytes > 0xff) throw new DecodeFault('the descriptor of a body has more than 255 bytes');
    this.sink.byte(bytes);
    this.sink.append(buffer.subarray(start, content));
    const at = this.sink.reserve(4);
    this.sink.buffer.writeUInt32BE(end - content, at);
  }
}

/** Where the parts of a stored message lie in its property bytes. One is used again and again. */
export class StoredParts {
  flags = 0;
  pieces = 0;
  beforeStart = 0;
  beforeEnd = 0;
  /** The first piece's wrapping; `nextPiece` goes on. */
  pieceAt = 0;
  wrapStart = 0;
  wrapEnd = 0;
  pieceBytes = 0;
  footerStart = 0;
  footerEnd = 0;

  /** False: damage; the message has no properties then. */
  read(props: Buffer, start: number, end: number): boolean {
    if (end - start < HEAD_BYTES) return false;
    this.flags = props[start]!;
    this.beforeStart = start + HEAD_BYTES;
    this.beforeEnd = this.beforeStart + props.readUInt32BE(start + 1);
    this.pieces = props.readUInt16BE(start + 5);
    this.pieceAt = this.beforeEnd;
    let at = this.beforeEnd;
    for (let i = 0; i < this.pieces && at < end; i++) at += 1 + props[at]! + 4;
    this.footerStart = at;
    this.footerEnd = end;
    return at <= end;
  }

  nextPiece(props: Buffer): void {
    this.wrapStart = this.pieceAt + 1;
    this.wrapEnd = this.wrapStart + props[this.pieceAt]!;
    this.pieceBytes = props.readUInt32BE(this.wrapEnd);
    this.pieceAt = this.wrapEnd + 4;
  }
}

/** Bytes or text: what every protocol can hand on as it is. */
function isBytes(code: number): boolean {
  return code === codes.BINARY8 || code === codes.BINARY32 || isString(code);
}

function isString(code: number): boolean {
  return code === codes.STRING8 || code === codes.STRING32;
}

/** Where the content of a binary or string begins. @throws DecodeFault for anything else, which no data section is */
function contentStart(buffer: Buffer, value: number): number {
  const code = buffer[value]!;
  if (!isBytes(code)) throw new DecodeFault('a data section must be a binary');
  return value + ((code & 0x10) === 0 ? 2 : 5);
}

function contentEnd(buffer: Buffer, value: number): number {
  const short = (buffer[value]! & 0x10) === 0;
  return short ? value + 2 + buffer[value + 1]! : value + 5 + buffer.readUInt32BE(value + 1);
}

/** Where the value of the section at `at` begins: behind its descriptor, which is a number or a symbol. */
function descriptorEnd(buffer: Buffer, at: number): number {
  const code = buffer[at + 1]!;
  if (code === codes.SMALL_ULONG) return at + 3;
  if (code === codes.ULONG) return at + 10;
  return code === codes.SYMBOL8 ? at + 3 + buffer[at + 2]! : at + 6 + buffer.readUInt32BE(at + 2);
}

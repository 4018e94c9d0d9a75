/**
 * Writes MESSAGE frames straight into a connection's output.
 *
 *     MESSAGE                                        \
 *     subscription:ID                                 | made once a subscription
 *     message-id:SESSION.SUBSCRIPTION.               /
 *                                    NUMBER[.INDEX]
 *     [ack:TOKEN]                                    1.2, when it must be answered
 *     [redelivered:true]
 *     destination:…            \
 *     [content-length:…]        | not of a text message, which came without and so holds no NUL
 *     [persistent:true]         | the tail: the same for every subscriber who speaks this version, so that in a
 *     [headers of its deaths]   | fan-out it is put together once and then copied
 *     the message's own headers |
 *                               |
 *     body NUL                 /
 *
 * What the broker writes comes first, because of repeated headers the first one wins: nothing a publisher wrote can
 * stand in for it. A large body is not written here; the frame is left open after the empty line.
 */

import { decodeAnnotations } from '../../src/message/annotations.ts';
import { copyBytes, equalsBytes } from '../../src/message/bytes.ts';
import { AT_MOST_ONCE, type MessageView } from '../../src/message/message.ts';
import type { Session } from '../../src/session.ts';
import type { Output } from '../../src/transport/output.ts';
import { decimalLength, putDecimal } from './codec/decimal.ts';
import { escapeValue, needsRewriting, type Rewritten, rewriteStored } from './codec/escape.ts';
import { V1_2, type Version } from './codec/version.ts';
import { formatDestination } from './destinations.ts';
import { HeaderLines, STOMP_DIALECT, writeDeaths, writeProperties } from './mapping.ts';
import type { StompStats } from './stats.ts';
import { isTextMarked } from './stored.ts';

const LF = 0x0a;
const NUL = 0;
const DOT = 0x2e;
const EMPTY = Buffer.alloc(0);
const CONTENT_LENGTH_NAME = Buffer.from('content-length:');
const PERSISTENT_LINE = Buffer.from('persistent:true\n');
const REDELIVERED_LINE = Buffer.from('redelivered:true\n');
/** A body longer than this is not made to lie together with its headers. */
const TOGETHER_BYTES_MAX = 16 * 1024;
const DESTINATIONS_MAX = 4096;

/** What does not change from one delivery of a subscription to the next. */
export interface DeliveryHead {
  /** From the command to the token's last dot. */
  readonly opening: Buffer;
  /** From the LF before `ack` to its token's last dot. */
  readonly ackOpening: Buffer;
}

/** Where the last tail was written, and for what; shared by the connections of one adapter that speak one version. */
export class TailMemo {
  seq = 0;
  vhost = '';
  output: Output | null = null;
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  // The last foreign property bytes, and the header lines they became.
  foreignDialect = 0;
  foreignProps: Buffer = EMPTY;
  foreignLines: Buffer = EMPTY;
  /** `destination` lines by exchange and key. */
  readonly destinations = new Map<string, Buffer>();
}

export class MessageWriter {
  private readonly output: Output;
  private readonly session: Session;
  private readonly version: Version;
  private readonly stats: StompStats;
  private readonly memo: TailMemo;
  // The last message's address, exchange and key one after the other, and the line it became.
  private address: Buffer = EMPTY;
  private exchangeLength = -1;
  private keyLength = 0;
  private spelling = 0;
  private destinationLine: Buffer = EMPTY;
  // Results of `findHeaders`: lines ready for this version.
  private lines: Buffer = EMPTY;
  private linesStart = 0;
  private linesEnd = 0;
  /** The body came without a length: it is text, as ActiveMQ's clients tell it from bytes. */
  private isText = false;
  private scratch: Buffer = EMPTY;
  private readonly rewritten: Rewritten = { end: 0, dropped: 0 };

  constructor(output: Output, session: Session, version: Version, memo: TailMemo, stats: StompStats) {
    this.output = output;
    this.session = session;
    this.version = version;
    this.memo = memo;
    this.stats = stats;
  }

  /** `index` -1: the delivery needs no answer. A body in `view.large` is left for the caller to append, and the NUL too. */
  write(head: DeliveryHead, view: MessageView, number: number, index: number): void {
    this.stats.messagesOut++;
    const { opening, ackOpening } = head;
    const asksAck = index >= 0 && this.version === V1_2;
    const numberLength = decimalLength(number);
    const indexLength = index >= 0 ? decimalLength(index) : 0;
    const tokenLength = index >= 0 ? numberLength + 1 + indexLength : numberLength;
    let size = opening.length + tokenLength + 1;
    if (asksAck) size += ackOpening.length + tokenLength;
    if (view.redelivered) size += REDELIVERED_LINE.length;

    const memo = this.memo;
    // The bytes can still be read while they are in the slab they were written to.
    const known =
      memo.seq === view.seq &&
      view.seq !== 0 &&
      memo.output !== null &&
      memo.output.buffer === memo.buffer &&
      memo.output.length >= memo.end &&
      memo.vhost === this.session.vhost;
    if (known) size += memo.end - memo.start;
    else size += this.measureTail(view);

    const output = this.output;
    let at = output.reserve(size);
    const target = output.buffer;
    at = copyBytes(opening, 0, opening.length, target, at);
    at = putToken(target, at, number, numberLength, index, indexLength);
    if (asksAck) {
      at = copyBytes(ackOpening, 0, ackOpening.length, target, at);
      at = putToken(target, at, number, numberLength, index, indexLength);
    }
    target[at++] = LF;
    if (view.redelivered) at = copyBytes(REDELIVERED_LINE, 0, REDELIVERED_LINE.length, target, at);
    if (known) copyBytes(memo.buffer, memo.start, memo.end, target, at);
    else this.putTail(target, at, view);
  }

  /** The size of the tail, or of that part of it which `putTail` reserves together with the head. */
  private measureTail(view: MessageView): number {
    this.findDestination(view);
    this.findHeaders(view);
    let size = this.destinationLine.length + 1;
    if (!this.isText) size += CONTENT_LENGTH_NAME.length + decimalLength(view.bodyLength) + 1;
    if (view.assurance !== AT_MOST_ONCE) size += PERSISTENT_LINE.length;
    size += this.linesEnd - this.linesStart;
    if (view.large === null && view.bodyLength <= TOGETHER_BYTES_MAX) size += view.bodyLength + 1;
    return size;
  }

  private putTail(target: Buffer, start: number, view: MessageView): void {
    let at = copyBytes(this.destinationLine, 0, this.destinationLine.length, target, start);
    if (!this.isText) {
      at = copyBytes(CONTENT_LENGTH_NAME, 0, CONTENT_LENGTH_NAME.length, target, at);
      at = putDecimal(target, at, view.bodyLength, decimalLength(view.bodyLength));
      target[at++] = LF;
    }
    if (view.assurance !== AT_MOST_ONCE) at = copyBytes(PERSISTENT_LINE, 0, PERSISTENT_LINE.length, target, at);
    at = copyBytes(this.lines, this.linesStart, this.linesEnd, target, at);
    target[at++] = LF;
    if (view.large !== null) return;
    if (view.bodyLength > TOGETHER_BYTES_MAX) {
      this.output.append(view.body, view.bodyStart, view.bodyEnd);
      const last = this.output.reserve(1); // may change the buffer: read it after the call
      this.output.buffer[last] = NUL;
      return;
    }
    at = copyBytes(view.body, view.bodyStart, view.bodyEnd, target, at);
    target[at++] = NUL;
    const memo = this.memo;
    memo.seq = view.seq;
    memo.vhost = this.session.vhost;
    memo.output = this.output;
    memo.buffer = target;
    memo.start = start;
    memo.end = at;
  }

  /** Sets `destinationLine`. */
  private findDestination(view: MessageView): void {
    const { head, exchangeStart, exchangeEnd, keyStart, keyEnd } = view;
    const { address, exchangeLength, keyLength } = this;
    if (
      this.spelling === view.spelling &&
      sameBytes(address, exchangeLength, keyLength, head, keyStart, keyEnd) &&
      sameBytes(address, 0, exchangeLength, head, exchangeStart, exchangeEnd)
    ) {
      return;
    }
    this.keepAddress(view);
    const exchange = view.exchange();
    const key = view.key();
    const name = `${view.spelling}${exchange}\0${key}`;
    const { destinations } = this.memo;
    let line = destinations.get(name);
    if (line === undefined) {
      const destination = formatDestination(exchange, key, view.spelling);
      line = Buffer.from(`destination:${escapeValue(destination, this.version) ?? ''}\n`);
      if (destinations.size >= DESTINATIONS_MAX) destinations.clear();
      destinations.set(name, line);
    }
    this.destinationLine = line;
  }

  private keepAddress(view: MessageView): void {
    const exchangeLength = view.exchangeEnd - view.exchangeStart;
    const keyLength = view.keyEnd - view.keyStart;
    const length = exchangeLength + keyLength;
    if (this.address.length < length) this.address = Buffer.allocUnsafe(2 * length);
    copyBytes(view.head, view.exchangeStart, view.exchangeEnd, this.address, 0);
    copyBytes(view.head, view.keyStart, view.keyEnd, this.address, exchangeLength);
    this.exchangeLength = exchangeLength;
    this.keyLength = keyLength;
    this.spelling = view.spelling;
  }

  /** Sets `isText`, and `lines[linesStart, linesEnd)` to the message's deaths and its own headers. */
  private findHeaders(view: MessageView): void {
    const { props, propsEnd } = view;
    let { propsStart } = view;
    this.isText = view.dialect === STOMP_DIALECT.id && isTextMarked(props, propsStart, propsEnd);
    if (view.notesStart !== view.notesEnd) {
      this.findHeadersOfDead(view);
    } else if (propsStart === propsEnd) {
      this.linesStart = this.linesEnd = 0;
    } else if (view.dialect !== STOMP_DIALECT.id) {
      this.findForeign(view);
    } else {
      if (this.isText) propsStart++;
      this.setLines(props, propsStart, propsEnd);
      if (needsRewriting(props, propsStart, propsEnd, this.version)) this.rewriteOwn(props, propsStart, propsEnd);
    }
  }

  private rewriteOwn(props: Buffer, start: number, end: number): void {
    if (this.scratch.length < end - start) this.scratch = Buffer.allocUnsafe(2 * (end - start));
    rewriteStored(props, start, end, this.version, this.scratch, this.rewritten);
    this.stats.lossyConversions += this.rewritten.dropped;
    this.setLines(this.scratch, 0, this.rewritten.end);
  }

  /** Publishers of other protocols nearly always send the same properties again: the last ones' lines are kept. */
  private findForeign(view: MessageView): void {
    const memo = this.memo;
    const { dialect, props, propsStart, propsEnd } = view;
    if (memo.foreignDialect !== dialect || !equalsBytes(memo.foreignProps, props, propsStart, propsEnd)) {
      const lines = new HeaderLines(this.version);
      writeProperties(this.session.properties(view), lines);
      this.stats.lossyConversions += lines.dropped;
      memo.foreignDialect = dialect;
      memo.foreignProps = Buffer.from(props.subarray(propsStart, propsEnd));
      memo.foreignLines = Buffer.from(lines.text);
    }
    this.setLines(memo.foreignLines, 0, memo.foreignLines.length);
  }

  /** A dead letter: seldom enough to be written through the neutral form whoever sent it. */
  private findHeadersOfDead(view: MessageView): void {
    const lines = new HeaderLines(this.version);
    const annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    if (annotations !== undefined) writeDeaths(annotations, lines);
    // What it died of must not kill it again: a dead letter has no expiry of its own.
    const { expiryMs: _, ...properties } = this.session.properties(view);
    writeProperties(properties, lines);
    this.stats.lossyConversions += lines.dropped;
    const bytes = Buffer.from(lines.text);
    this.setLines(bytes, 0, bytes.length);
  }

  private setLines(buffer: Buffer, start: number, end: number): void {
    this.lines = buffer;
    this.linesStart = start;
    this.linesEnd = end;
  }
}

function putToken(
  target: Buffer,
  at: number,
  number: number,
  numberLength: number,
  index: number,
  indexLength: number,
): number {
  const after = putDecimal(target, at, number, numberLength);
  if (index < 0) return after;
  target[after] = DOT;
  return putDecimal(target, after + 1, index, indexLength);
}

function sameBytes(known: Buffer, from: number, length: number, buffer: Buffer, start: number, end: number): boolean {
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (known[from + i] !== buffer[start + i]) return false;
  return true;
}

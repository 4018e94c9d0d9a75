/**
 * Writes deliveries as MESSAGE frames straight into a connection's output.
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
 *     body NUL LF              /
 *
 * What the broker writes comes first, because of repeated headers the first one wins: nothing a publisher wrote can
 * stand in for it. A large body is not written here; the frame is left open after the empty line.
 */

import {
  AT_MOST_ONCE,
  Conversions,
  copyBytes,
  type MessageView,
  type Output,
  type Session,
} from '../../../src/api/index.ts';
import { decimalLength, putDecimal } from '../codec/decimal.ts';
import { V1_2, type Version } from '../codec/version.ts';
import type { StompStats } from '../stats.ts';
import { DestinationLine } from './destination-line.ts';
import { MessageHeaders } from './message-headers.ts';

const LF = 0x0a;
const NUL = 0;
const DOT = 0x2e;
const EMPTY = Buffer.alloc(0);
const CONTENT_LENGTH_NAME = Buffer.from('content-length:');
const PERSISTENT_LINE = Buffer.from('persistent:true\n');
const REDELIVERED_LINE = Buffer.from('redelivered:true\n');
/** A body longer than this is not made to lie together with its headers. */
const TOGETHER_BYTES_MAX = 16 * 1024;

/** What does not change from one delivery of a subscription to the next. */
export interface DeliveryHead {
  /** From the command to the token's last dot. */
  readonly opening: Buffer;
  /** From the LF before `ack` to its token's last dot. */
  readonly ackOpening: Buffer;
  /** The `destination` line of all of them; null: each message's own. */
  readonly destination: Buffer | null;
}

/** Where the last tail was written, and for what; shared by the connections of one adapter that speak one version. */
export class TailMemo {
  seq = 0;
  vhost = '';
  output: Output | null = null;
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  readonly foreign = new Conversions();
  /** `destination` lines by exchange and key. */
  readonly destinations = new Map<string, Buffer>();
}

export class DeliveryWriter {
  private readonly output: Output;
  private readonly session: Session;
  private readonly version: Version;
  private readonly stats: StompStats;
  private readonly memo: TailMemo;
  private readonly destination: DestinationLine;
  private readonly headers: MessageHeaders;

  constructor(output: Output, session: Session, version: Version, memo: TailMemo, stats: StompStats) {
    this.output = output;
    this.session = session;
    this.version = version;
    this.memo = memo;
    this.stats = stats;
    this.destination = new DestinationLine(version, memo.destinations);
    this.headers = new MessageHeaders(session, version, stats, memo.foreign);
  }

  /** @param told more lines of this delivery's alone. `index` -1: the delivery needs no answer. A body in `view.large` is left for the caller to append, and the NUL too. */
  write(head: DeliveryHead, view: MessageView, number: number, index: number, told: Buffer | null = null): void {
    this.stats.messagesOut++;
    const { opening, ackOpening } = head;
    const asksAck = index >= 0 && this.version === V1_2;
    const numberLength = decimalLength(number);
    const indexLength = index >= 0 ? decimalLength(index) : 0;
    const tokenLength = index >= 0 ? numberLength + 1 + indexLength : numberLength;
    let size = opening.length + tokenLength + 1;
    if (asksAck) size += ackOpening.length + tokenLength;
    if (view.redelivered) size += REDELIVERED_LINE.length;
    if (told !== null) size += told.length;

    const memo = this.memo;
    // The bytes can still be read while they are in the slab they were written to.
    const known =
      head.destination === null &&
      memo.seq === view.seq &&
      view.seq !== 0 &&
      memo.output !== null &&
      memo.output.buffer === memo.buffer &&
      memo.output.length >= memo.end &&
      memo.vhost === this.session.vhost;
    if (known) size += memo.end - memo.start;
    else size += this.measureTail(view, head.destination);

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
    if (told !== null) at = copyBytes(told, 0, told.length, target, at);
    if (known) copyBytes(memo.buffer, memo.start, memo.end, target, at);
    else this.putTail(target, at, view, head.destination);
  }

  /** The size of the tail, or of that part of it which `putTail` reserves together with the head. */
  private measureTail(view: MessageView, destination: Buffer | null): number {
    if (destination === null) this.destination.find(view);
    this.headers.find(view);
    let size = (destination ?? this.destination.line).length + 1;
    if (!this.headers.isText) size += CONTENT_LENGTH_NAME.length + decimalLength(view.bodyLength) + 1;
    if (view.assurance !== AT_MOST_ONCE) size += PERSISTENT_LINE.length;
    if (this.headers.memory !== null) return size - 1;
    size += this.headers.end - this.headers.start;
    if (view.large === null && view.bodyLength <= TOGETHER_BYTES_MAX) size += view.bodyLength + 2;
    return size;
  }

  private putTail(target: Buffer, start: number, view: MessageView, destination: Buffer | null): void {
    const line = destination ?? this.destination.line;
    let at = copyBytes(line, 0, line.length, target, start);
    if (!this.headers.isText) {
      at = copyBytes(CONTENT_LENGTH_NAME, 0, CONTENT_LENGTH_NAME.length, target, at);
      at = putDecimal(target, at, view.bodyLength, decimalLength(view.bodyLength));
      target[at++] = LF;
    }
    if (view.assurance !== AT_MOST_ONCE) at = copyBytes(PERSISTENT_LINE, 0, PERSISTENT_LINE.length, target, at);
    const { lines, start: linesStart, end: linesEnd, memory } = this.headers;
    if (memory !== null) {
      this.putTailApart(view);
      return;
    }
    at = copyBytes(lines, linesStart, linesEnd, target, at);
    target[at++] = LF;
    if (view.large !== null) return;
    if (view.bodyLength > TOGETHER_BYTES_MAX) {
      this.output.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
      const last = this.output.reserve(2); // may change the buffer: read it after the call
      this.output.buffer[last] = NUL;
      this.output.buffer[last + 1] = LF;
      return;
    }
    at = copyBytes(view.body, view.bodyStart, view.bodyEnd, target, at);
    target[at++] = NUL;
    target[at++] = LF;
    if (destination !== null) return;
    const memo = this.memo;
    memo.seq = view.seq;
    memo.vhost = this.session.vhost;
    memo.output = this.output;
    memo.buffer = target;
    memo.start = start;
    memo.end = at;
  }

  /** Long header lines are written from where they lie: so they are for every other subscriber. And then the body. */
  private putTailApart(view: MessageView): void {
    const { output, headers } = this;
    output.appendBody(headers.lines, headers.start, headers.end, headers.memory);
    const at = output.reserve(1);
    output.buffer[at] = LF;
    if (view.large !== null) return;
    output.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
    const last = output.reserve(2);
    output.buffer[last] = NUL;
    output.buffer[last + 1] = LF;
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

/**
 * The answers that wait for the log: receipts, the refusal of what could not be stored, and the end after DISCONNECT. All go
 * through one ring, so that receipts are written in the order of the frames that asked for them.
 *
 *     frame with `receipt` ──▶ ids ──────────────────────────┐
 *                          └─▶ ring (entry, mark) ──safe──▶ RECEIPT
 *                                                 └─refused─▶ ERROR
 *
 * Receipts that come within a large body are kept behind it, and so is the end.
 */
import {
  type ConfirmRing,
  type ConfirmSink,
  copyBytes,
  MARK_NOW,
  type Mark,
  type Session,
  textOf,
} from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT } from '../codec/names.ts';
import type { FrameOutput } from '../connection/frame-output.ts';
import type { StompStats } from '../stats.ts';
import { ReceiptIds } from './receipt-ids.ts';

const RECEIPT_OPENING = Buffer.from('RECEIPT\nreceipt-id:');
const DUPLICATE = Buffer.from('duplicate:true\n');
const NOTHING = Buffer.alloc(0);
const EXPIRED = Buffer.from('expired:true\n');
const LF = 0x0a;
const NUL = 0;

/** Entries of the ring. Those of COMMIT and DISCONNECT have no id among the receipts. */
const ENTRY_RECEIPT = 0;
const ENTRY_COMMIT = 1;
const ENTRY_DISCONNECT = 2;
/** A receipt for a SEND whose message was taken before. */
const ENTRY_DUPLICATE = 3;
/** A receipt for what came too late: its delivery had been taken back. */
const ENTRY_EXPIRED = 4;
/** And from here on: a receipt for the subscription of the number that is left. */
const ENTRY_SUBSCRIBED = 5;

/** What the receipts tell their connection. */
export interface ReceiptsHost {
  /** The broker could not make it safe. `receiptId` as it came, escaped; undefined if none was asked for. */
  notStored(receiptId: string | undefined): void;
  /** The receipt for the subscription of that number is written, or kept behind a body. */
  subscribed(number: number): void;
  /** Some were given; so many are owed still. */
  receiptsGiven(owed: number): void;
  /** Everything that was asked for before `endWhenAnswered` has been answered. Called between frames. */
  disconnected(): void;
}

export class Receipts implements ConfirmSink {
  private readonly ids = new ReceiptIds();
  /** Receipts that are kept behind a body. */
  private behindBody = 0;
  /** So is the end of the connection. */
  private endsBehindBody = false;
  private readonly ring: ConfirmRing;
  private readonly session: Session;
  private readonly output: FrameOutput;
  private readonly stats: StompStats;
  private readonly host: ReceiptsHost;

  constructor(session: Session, output: FrameOutput, stats: StompStats, host: ReceiptsHost) {
    this.session = session;
    this.output = output;
    this.stats = stats;
    this.host = host;
    this.ring = session.confirms(this);
  }

  /** Receipts that the client has not been sent yet. */
  get owed(): number {
    return this.ids.size + this.behindBody;
  }

  /** Owes a receipt if the frame asked for one, once `mark` is safe. */
  answer(frame: Frame, mark: Mark): void {
    const index = frame.indexOf(RECEIPT);
    if (index >= 0) this.push(frame.buffer, frame.valueStart(index), frame.valueEnd(index), ENTRY_RECEIPT, mark);
  }

  /** As `answer`, for a SEND that asked for one: a confirm. @param duplicate the message was taken before */
  confirmSend(frame: Frame, mark: Mark, duplicate: boolean): void {
    const index = frame.indexOf(RECEIPT);
    this.owe(frame.buffer, frame.valueStart(index), frame.valueEnd(index), mark, duplicate);
  }

  /** Owes the receipt of a SEND with the id `buffer[start, end)` (as it came, escaped; copied), once `mark` is safe. */
  owe(buffer: Buffer, start: number, end: number, mark: Mark, duplicate: boolean): void {
    this.push(buffer, start, end, duplicate ? ENTRY_DUPLICATE : ENTRY_RECEIPT, mark, true);
  }

  /** As `answerWhenAllSafe`, and then `ReceiptsHost.subscribed`. The frame asks for a receipt. */
  answerSubscribe(frame: Frame, number: number): void {
    const index = frame.indexOf(RECEIPT);
    const entry = ENTRY_SUBSCRIBED + number;
    this.push(frame.buffer, frame.valueStart(index), frame.valueEnd(index), entry, this.session.mark());
  }

  /** As `answer`, when everything asked until now is safe. */
  answerWhenAllSafe(frame: Frame): void {
    if (frame.has(RECEIPT)) this.answer(frame, this.session.mark());
  }

  /** The same, where a delivery may have been taken back before. */
  answerSettled(frame: Frame, late: boolean): void {
    const index = frame.indexOf(RECEIPT);
    if (index < 0) return;
    const entry = late ? ENTRY_EXPIRED : ENTRY_RECEIPT;
    this.push(frame.buffer, frame.valueStart(index), frame.valueEnd(index), entry, this.session.mark());
  }

  /** As `answer`, with the id as it came; but if the broker could not make it safe, the client is told even if it asked for no receipt. */
  answerCommit(receipt: Buffer | undefined, mark: Mark): void {
    if (receipt !== undefined) this.push(receipt, 0, receipt.length, ENTRY_RECEIPT, mark);
    else this.ring.push(ENTRY_COMMIT, mark, false);
  }

  /** Calls `ReceiptsHost.disconnected` after everything asked until now. */
  endWhenAnswered(): void {
    this.ring.push(ENTRY_DISCONNECT, MARK_NOW, false);
  }

  confirm(id: number, refused: boolean): void {
    if (id === ENTRY_DISCONNECT) this.end();
    else if (refused) this.host.notStored(id === ENTRY_COMMIT ? undefined : this.refusedId());
    else if (id !== ENTRY_COMMIT)
      this.write(id === ENTRY_DUPLICATE ? DUPLICATE : id === ENTRY_EXPIRED ? EXPIRED : NOTHING);
    if (id >= ENTRY_SUBSCRIBED && !refused) this.host.subscribed(id - ENTRY_SUBSCRIBED);
  }

  confirmEnd(): void {
    this.host.receiptsGiven(this.owed);
  }

  /** Large bodies have been written to their end, and what was kept behind them too. */
  bodiesSent(): void {
    if (this.behindBody > 0) {
      this.behindBody = 0;
      this.host.receiptsGiven(this.owed);
    }
    if (this.endsBehindBody) this.host.disconnected();
  }

  close(): void {
    this.ring.close();
    this.behindBody = 0;
    this.endsBehindBody = false;
  }

  private push(buffer: Buffer, start: number, end: number, entry: number, mark: Mark, publish = false): void {
    this.ids.push(buffer, start, end);
    this.ring.push(entry, mark, publish);
  }

  private write(besides: Buffer): void {
    const { ids } = this;
    ids.shift();
    const { start, end } = ids;
    if (this.output.withinBody) this.behindBody++;
    const { out } = this.output;
    let at = out.reserve(RECEIPT_OPENING.length + end - start + 4 + besides.length);
    const target = out.buffer;
    at = copyBytes(RECEIPT_OPENING, 0, RECEIPT_OPENING.length, target, at);
    at = copyBytes(ids.buffer, start, end, target, at);
    target[at++] = LF;
    if (besides.length > 0) at = copyBytes(besides, 0, besides.length, target, at);
    target[at++] = LF;
    target[at++] = NUL;
    target[at++] = LF;
    this.output.wrote = true;
    this.stats.receiptsOut++;
  }

  private end(): void {
    if (this.output.withinBody) this.endsBehindBody = true;
    else this.host.disconnected();
  }

  private refusedId(): string {
    const { ids } = this;
    ids.shift();
    return textOf(ids.buffer, ids.start, ids.end);
  }
}

/**
 * What the client is told once the log has it: receipts, the refusal of what could not be stored, and the end after
 * DISCONNECT. All go through one ring, so that receipts come in the order of the frames that asked for them.
 *
 *     frame with `receipt` ──▶ ids ──────────────────────────┐
 *                          └─▶ ring (entry, mark) ──safe──▶ RECEIPT
 *                                                 └─refused─▶ ERROR
 */
import {
  type ConfirmRing,
  type ConfirmSink,
  MARK_NOW,
  type Mark,
  type Session,
  textOf,
} from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT } from '../codec/names.ts';
import type { Outlet } from '../connection/frame-output.ts';
import type { Receipts } from './receipt-ids.ts';

/** Entries of the ring. Only the first and the last kind have an id among the receipts. */
const ENTRY_RECEIPT = 0;
const ENTRY_COMMIT = 1;
const ENTRY_GOODBYE = 2;
/** And from here on: a receipt for the subscription of the number that is left. */
const ENTRY_SUBSCRIBED = 3;

/** What the answers need of their connection. */
export interface AnswersHost {
  /** The broker could not make it safe. `receiptId` as it came, escaped; undefined if none was asked for. */
  notStored(receiptId: string | undefined): void;
  /** `goodbye` has come to its turn, between frames. */
  allAnswered(): void;
  /** The receipt for the subscription of that number is written, or waits only for the end of a body. */
  subscribed(number: number): void;
  /** Some were given: less is owed than before. */
  answered(): void;
}

export class Answers implements ConfirmSink {
  private ring: ConfirmRing | null = null;
  private session: Session | null = null;
  private readonly outlet: Outlet;
  private readonly receipts: Receipts;
  private readonly host: AnswersHost;

  constructor(outlet: Outlet, receipts: Receipts, host: AnswersHost) {
    this.outlet = outlet;
    this.receipts = receipts;
    this.host = host;
  }

  start(session: Session): void {
    this.session = session;
    this.ring = session.confirms(this);
  }

  /** Receipts that are still to be written. */
  get owed(): number {
    return this.receipts.size;
  }

  /** Owes a receipt if the frame asked for one, once `mark` is safe. */
  answer(frame: Frame, mark: Mark): void {
    const index = frame.indexOf(RECEIPT);
    if (index >= 0) this.owe(frame.buffer, frame.valueStart(index), frame.valueEnd(index), mark);
  }

  owe(buffer: Buffer, start: number, end: number, mark: Mark): void {
    this.push(buffer, start, end, ENTRY_RECEIPT, mark);
  }

  /** As `whenAllSafe`, and then `AnswersHost.subscribed`. The frame asks for a receipt. */
  subscribed(frame: Frame, number: number): void {
    const index = frame.indexOf(RECEIPT);
    const entry = ENTRY_SUBSCRIBED + number;
    this.push(frame.buffer, frame.valueStart(index), frame.valueEnd(index), entry, this.session!.mark());
  }

  private push(buffer: Buffer, start: number, end: number, entry: number, mark: Mark): void {
    this.receipts.push(buffer, start, end);
    this.ring!.push(entry, mark);
  }

  /** As `answer`, when everything asked until now is safe. */
  whenAllSafe(frame: Frame): void {
    if (frame.has(RECEIPT)) this.answer(frame, this.session!.mark());
  }

  /** As `answer`; but if the broker could not make it safe, the client is told even if it asked for no receipt. */
  commit(frame: Frame, mark: Mark): void {
    if (frame.has(RECEIPT)) this.answer(frame, mark);
    else this.ring!.push(ENTRY_COMMIT, mark);
  }

  /** Nothing follows. */
  goodbye(): void {
    this.ring!.push(ENTRY_GOODBYE, MARK_NOW);
  }

  confirm(id: number, refused: boolean): void {
    if (id === ENTRY_GOODBYE) this.outlet.betweenFrames(() => this.host.allAnswered());
    else if (refused) this.host.notStored(id === ENTRY_COMMIT ? undefined : this.refusedReceipt());
    else if (id !== ENTRY_COMMIT) this.outlet.receipt();
    if (id >= ENTRY_SUBSCRIBED && !refused) this.host.subscribed(id - ENTRY_SUBSCRIBED);
  }

  confirmEnd(): void {
    this.host.answered();
  }

  close(): void {
    this.ring?.close();
  }

  private refusedReceipt(): string | undefined {
    // Receipts before it may still wait for the end of a body; then nothing can be said any more anyway.
    if (this.outlet.withinBody) return undefined;
    this.receipts.shift();
    return textOf(this.receipts.buffer, this.receipts.start, this.receipts.end);
  }
}

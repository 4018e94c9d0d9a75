/**
 * The pump that shares one output among several senders of large bodies: piece by piece in rotation, a slice a turn, so that no channel of
 * a connection waits for another's body, and never more than SLICE_BYTES go before deliveries, confirms and other connections
 * have had their turn.
 */
import { PHASE_GATHER, PHASE_WRITE, type Turn, type TurnTask } from '../clock/turn.ts';
import type { BodySender } from './body-sender.ts';

/** Bytes that are added to the output in a turn, and one piece more at most. */
const SLICE_BYTES = 256 * 1024;

export class BodyPump implements TurnTask {
  inTurn = false;
  private readonly turn: Turn;
  private readonly output: { readonly congested: boolean; readonly pendingBytes: number };
  private readonly senders: () => Iterable<BodySender>;
  /** Work that is added while a phase runs belongs to the same turn; this carries it into the next. */
  private readonly nextTurn: TurnTask;
  private closed = false;

  /** @param senders those of the connection, in the order in which they take turns; asked once a slice */
  constructor(
    turn: Turn,
    output: { readonly congested: boolean; readonly pendingBytes: number },
    senders: () => Iterable<BodySender>,
  ) {
    this.turn = turn;
    this.output = output;
    this.senders = senders;
    this.nextTurn = { inTurn: false, endOfTurn: () => this.soon() };
  }

  /** There may be something to send: a body was begun, a piece can be read, the output has drained. A slice goes at the turn's end. */
  soon(): void {
    if (!this.closed) this.turn.add(PHASE_GATHER, this);
  }

  /** Nothing is sent any more. The senders are closed by whoever has them. */
  close(): void {
    this.closed = true;
  }

  endOfTurn(): void {
    if (this.closed) return;
    const stopAt = this.output.pendingBytes + SLICE_BYTES;
    const busy: BodySender[] = [];
    for (const sender of this.senders()) if (sender.busy) busy.push(sender);
    let stepped = true;
    while (stepped && !this.closed) {
      stepped = false;
      for (const sender of busy) {
        // The rest comes when the socket has drained.
        if (this.output.congested) return;
        if (this.output.pendingBytes > stopAt) {
          this.turn.add(PHASE_WRITE, this.nextTurn);
          return;
        }
        if (sender.step()) stepped = true;
      }
    }
  }
}

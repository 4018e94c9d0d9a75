/**
 * Why a connection does not read on. Reading is suspended, the bytes that have come are kept, and it goes on at the end of
 * a later turn, when the last reason has gone. Reasons, as bits:
 *
 *     HELD_BACK    the broker holds publishers back (only a SEND waits for that: ACKs before it are what heals)
 *     OWING        too many receipts are owed, or the client does not read them
 *     UNANSWERED   the broker has not answered CONNECT yet
 *     OTHERS_TURN  others have their turn, or an operation that was asked for before is not finished
 */
import { PHASE_GATHER, type Transport, type Turn, type TurnTask } from '../../../src/api/index.ts';

export const HELD_BACK = 1;
export const OWING = 2;
export const UNANSWERED = 4;
export const OTHERS_TURN = 8;

export interface ParkingHost {
  readonly transport: Transport;
  /** Nothing holds it any more: between two connections' frames. */
  goOn(): void;
}

export class Parking implements TurnTask {
  inTurn = false;
  reasons = 0;
  private readonly turn: Turn;
  private readonly host: ParkingHost;

  constructor(turn: Turn, host: ParkingHost) {
    this.turn = turn;
    this.host = host;
  }

  park(reason: number): void {
    if (this.reasons === 0) this.host.transport.pause();
    this.reasons |= reason;
  }

  /** Goes on at the end of the turn, never at once: the call may come from within another connection's frame. */
  unpark(reason: number): void {
    if ((this.reasons & reason) === 0) return;
    this.reasons &= ~reason;
    if (this.reasons === 0) this.turn.add(PHASE_GATHER, this);
  }

  /** The same for a call that comes at a turn's end: goes on at once. */
  goOn(reason: number): void {
    if ((this.reasons & reason) === 0) return;
    this.reasons &= ~reason;
    if (this.reasons === 0) this.host.goOn();
  }

  endOfTurn(): void {
    if (this.reasons === 0) this.host.goOn();
  }
}

/**
 * Sends the large bodies of all channels of one connection, a slice a turn: frame by frame in rotation, so that no
 * channel waits for another's body, and never more than `SLICE_BYTES` before deliveries, confirms and other connections have
 * had their turn.
 */
import { PHASE_GATHER, PHASE_WRITE, type Turn, type TurnTask } from '../../../src/api/index.ts';

const SLICE_BYTES = 256 * 1024;

export interface PumpChannel {
  readonly sendingBody: boolean;
  /** Writes one body frame; false if that cannot be done now (then it asks again with `soon`). */
  stepBody(): boolean;
}

export interface PumpOutput {
  readonly congested: boolean;
  readonly pendingBytes: number;
}

export class BodyPump implements TurnTask {
  inTurn = false;
  private readonly turn: Turn;
  private readonly output: PumpOutput;
  private readonly channels: () => Iterable<PumpChannel>;
  /** Work that is added while a phase runs belongs to the same turn; this carries it into the next. */
  private readonly nextTurn: TurnTask;
  private closed = false;

  constructor(turn: Turn, output: PumpOutput, channels: () => Iterable<PumpChannel>) {
    this.turn = turn;
    this.output = output;
    this.channels = channels;
    this.nextTurn = { inTurn: false, endOfTurn: () => this.soon() };
  }

  /** There may be something to send. */
  soon(): void {
    if (!this.closed) this.turn.add(PHASE_GATHER, this);
  }

  close(): void {
    this.closed = true;
  }

  endOfTurn(): void {
    if (this.closed) return;
    const stopAt = this.output.pendingBytes + SLICE_BYTES;
    const busy: PumpChannel[] = [];
    for (const channel of this.channels()) if (channel.sendingBody) busy.push(channel);
    let stepped = true;
    while (stepped && !this.closed) {
      stepped = false;
      for (const channel of busy) {
        // The rest comes when the socket has drained.
        if (this.output.congested) return;
        if (this.output.pendingBytes > stopAt) {
          this.turn.add(PHASE_WRITE, this.nextTurn);
          return;
        }
        if (channel.sendingBody && channel.stepBody()) stepped = true;
      }
    }
  }
}

/**
 * What comes in from one client, and when it may: the frame parser, what holds it up (`holding.ts`), and where frames wait
 * past a publish that cannot be taken (`parking.ts`).
 */
import type { Clock, Share } from '../../../src/api/index.ts';
import { FRAME_HEARTBEAT } from '../codec/constants.ts';
import { FrameParser, type FrameSink } from '../codec/frames.ts';
import { Parking, settles } from './parked-frames.ts';
import { Holding, type HoldingOwner, OTHERS_TURN, PARKING_FULL } from './reading-hold.ts';

/** A unit of work for so many bytes (as a power of two), beside one for each frame. */
const BYTES_A_UNIT_BITS = 12;

export interface InflowOwner {
  /** Its part of the budget of work: frames are taken as far as that reaches. */
  readonly share: Share;
  readonly ended: boolean;
  /** Logged in, and not being closed. */
  readonly isRunning: boolean;
  /** The broker wants no messages now. */
  readonly congested: boolean;
  /** Carries a frame out. False: not now, the same frame again later; then publishing has been held back. */
  handle(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean;
  frameError(reason: string): void;
  /** A stretch of bytes has been parsed that is about to go. */
  parsed(): void;
  tellBlocked(blocked: boolean): boolean;
  /** Whether what settles deliveries of this channel may overtake its publishes. */
  maySettleNow(channel: number): boolean;
}

export class Inflow implements FrameSink, HoldingOwner {
  readonly parser: FrameParser;
  private readonly holding: Holding;
  private readonly parking: Parking;
  private readonly owner: InflowOwner;
  private readonly share: Share;
  private unparking = false;

  constructor(
    owner: InflowOwner,
    transport: { pause(): void; resume(): void },
    clock: Clock,
    limits: { frameBytesMax: number; blockedNoticeMs: number; parkedSizeMax: number },
  ) {
    this.owner = owner;
    this.share = owner.share;
    this.parser = new FrameParser(this, limits.frameBytesMax);
    this.parking = new Parking(limits.parkedSizeMax);
    this.holding = new Holding(this, this.parser, transport, clock, limits.blockedNoticeMs);
  }

  push(chunk: Buffer): void {
    const { share } = this;
    share.begin();
    share.work.spend(chunk.length >>> BYTES_A_UNIT_BITS);
    this.parser.push(chunk);
    this.owner.parsed();
    share.end();
  }

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.share.mustWait && this.owner.isRunning) {
      this.waitForTurn();
      return false;
    }
    this.share.work.spend(1);
    if (!this.parking.active || this.mayPass(type, channel, buffer, start, end)) {
      return this.owner.handle(type, channel, buffer, start, end);
    }
    this.parking.keep(type, channel, buffer, start, end);
    if (this.parking.full) this.block(PARKING_FULL);
    return true;
  }

  private waitForTurn(): void {
    this.block(OTHERS_TURN);
    this.share.wait();
  }

  /** It is this connection's turn again. */
  turnCame(): void {
    this.unblock(OTHERS_TURN);
  }

  private mayPass(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    return type === FRAME_HEARTBEAT || (settles(type, buffer, start, end) && this.owner.maySettleNow(channel));
  }

  frameError(reason: string): void {
    this.owner.frameError(reason);
  }

  // -- holding up

  /** Bytes of frames that are not whole, or wait. */
  get heldBytes(): number {
    return this.parser.waitingBytes + this.parking.bytes;
  }

  /** Parsing waits: nothing that the client says is heard. */
  get held(): boolean {
    return this.holding.held;
  }

  get ended(): boolean {
    return this.owner.ended;
  }

  parsed(): void {
    this.owner.parsed();
  }

  tellBlocked(blocked: boolean): boolean {
    return this.owner.tellBlocked(blocked);
  }

  /** @param reason WAITS_FOR_REPLY, OUTPUT_FULL */
  block(reason: number): void {
    this.holding.block(reason);
  }

  unblock(reason: number): void {
    this.holding.unblock(reason);
  }

  /** The broker wants no messages now. */
  holdBack(): void {
    this.holding.holdBack();
  }

  /** It does again. */
  goOn(): void {
    this.holding.goOn();
  }

  park(): void {
    if (this.owner.isRunning) this.parking.active = true;
  }

  unpark(): void {
    const { parking, owner } = this;
    if (this.unparking) return;
    this.unparking = true;
    while (parking.active && owner.isRunning && !this.holding.held) {
      if (owner.congested) {
        this.holding.noticeLater();
        break;
      }
      if (parking.empty) {
        parking.clear();
        break;
      }
      if (this.share.mustWait) {
        this.waitForTurn();
        break;
      }
      this.share.work.spend(1);
      const { type, channel, payload } = parking.next;
      if (!owner.handle(type, channel, payload, 0, payload.length)) break;
      // What it brought about may have ended the connection, and the parking with it.
      if (parking.active) parking.taken();
    }
    this.unparking = false;
  }

  /** The connection is being closed: the client's answer must be heard, whatever was being waited for. */
  release(): void {
    this.parking.clear();
    this.holding.release();
  }

  /** Nothing waits any more. */
  close(): void {
    this.parking.clear();
    this.holding.close();
    this.share.close();
  }

  /** Nothing more is parsed. */
  finish(): void {
    this.parser.finish();
  }
}

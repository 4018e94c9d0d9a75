/**
 * Frames from one client: cut out of its chunks by the parser, as far as the read gate lets them through, and handed on one by
 * one. While the broker wants no messages for long, they are parked, and only what settles deliveries is handed on.
 */
import {
  type AccessPending,
  type Clock,
  type GatedReader,
  ReadGate,
  type ReadGateOwner,
  type Share,
  type Turn,
} from '../../../src/api/index.ts';
import { FRAME_HEARTBEAT } from '../codec/constants.ts';
import { FrameParser, type FrameSink } from '../codec/frame-parser.ts';
import type { AmqpLimits } from '../options.ts';
import { BlockedNotice, type BlockedNoticeOwner } from './blocked-notice.ts';
import { ParkedFrames, settles } from './parked-frames.ts';

/** Reasons not to read on, beside the gate's own: a reply must be safe first. */
export const AWAITS_REPLY = 2;
/** The broker wants no messages. */
export const PUBLISHING_HELD_BACK = 4;
/** The client does not read what it asked for. */
export const OUTPUT_FULL = 8;
/** More frames are parked than there is room for. */
export const PARKED_FULL = 16;

export interface FrameInputOwner extends ReadGateOwner {
  /** Logged in, and not being closed. */
  readonly isOpen: boolean;
  /** The broker wants no messages now. */
  readonly publishCongested: boolean;
  /** Carries a frame out. False: not now, the same frame again later; then reading is paused. */
  handleFrame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean;
  /** The memory of the last frame is about to be used for something else. */
  frameGone(): void;
  /** The stream cannot be understood any more. */
  frameError(reason: string): void;
  /** Tells the client that its publishes wait, or no longer do. False if it does not want to know. */
  tellBlocked(blocked: boolean): boolean;
  /** Whether what settles deliveries of this channel may overtake its publishes. */
  maySettleNow(channel: number): boolean;
}

export class FrameInput implements GatedReader, FrameSink, BlockedNoticeOwner {
  private readonly parser: FrameParser;
  private readonly gate: ReadGate;
  /** Its part of the budget of work: frames are taken as far as that reaches. */
  readonly share: Share;
  private readonly parked: ParkedFrames;
  private readonly notice: BlockedNotice;
  private readonly owner: FrameInputOwner;
  private carryingOut = false;

  /** @param frameBytesMax for frames before the login; `agreed` changes it */
  constructor(
    owner: FrameInputOwner,
    transport: { pause(): void; resume(): void },
    clock: Clock,
    turn: Turn,
    limits: Pick<AmqpLimits, 'blockedNoticeMs' | 'parkedSizeMax'>,
    frameBytesMax: number,
  ) {
    this.owner = owner;
    this.parser = new FrameParser(this, frameBytesMax);
    this.gate = new ReadGate(turn, this, transport, owner);
    this.share = this.gate.share;
    this.parked = new ParkedFrames(limits.parkedSizeMax);
    this.notice = new BlockedNotice(this, clock, limits.blockedNoticeMs);
  }

  data(chunk: Buffer): void {
    this.gate.data(chunk);
  }

  /** @param payloadBytesMax the largest payload of a frame, as agreed */
  agreed(payloadBytesMax: number): void {
    this.parser.payloadBytesMax = payloadBytesMax;
  }

  /** Bytes of frames that are not whole, or wait. */
  get heldBytes(): number {
    return this.parser.heldBytes + this.parked.bytes + this.gate.heldBytes;
  }

  /** Nothing is read: nothing that the client says is heard. */
  get paused(): boolean {
    return this.gate.paused;
  }

  /** @param reason AWAITS_REPLY, OUTPUT_FULL */
  pause(reason: number): void {
    this.gate.pause(reason);
  }

  /** No further frame is taken until the answer has come; then the one at hand is, once more. */
  awaitAnswer(pending: AccessPending): void {
    this.gate.awaitAnswer(pending);
  }

  /** With the last reason to go, reading goes on before this returns. */
  resume(reason: number): void {
    this.gate.resume(reason);
  }

  // -- what the read gate asks for

  get halted(): boolean {
    return this.parser.halted;
  }

  set halted(halted: boolean) {
    this.parser.halted = halted;
  }

  read(buffer: Buffer, start: number, end: number): number {
    if (this.parked.active) {
      this.carryOutParked();
      if (this.halted) return start;
    }
    return this.parser.read(buffer, start, end);
  }

  // -- what the parser finds

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    const { share, owner, parked } = this;
    if (share.mustWait && owner.isOpen && this.gate.mustWait()) return false;
    share.work.spend(1);
    if (!parked.active || this.mayPass(type, channel, buffer, start, end)) {
      return owner.handleFrame(type, channel, buffer, start, end);
    }
    parked.keep(type, channel, buffer, start, end);
    if (parked.full) this.gate.pause(PARKED_FULL);
    return true;
  }

  frameGone(): void {
    this.owner.frameGone();
  }

  frameError(reason: string): void {
    this.owner.frameError(reason);
  }

  private mayPass(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    return type === FRAME_HEARTBEAT || (settles(type, buffer, start, end) && this.owner.maySettleNow(channel));
  }

  // -- publishing that is held back

  /** A publish has come and the broker wants no messages now. */
  holdBack(): void {
    this.gate.pause(PUBLISHING_HELD_BACK);
    this.notice.heldBack();
  }

  /** The broker takes messages again. */
  uncongested(): void {
    this.notice.over();
    this.gate.resume(PUBLISHING_HELD_BACK | PARKED_FULL);
    // Nothing may have been held back any more, and frames be parked all the same.
    if (this.parked.active && !this.gate.paused) {
      this.carryOutParked();
      this.owner.chunkRead();
    }
  }

  tellBlocked(blocked: boolean): boolean {
    return this.owner.tellBlocked(blocked);
  }

  heldBackForLong(): void {
    if (this.owner.isOpen) this.parked.active = true;
    this.gate.resume(PUBLISHING_HELD_BACK);
  }

  /** Carries out what is parked, as far as possible now. */
  private carryOutParked(): void {
    const { parked, owner, gate } = this;
    if (this.carryingOut) return;
    this.carryingOut = true;
    while (parked.active && owner.isOpen && !gate.paused) {
      if (owner.publishCongested) {
        this.notice.heldBack();
        break;
      }
      if (parked.empty) {
        parked.clear();
        break;
      }
      if (gate.mustWait()) break;
      this.share.work.spend(1);
      const { type, channel, payload } = parked.next;
      if (!owner.handleFrame(type, channel, payload, 0, payload.length)) break;
      // What it brought about may have ended the connection, and with it what was parked.
      if (parked.active) parked.taken();
    }
    this.carryingOut = false;
  }

  // -- the end

  /** Nothing waits any more, but what comes is still read: call `release` or `finish`. */
  close(): void {
    this.parked.clear();
    this.notice.stop();
    this.share.close();
  }

  /** The connection is being closed: the client's answer must be heard, whatever was being waited for. */
  release(): void {
    this.parked.clear();
    this.gate.release();
  }

  /** Nothing more is read. */
  finish(): void {
    this.gate.finish();
    this.parser.finish();
  }
}

/** Frames from one client: cut out of its chunks as far as the read gate lets them through, and handed on one by one. */
import {
  type AccessPending,
  type GatedReader,
  ReadGate,
  type ReadGateOwner,
  type Share,
  type Turn,
} from '../../../src/api/index.ts';
import { FrameParser, type FrameSink } from '../codec/frame-parser.ts';
import { HEADER_BYTES, headerId } from './protocol-header.ts';

/** Reasons not to read on, beside the gate's own: what was asked for must be safe, or known, first. */
export const AWAITS_REPLY = 2;
/** The client does not read what it asked for. */
export const OUTPUT_FULL = 4;

export interface FrameInputOwner extends ReadGateOwner {
  /** The header that `expectHeader` has asked for has come. @param id as `headerId` */
  header(id: number): void;
  /** Logged in, and not being closed. */
  readonly isOpen: boolean;
  /** Carries a frame out. False: not now, the same frame again later; then reading is paused. */
  handleFrame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean;
  frameGone(): void;
  frameError(reason: string): void;
}

export class FrameInput implements GatedReader, FrameSink {
  /** Its part of the budget of work: frames are taken as far as that reaches. */
  readonly share: Share;
  private readonly parser: FrameParser;
  private gateHalted = false;
  private headerDue = false;
  private readonly head = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  private readonly gate: ReadGate;
  private readonly owner: FrameInputOwner;

  /** @param frameBytesMax for frames before the login; `agreed` changes it */
  constructor(owner: FrameInputOwner, transport: { pause(): void; resume(): void }, turn: Turn, frameBytesMax: number) {
    this.owner = owner;
    this.parser = new FrameParser(this, frameBytesMax);
    this.gate = new ReadGate(turn, this, transport, owner);
    this.share = this.gate.share;
  }

  data(chunk: Buffer): void {
    this.gate.data(chunk);
  }

  agreed(frameBytesMax: number): void {
    this.parser.frameBytesMax = frameBytesMax;
  }

  get heldBytes(): number {
    return this.parser.heldBytes + this.gate.heldBytes;
  }

  get paused(): boolean {
    return this.gate.paused;
  }

  pause(reason: number): void {
    this.gate.pause(reason);
  }

  resume(reason: number): void {
    this.gate.resume(reason);
  }

  /** @param again as `ReadGate.awaitAnswer` */
  awaitAnswer(pending: AccessPending, again?: () => void): void {
    this.gate.awaitAnswer(pending, again);
  }

  /** No frame is next but a protocol header. */
  expectHeader(): void {
    this.headerDue = true;
    this.parser.halted = true;
  }

  get halted(): boolean {
    return this.gateHalted;
  }

  set halted(halted: boolean) {
    this.gateHalted = halted;
    this.parser.halted = halted || this.headerDue;
  }

  read(buffer: Buffer, start: number, end: number): number {
    let at = start;
    do {
      if (this.headerDue) {
        if (this.gateHalted) return at;
        const n = Math.min(HEADER_BYTES - this.headerBytes, end - at);
        buffer.copy(this.head, this.headerBytes, at, at + n);
        at += n;
        this.headerBytes += n;
        if (this.headerBytes < HEADER_BYTES) return at;
        this.headerBytes = 0;
        this.headerDue = false;
        this.parser.halted = this.gateHalted;
        this.owner.header(headerId(this.head, 0));
      }
      at = this.parser.read(buffer, at, end);
    } while (this.headerDue && at < end);
    return at;
  }

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    const { share, owner } = this;
    if (share.mustWait && owner.isOpen && this.gate.mustWait()) return false;
    share.work.spend(1);
    return owner.handleFrame(type, channel, buffer, start, end);
  }

  frameGone(): void {
    this.owner.frameGone();
  }

  frameError(reason: string): void {
    this.owner.frameError(reason);
  }

  /** Nothing waits any more, but what comes is still read: call `release` or `finish`. */
  close(): void {
    this.share.close();
  }

  /** The connection is being closed: the client's answer must be heard, whatever was being waited for. */
  release(): void {
    this.gate.release();
  }

  finish(): void {
    this.gate.finish();
    this.parser.finish();
  }
}

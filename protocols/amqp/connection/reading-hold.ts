/**
 * Holds up the parsing of one connection: while a reply waits for the log or the disk, while the broker wants no
 * messages, while the client does not read what it asked for, while others have their turn. Several reasons may hold at
 * once; the last one to go lets it go on. Meanwhile the transport is paused, so that no more than the rest of one chunk has to be kept.
 *
 * When the broker goes on wanting no messages, the client is told, and its frames are parked instead (`parking.ts`).
 */
import { type Clock, Timer } from '../../../src/api/index.ts';
import type { FrameParser } from '../codec/frames.ts';

export const WAITS_FOR_REPLY = 1;
export const PUBLISHING_HELD_BACK = 2;
export const OUTPUT_FULL = 4;
export const PARKING_FULL = 8;
/** Others have their turn, or an operation that was asked for before is not finished. */
export const OTHERS_TURN = 16;

export interface HoldingOwner {
  readonly ended: boolean;
  /** A stretch of bytes has been parsed that is about to go. */
  parsed(): void;
  /** Tells the client that its publishes wait, or no longer do. False if it does not want to know. */
  tellBlocked(blocked: boolean): boolean;
  /** Publishing has been held back for so long that the client's other frames should not wait with it. */
  park(): void;
  /** Carries out what is parked, as far as possible now. */
  unpark(): void;
}

interface Pausable {
  pause(): void;
  resume(): void;
}

export class Holding {
  private reasons = 0;
  /** The client has been told that it is blocked. */
  private told = false;
  private readonly notice: Timer;
  private readonly owner: HoldingOwner;
  private readonly parser: FrameParser;
  private readonly transport: Pausable;
  private readonly clock: Clock;
  private readonly noticeMs: number;

  constructor(owner: HoldingOwner, parser: FrameParser, transport: Pausable, clock: Clock, noticeMs: number) {
    this.owner = owner;
    this.parser = parser;
    this.transport = transport;
    this.clock = clock;
    this.noticeMs = noticeMs;
    this.notice = new Timer(() => {
      this.told ||= owner.tellBlocked(true);
      owner.park();
      this.unblock(PUBLISHING_HELD_BACK);
    });
  }

  get held(): boolean {
    return this.reasons !== 0;
  }

  block(reason: number): void {
    this.reasons |= reason;
    this.parser.stop();
    this.transport.pause();
  }

  unblock(reason: number): void {
    if ((this.reasons & reason) === 0) return;
    this.reasons &= ~reason;
    this.goOnIfFree();
  }

  private goOnIfFree(): void {
    if (this.reasons !== 0) return;
    this.owner.unpark();
    if (this.reasons !== 0 || this.owner.ended) return;
    this.parser.go();
    this.owner.parsed();
    if (this.reasons === 0 && !this.owner.ended) this.transport.resume();
  }

  /** The broker wants no messages; that is only worth a word to the client when it lasts. */
  holdBack(): void {
    this.block(PUBLISHING_HELD_BACK);
    this.noticeLater();
  }

  /** The client is to be told that its publishes wait, if they do so for long. */
  noticeLater(): void {
    if (!this.told && !this.notice.scheduled) this.clock.schedule(this.notice, this.noticeMs);
  }

  /** The broker takes messages again. */
  goOn(): void {
    this.clock.cancel(this.notice);
    if (this.told) {
      this.told = false;
      this.owner.tellBlocked(false);
    }
    this.reasons &= ~(PUBLISHING_HELD_BACK | PARKING_FULL);
    this.goOnIfFree();
  }

  /** The connection is being closed: the client's answer must be heard, whatever was being waited for. */
  release(): void {
    if (this.reasons === 0) return;
    this.reasons = 0;
    this.transport.resume();
    this.parser.go();
  }

  close(): void {
    this.clock.cancel(this.notice);
  }
}

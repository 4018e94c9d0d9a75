/**
 * A client's bytes on their way to the reader. They are not parsed while there is a reason to hold them: then the reader
 * is halted, the rest of the chunk is kept, and the transport is paused.
 *
 *                    hold                     unhold, the last reason
 *     READING -------------------> HELD ----------------------------> READING, from what was kept
 */
import type { Share, Transport } from '../../../src/api/index.ts';
import type { PacketReader } from '../codec/reader.ts';

/** Reasons: bits of `Intake.holds`. A CONNECT is being answered. */
export const HOLD_OPENING = 1;
/** The broker takes no publishes now. */
export const HOLD_CONGESTED = 2;
/** More answers wait for the log than a client may have under way. */
export const HOLD_CONFIRMS = 4;
/** The client does not read what it is sent. */
export const HOLD_OUTPUT = 8;
/** The client sends more packets a second than it may. */
export const HOLD_RATE = 16;
/** Others have their turn, or an operation that was asked for before is not finished. */
export const HOLD_TURN = 32;

/** A unit of work for so many bytes (as a power of two), beside one for each packet. */
const BYTES_A_UNIT_BITS = 12;

export interface IntakeHost {
  /** The reader has thrown. */
  fail(error: unknown): void;
  /** A chunk has been dealt with. */
  chunkRead(): void;
}

export class Intake {
  holds = 0;
  private closed = false;
  private reading = false;
  /** What waits, `rest[restStart, …)`: memory of its own. */
  private rest: Buffer | null = null;
  private restStart = 0;
  private readonly share: Share;
  private readonly reader: PacketReader;
  private readonly transport: Transport;
  private readonly host: IntakeHost;

  /** @param share packets are taken as far as it reaches; its `goOn` is to call `turnCame` */
  constructor(share: Share, reader: PacketReader, transport: Transport, host: IntakeHost) {
    this.share = share;
    this.reader = reader;
    this.transport = transport;
    this.host = host;
  }

  /** Bytes that wait. */
  get heldBytes(): number {
    return this.rest === null ? 0 : this.rest.length;
  }

  data(chunk: Buffer): void {
    const { share } = this;
    share.begin();
    share.work.spend(chunk.length >>> BYTES_A_UNIT_BITS);
    if (share.mustWait) this.waitForTurn();
    if (this.holds !== 0) this.keep(chunk);
    else this.read(chunk, 0, false);
    share.end();
  }

  /** A packet has been dealt with: the next one only if there is time. */
  packetTaken(units: number): void {
    const { share } = this;
    share.work.spend(units);
    if (share.mustWait) this.waitForTurn();
  }

  private waitForTurn(): void {
    if (this.closed) return;
    this.hold(HOLD_TURN);
    this.share.wait();
  }

  /** It is this connection's turn again. */
  turnCame(): void {
    this.unhold(HOLD_TURN);
  }

  /** Stops parsing for one more reason. */
  hold(reason: number): void {
    if (this.holds === 0) {
      this.reader.halted = true;
      this.transport.pause();
    }
    this.holds |= reason;
  }

  /** A reason to stop parsing has gone. */
  unhold(reason: number): void {
    if ((this.holds & reason) === 0 || this.closed) return;
    this.holds &= ~reason;
    if (this.holds !== 0) return;
    this.reader.halted = false;
    if (!this.reading && this.rest !== null) {
      const { rest, restStart } = this;
      this.rest = null;
      this.read(rest, restStart, true);
      if (this.holds !== 0 || this.isClosed()) return;
    }
    this.transport.resume();
  }

  /** Forgets what was kept; nothing is parsed any more. */
  close(): void {
    this.closed = true;
    this.rest = null;
    this.share.close();
    this.reader.close();
  }

  /** @param own the memory is not the transport's: what is left of it can stay where it is, however often it has to wait */
  private read(chunk: Buffer, start: number, own: boolean): void {
    this.reading = true;
    try {
      const at = this.reader.read(chunk, start, chunk.length);
      if (at < chunk.length && !this.isClosed()) {
        if (own && this.rest === null) {
          this.rest = chunk;
          this.restStart = at;
        } else this.keep(chunk.subarray(at));
      }
    } catch (error) {
      this.host.fail(error);
    }
    this.reading = false;
    if (!this.isClosed()) this.host.chunkRead();
  }

  private keep(part: Buffer): void {
    this.rest = this.rest === null ? Buffer.from(part) : Buffer.concat([this.rest.subarray(this.restStart), part]);
    this.restStart = 0;
  }

  private isClosed(): boolean {
    return this.closed;
  }
}

/**
 * A client's bytes on their way to the reader. They are not parsed while there is a reason to hold them: then the reader
 * is halted, the rest of the chunk is kept, and the transport is paused.
 *
 *                    hold                     unhold, the last reason
 *     READING -------------------> HELD ----------------------------> READING, from what was kept
 */
import type { Transport } from '../../src/protocol.ts';
import type { PacketReader } from './codec/reader.ts';

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
  private rest: Buffer | null = null;
  private readonly reader: PacketReader;
  private readonly transport: Transport;
  private readonly host: IntakeHost;

  constructor(reader: PacketReader, transport: Transport, host: IntakeHost) {
    this.reader = reader;
    this.transport = transport;
    this.host = host;
  }

  data(chunk: Buffer): void {
    if (this.holds !== 0) this.keep(chunk, 0);
    else this.read(chunk);
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
      const rest = this.rest;
      this.rest = null;
      this.read(rest);
      if (this.holds !== 0 || this.isClosed()) return;
    }
    this.transport.resume();
  }

  /** Forgets what was kept; nothing is parsed any more. */
  close(): void {
    this.closed = true;
    this.rest = null;
    this.reader.close();
  }

  private read(chunk: Buffer): void {
    this.reading = true;
    try {
      const at = this.reader.read(chunk, 0, chunk.length);
      if (at < chunk.length && !this.isClosed()) this.keep(chunk, at);
    } catch (error) {
      this.host.fail(error);
    }
    this.reading = false;
    if (!this.isClosed()) this.host.chunkRead();
  }

  private keep(chunk: Buffer, at: number): void {
    const part = chunk.subarray(at);
    this.rest = this.rest === null ? Buffer.from(part) : Buffer.concat([this.rest, part]);
  }

  private isClosed(): boolean {
    return this.closed;
  }
}

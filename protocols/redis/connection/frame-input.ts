/**
 * A client's bytes to commands: what is left of a chunk that ends within a command is kept, and joined with what comes.
 *
 *     chunk ──▶ [ rest + chunk ] ──parse──▶ commands … | rest, kept
 */
import type { GatedReader } from '../../../src/api/index.ts';
import { type Command, type CommandParser, PARTIAL, UNKNOWN_TOO_LONG } from '../codec/command-parser.ts';
import { ProtocolError } from '../codec/protocol-error.ts';

/** While a command waits, its client is read on all the same, so that its end is noticed: up to so many bytes. */
const SUSPENDED_BYTES_MAX = 64 * 1024;
/** A rest of up to this size stays allocated for the next one. */
const KEPT_BYTES_MAX = 1024;
const EMPTY = Buffer.alloc(0);

export interface FrameInputOwner {
  readonly letIn: boolean;
  /** A command is longer than one may be whose client is not let in: lets it in, if it may come in. False: that takes a while. */
  letInNow(): boolean;
  /** Carries it out. False: it must wait, and is parsed again when reading goes on. */
  take(command: Command): boolean;
  /** So much is kept while commands are suspended that nothing more is to be read. */
  full(): void;
}

export class FrameInput implements GatedReader {
  halted = false;
  /** Nothing is parsed; what comes is kept. Whoever ends that has the gate read on. */
  suspended = false;
  private rest: Buffer = EMPTY;
  private length = 0;
  private needed = 0;
  private readonly parser: CommandParser;
  private readonly owner: FrameInputOwner;

  constructor(parser: CommandParser, owner: FrameInputOwner) {
    this.parser = parser;
    this.owner = owner;
  }

  /** Bytes that are kept. */
  get heldBytes(): number {
    return this.rest.length;
  }

  read(buffer: Buffer, start: number, end: number): number {
    if (this.suspended) {
      this.append(buffer, start, end);
      if (this.length > SUSPENDED_BYTES_MAX) this.owner.full();
      return end;
    }
    if (this.length === 0) {
      const at = this.run(buffer, start, end);
      if (at < end && !this.halted) {
        this.append(buffer, at, end);
        return end;
      }
      return at;
    }
    this.append(buffer, start, end);
    if (this.length < this.needed) return end;
    const at = this.run(this.rest, 0, this.length);
    this.rest.copyWithin(0, at, this.length);
    this.length -= at;
    if (this.length === 0 && this.rest.length > KEPT_BYTES_MAX) this.rest = EMPTY;
    return end;
  }

  /** Takes commands; returns where the one begins that is not whole, or has to wait. */
  private run(buffer: Buffer, start: number, end: number): number {
    const { parser, owner } = this;
    let at = start;
    this.needed = 0;
    while (at < end && !this.halted && !this.suspended) {
      const result = parser.parse(buffer, at, end, owner.letIn);
      if (result === UNKNOWN_TOO_LONG) {
        if (!owner.letInNow()) return at;
        if (!owner.letIn) throw new ProtocolError(`unauthenticated ${parser.tooLong} length`);
        continue;
      }
      if (result === PARTIAL) {
        this.needed = parser.needed;
        return at;
      }
      const { next } = parser;
      if (!owner.take(parser.command)) return at;
      at = next;
    }
    return at;
  }

  private append(buffer: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.rest.length) {
      // Room for all of a long value at once; a client that only announces one gets what it has sent, doubled.
      const bytes = Math.max(length, Math.min(this.needed, 2 * length), Math.min(KEPT_BYTES_MAX, 2 * length));
      const grown = Buffer.allocUnsafeSlow(bytes);
      this.rest.copy(grown, 0, 0, this.length);
      this.rest = grown;
    }
    buffer.copy(this.rest, this.length, start, end);
    this.length = length;
  }

  /** Forgets everything. */
  clear(): void {
    this.halted = true;
    this.rest = EMPTY;
    this.length = 0;
  }
}

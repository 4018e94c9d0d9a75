/**
 * The gate that a connection's bytes go through: open, or paused for one reason or several, with what has come meanwhile kept.
 *
 * A connection gives each chunk to its gate. With no reason to pause, the gate hands it to the reader, which takes it frame
 * by frame. With a reason, the gate halts the reader after the frame at hand, keeps what is left of the chunk, and pauses
 * the transport; once the last reason has gone it goes on with what was kept, and then resumes the transport.
 *
 * ```
 *                     pause(reason)                          resume(reason), the last one
 *     READING ──────────────────────────▶ PAUSED ──at once, or at the end of the turn──▶ READING, from what was kept
 *        └── data: reader.read(chunk)        └── data: kept        └── finish() ──▶ nothing is read any more
 * ```
 *
 * Reasons are bits of the adapter's own, from 2 to 1 << 29: a reply that must be safe first, publishing held back, a client that does
 * not read, a rate. The first bit, OTHERS_TURN, is the gate's: it holds the connection's share of the budget of work
 * (`clock/work.ts`), counts a chunk's bytes, and waits when the time is up, or when a long operation of the connection is not
 * finished. An adapter calls `frameTaken` after each frame (or asks `mustWait` before one), and that is all it does for it.
 *
 * Nothing is allocated for a chunk that is taken whole.
 */
import { PHASE_GATHER, type Turn, type TurnTask } from '../clock/turn.ts';
import type { Share } from '../clock/work.ts';
import { giveBack, takeBuffer } from '../message/buffer-pool.ts';

/** The reason that is the gate's own: others have their turn, or an operation that was asked for before is not finished. */
export const OTHERS_TURN = 1;

/** A unit of work for so many bytes (as a power of two), beside what each frame costs. */
const BYTES_A_UNIT_BITS = 12;
const ALL_REASONS = -1;
/** What the client asks for may have to be asked of a back end. */
const ANSWER_AWAITED = 1 << 30;
const EMPTY = Buffer.alloc(0);

/** Cuts bytes into frames and carries them out. What it gathers of a frame that is not whole is its own affair. */
export interface GatedReader {
  /** Set by the gate, also from within `read`: take no further frame. */
  halted: boolean;
  /**
   * Takes `buffer[start, end)` as far as it is not halted; valid until it returns. Called with an empty range when reading goes
   * on and the gate has kept nothing: a reader may have kept a whole frame itself that had to wait.
   * @returns where it has stopped: `end`, unless it was halted; the gate keeps the rest, and gives it again
   */
  read(buffer: Buffer, start: number, end: number): number;
}

/** The connection behind a gate. */
export interface ReadGateOwner {
  /** The reader has thrown: what is left of the chunk is dropped. Ends the connection, and calls `ReadGate.finish`. */
  readFailed(error: unknown): void;
  /** Part of a chunk, or of what was kept, has been read; its bytes are about to go. Called once for each, after `read`. */
  chunkRead(): void;
}

export interface ReadGateOptions {
  /**
   * When `resume` reads on what was kept. `at-once`, the default: before it returns. `turn-end`: at the end of this turn, for
   * an adapter whose reasons go from within another connection's frame (it parses in memory that connections share, say).
   */
  readonly resumes?: 'at-once' | 'turn-end';
}

export class ReadGate implements TurnTask {
  inTurn = false;
  /** Bits: why nothing is read now. 0: it is. */
  reasons = 0;
  /** The connection's part of the budget of work; give it to its session (`SessionClient.share`). */
  readonly share: Share;
  private finished = false;
  private released = false;
  /** `reader.read` is under way. */
  private reading = false;
  private transportPaused = false;
  /** Answers of back ends that are awaited. */
  private answers = 0;
  /** What waits, `kept[keptStart, keptEnd)`: memory of the gate's own. */
  private kept: Buffer = EMPTY;
  private keptStart = 0;
  private keptEnd = 0;
  private readonly reader: GatedReader;
  private readonly transport: { pause(): void; resume(): void };
  private readonly owner: ReadGateOwner;
  private readonly turn: Turn;
  private readonly atOnce: boolean;

  constructor(
    turn: Turn,
    reader: GatedReader,
    transport: { pause(): void; resume(): void },
    owner: ReadGateOwner,
    options: ReadGateOptions = {},
  ) {
    this.share = turn.work.share(() => this.resumeNow(OTHERS_TURN));
    this.reader = reader;
    this.transport = transport;
    this.owner = owner;
    this.turn = turn;
    this.atOnce = options.resumes !== 'turn-end';
  }

  /** Nothing is read now, so nothing can be heard of the client. */
  get paused(): boolean {
    return this.reasons !== 0;
  }

  /** Bytes of memory that hold what waits, for `ConnectionHandler.heldBytes`. */
  get heldBytes(): number {
    return this.kept.length;
  }

  /** The client's next bytes: read now, or kept (copied) while there is a reason. */
  data(chunk: Buffer): void {
    if (this.finished) return;
    const { share } = this;
    share.begin();
    share.work.spend(chunk.length >>> BYTES_A_UNIT_BITS);
    this.mustWait();
    if (this.reasons !== 0 || this.reading || this.keptEnd > this.keptStart) this.keep(chunk, 0, chunk.length);
    else this.read(chunk, 0, chunk.length, false);
    share.end();
  }

  /**
   * A frame has been carried out: counts it, and pauses if the time is up.
   * @param units of work, about half a microsecond each
   */
  frameTaken(units: number): void {
    const { share } = this;
    share.work.spend(units);
    if (share.mustWait) this.waitForTurn();
  }

  /** Whether the next frame must wait for others, or for an operation of this connection; then reading is paused from now on. */
  mustWait(): boolean {
    if (!this.share.mustWait || this.finished || this.released) return false;
    this.waitForTurn();
    return true;
  }

  private waitForTurn(): void {
    if (this.finished || this.released) return;
    this.pause(OTHERS_TURN);
    this.share.wait();
  }

  /** Reads nothing after the frame at hand, for one more reason. */
  pause(reason: number): void {
    if (this.finished || this.released) return;
    this.reader.halted = true;
    this.reasons |= reason;
    if (this.transportPaused) return;
    this.transportPaused = true;
    this.transport.pause();
  }

  /**
   * What the frame at hand asks for has to be asked of a back end: takes no further frame until the answer has come.
   * @param again called before reading goes on, to carry the frame out once more; not if the connection has ended. It may not throw.
   * Left out: the reader has left the frame, and is given it again
   */
  awaitAnswer(pending: { whenKnown(done: () => void): void }, again: () => void = () => {}): void {
    if (this.finished || this.released) return;
    this.answers++;
    this.pause(ANSWER_AWAITED);
    pending.whenKnown(() => {
      this.answers--;
      if (this.finished || this.released) return;
      again();
      if (this.answers === 0) this.resume(ANSWER_AWAITED);
    });
  }

  /** A reason has gone. With the last one reading goes on, when the options say. Nothing happens if it did not hold. */
  resume(reason: number): void {
    if ((this.reasons & reason) === 0) return;
    this.reasons &= ~reason;
    if (this.reasons !== 0 || this.finished) return;
    this.reader.halted = false;
    if (this.atOnce) this.readOn();
    else this.turn.add(PHASE_GATHER, this);
  }

  /** The same, and reading goes on before this returns, whatever the options say: for a caller at a turn's end. */
  resumeNow(reason: number): void {
    if ((this.reasons & reason) === 0) return;
    this.reasons &= ~reason;
    if (this.reasons !== 0 || this.finished) return;
    this.reader.halted = false;
    this.readOn();
  }

  /**
   * Reads on now, and no reason counts any more: the connection is being closed, and what the client answers must be heard,
   * whatever was being waited for. Its turn is not waited for either.
   */
  release(): void {
    this.released = true;
    this.share.close();
    this.resumeNow(ALL_REASONS);
  }

  endOfTurn(): void {
    if (this.reasons === 0) this.readOn();
  }

  /** Nothing is read any more, and what was kept is forgotten. May be called from within `read`. */
  finish(): void {
    this.finished = true;
    this.reader.halted = true;
    this.forget();
    this.share.close();
  }

  /** Reads what was kept, then lets the transport go on. */
  private readOn(): void {
    // Within `read` the reader goes on by itself, and whoever has called it does the rest.
    if (this.reading || this.finished) return;
    const { kept, keptStart, keptEnd } = this;
    this.forget();
    this.read(kept, keptStart, keptEnd, true);
  }

  /** @param own the memory is the gate's: what is left of it can stay where it is, however often it has to wait */
  private read(buffer: Buffer, start: number, end: number, own: boolean): void {
    this.reading = true;
    try {
      const at = this.reader.read(buffer, start, end);
      if (at < end) this.keepRest(buffer, at, end, own);
      else if (own) giveBack(buffer);
    } catch (error) {
      this.reading = false;
      this.owner.readFailed(error);
      return;
    }
    this.reading = false;
    if (this.isFinished()) return;
    this.owner.chunkRead();
    if (this.reasons !== 0 || this.isFinished()) return;
    if (this.keptEnd > this.keptStart) {
      this.readOn(); // what came from within `read`, or the last reason went while the reader was stopping
    } else if (this.transportPaused) {
      this.transportPaused = false;
      this.transport.resume();
    }
  }

  /** Keeps what the reader has left: before whatever came while it read. */
  private keepRest(buffer: Buffer, start: number, end: number, own: boolean): void {
    if (this.finished) return;
    const { kept: later, keptStart, keptEnd } = this;
    if (own) {
      this.kept = buffer;
      this.keptStart = start;
      this.keptEnd = end;
    } else {
      this.forget();
      this.keep(buffer, start, end);
    }
    if (keptEnd > keptStart) this.keep(later, keptStart, keptEnd);
  }

  private keep(source: Buffer, start: number, end: number): void {
    const waiting = this.keptEnd - this.keptStart;
    const bytes = waiting + end - start;
    if (this.keptEnd + end - start > this.kept.length) {
      // The first rest is kept as it is; one that grows gets room for as much again.
      const grown = takeBuffer(waiting === 0 ? bytes : Math.max(bytes, 2 * waiting));
      this.kept.copy(grown, 0, this.keptStart, this.keptEnd);
      giveBack(this.kept);
      this.kept = grown;
      this.keptStart = 0;
      this.keptEnd = waiting;
    }
    source.copy(this.kept, this.keptEnd, start, end);
    this.keptEnd += end - start;
  }

  private forget(): void {
    this.kept = EMPTY;
    this.keptStart = 0;
    this.keptEnd = 0;
  }

  /** A method, since a call in between may have changed it. */
  private isFinished(): boolean {
    return this.finished;
  }
}

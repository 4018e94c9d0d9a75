/**
 * The write buffer of a connection: adapters write bytes straight into it while a turn lasts, and they leave in one write at
 * the end of the turn.
 *
 * Usage: `const at = output.reserve(n); const b = output.buffer; … b[at] = …` for exactly n bytes. `reserve` may change
 * `output.buffer`, so read it after the call. Nothing is allocated for a message that fits; an idle connection holds no
 * buffer.
 *
 * A long body is not copied where that can be helped (`appendBody`): it is written from where it lies, which stays as it is until
 * the bytes have left (`message/pinned-memory.ts`). Most writes are taken whole at once, and then nothing is pinned when the turn is
 * over.
 *
 *     buffer   head of one message ─┐          ┌─ head of the next, and so on
 *     written  [ head ][ body, where it lies ][ head … ]
 */
import { PHASE_WRITE, type Turn, type TurnTask } from '../clock/turn.ts';
import { giveBack, takeBuffer } from '../message/buffer-pool.ts';
import { type Pinnable, PinnedMemory, REFERENCED_BYTES_MIN } from '../message/pinned-memory.ts';

/** Where the bytes go. */
export interface OutputSink {
  /**
   * Takes all buffers, in order, in one write.
   * @param sent null, unless the sink `tellsSent`: to be called when the buffers are free, if they are not at once; again: no harm
   * @returns true if the bytes have left already and the buffers are free
   */
  writeAll(buffers: Buffer[], sent: (() => void) | null): boolean;
  /** `writeAll` calls `sent`. Default: it does not, and nothing is written from where it lies. */
  readonly tellsSent?: boolean;
  /** Bytes given to `writeAll` that have not left yet. */
  readonly unsentBytes: number;
}

/** The size of a write buffer; what is reserved in one piece may be larger, and gets a buffer of its own. */
export const WRITE_BUFFER_BYTES = 64 * 1024;
/**
 * The size of a connection's first buffer in a turn if it wrote no more than this in its last one: thousands that get a message
 * each must not take WRITE_BUFFER_BYTES each.
 */
const SMALL_BYTES = 2 * 1024;
/** Of the memory that a piece lies in, it is at least one part of so many where the client does not keep up: a longer one than 64 KiB of a block. */
const PINNED_PART = 16;
const NO_BUFFER = Buffer.alloc(0);
/** From so many bytes on it is worth a callback to get the memory back when the socket does not take all at once. */
const TOLD_BYTES_MIN = 32 * 1024;
/** Free buffers of the smaller size, shared by all connections; the others are the pool's (`message/buffer-pool.ts`). */
const smallPool: Buffer[] = [];
const SMALL_POOL_MAX = 4096;

export class Output implements TurnTask {
  inTurn = false;
  buffer: Buffer = NO_BUFFER;
  /** How many bytes of `buffer` are used. */
  length = 0;
  /** True while more than `congestedBytes` wait: queues stop handing deliveries to this connection. */
  congested = false;
  /** Bytes given to the sink, so far. */
  writtenBytes = 0;
  /** Called when `congested` goes back to false, never from inside `reserve`. */
  onDrained: () => void = () => {};
  /** Where in `buffer` the bytes begin that are in no piece of `filled`. */
  private from = 0;
  /** What is written before them, piece by piece. */
  private readonly filled: Buffer[] = [];
  private filledBytes = 0;
  /** Write buffers before `buffer` that pieces lie in. */
  private used: Buffer[] = [];
  /** Memory that pieces lie in which is not the output's. */
  private pins: PinnedMemory[] = [];
  private closed = false;
  /** The last turn's bytes would have fitted into a small buffer. */
  private smallLastTurn = true;
  private readonly sink: OutputSink;
  private readonly turn: Turn;
  private readonly congestedBytes: number;

  constructor(sink: OutputSink, turn: Turn, congestedBytes = 512 * 1024) {
    this.sink = sink;
    this.turn = turn;
    this.congestedBytes = congestedBytes;
  }

  /** Bytes that wait here and in the socket. */
  get pendingBytes(): number {
    return this.filledBytes + this.length - this.from + this.sink.unsentBytes;
  }

  get writeBytes(): number {
    return this.filledBytes + this.length - this.from;
  }

  /** Claims `n` bytes that lie together in `this.buffer`, and returns where they begin. */
  reserve(n: number): number {
    const at = this.length;
    if (at + n <= this.buffer.length) {
      this.length = at + n;
      if (at === 0) this.turn.addDelivery(PHASE_WRITE, this);
      return at;
    }
    return this.reserveSlow(n);
  }

  private reserveSlow(n: number): number {
    this.cut();
    if (this.length > 0 && !this.closed) this.used.push(this.buffer);
    if (this.smallLastTurn && n <= SMALL_BYTES && this.buffer.length === 0) {
      this.buffer = smallPool.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES);
    } else this.buffer = takeBuffer(n > WRITE_BUFFER_BYTES ? n : WRITE_BUFFER_BYTES);
    this.from = 0;
    this.length = n;
    this.turn.addDelivery(PHASE_WRITE, this);
    return 0;
  }

  /** What is in the buffer and in no piece becomes one. */
  private cut(): void {
    const { from, length } = this;
    if (length === from || this.closed) return;
    this.filled.push(length - from === this.buffer.length ? this.buffer : this.buffer.subarray(from, length));
    this.from = length;
    this.filledBytes += length - from;
    if (this.filledBytes > this.congestedBytes) this.congested = true;
  }

  /**
   * Adds a body that lies in `source[start, end)`: it is written from there if that pays, else copied.
   * @param memory what it lies in, if that stays as it is for as long as it is pinned. Null: the bytes are there for this call alone
   */
  appendBody(source: Buffer, start: number, end: number, memory: Pinnable | null): void {
    if (memory === null || end - start < REFERENCED_BYTES_MIN || !this.mayPin(memory.pinned(), end - start)) {
      this.append(source, start, end);
      return;
    }
    if (this.closed) return;
    const pinned = memory.pinned();
    pinned.hold();
    this.pins.push(pinned);
    this.cut();
    this.filled.push(source.subarray(start, end));
    this.filledBytes += end - start;
    if (this.filledBytes > this.congestedBytes) this.congested = true;
    this.turn.addDelivery(PHASE_WRITE, this);
  }

  /** A client that does not keep up would pin, for a few bytes, all that lies around them: for a good part of it, it may. */
  private mayPin(memory: PinnedMemory, bytes: number): boolean {
    const { sink } = this;
    if (sink.tellsSent !== true) return false;
    if (memory.shared) return true;
    if (sink.unsentBytes > 0 && bytes * PINNED_PART < memory.bytes) return false;
    if (!memory.exceeds) return true;
    PinnedMemory.refused++;
    return false;
  }

  /** Copies `source[start, end)` into the buffer, over several of them when it is long. */
  append(source: Buffer, start = 0, end = source.length): void {
    while (start < end) {
      const room = this.buffer.length - this.length;
      const n = Math.min(end - start, room > 0 ? room : WRITE_BUFFER_BYTES);
      const at = this.reserve(n);
      source.copy(this.buffer, at, start, start + n);
      start += n;
    }
  }

  /** Claims `text.length` bytes and writes `text`, which must be ASCII. */
  appendAscii(text: string): void {
    const at = this.reserve(text.length);
    this.buffer.latin1Write(text, at);
  }

  endOfTurn(): void {
    this.flush();
  }

  /** Hands everything to the sink in one write. Happens by itself at the end of a turn. */
  flush(): void {
    if (this.closed) {
      this.length = 0;
      this.from = 0;
    }
    this.cut();
    const { filled, filledBytes } = this;
    if (filled.length === 0) return;
    if (this.length > 0) this.used.push(this.buffer);
    this.writtenBytes += filledBytes;
    this.smallLastTurn = filledBytes <= SMALL_BYTES;
    const tells = this.sink.tellsSent === true && (filledBytes >= TOLD_BYTES_MIN || this.pins.length > 0);
    const { used, pins } = this;
    if (tells) this.writeTold(used, pins);
    else if (this.sink.writeAll(filled, null)) {
      for (const buffer of used) keep(buffer);
      used.length = 0;
    } else used.length = 0;
    filled.length = 0;
    this.filledBytes = 0;
    this.buffer = NO_BUFFER;
    this.length = 0;
    this.from = 0;
    if (this.sink.unsentBytes > this.congestedBytes) this.congested = true;
    else if (this.congested) this.drained();
  }

  /** Writes, and has the memory back when the bytes have left: at once, or later. */
  private writeTold(used: Buffer[], pins: PinnedMemory[]): void {
    let free = false;
    const sent = (): void => {
      if (free) return;
      free = true;
      for (const buffer of used) keep(buffer);
      for (const memory of pins) memory.release();
      used.length = 0;
      pins.length = 0;
    };
    if (this.sink.writeAll(this.filled, sent)) sent();
    else {
      this.used = [];
      this.pins = [];
    }
  }

  /** The sink calls this when its unsent bytes have gone down. */
  drained(): void {
    if (!this.congested || this.closed || this.pendingBytes > this.congestedBytes) return;
    this.congested = false;
    this.onDrained();
  }

  /** Drops what waits; every later `reserve` still works and goes nowhere. */
  close(): void {
    this.closed = true;
    this.filled.length = 0;
    this.filledBytes = 0;
    for (const memory of this.pins) memory.release();
    this.pins.length = 0;
    this.used.length = 0;
  }
}

/** This write buffer is free: its memory is used again, as another one, so that nobody takes what is in it for what was there. */
function keep({ buffer: memory, length }: Buffer): void {
  if (length > SMALL_BYTES) giveBack(Buffer.from(memory));
  else if (length === SMALL_BYTES && smallPool.length < SMALL_POOL_MAX) smallPool.push(Buffer.from(memory));
}

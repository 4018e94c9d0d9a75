/**
 * The write buffer of a connection: adapters write bytes straight into it while a turn lasts, and they leave in one write at
 * the end of the turn.
 *
 * Usage: `const at = output.reserve(n); const b = output.buffer; … b[at] = …` for exactly n bytes. `reserve` may change
 * `output.buffer`, so read it after the call. Nothing is allocated for a message that fits; an idle connection holds no
 * buffer.
 */
import { PHASE_WRITE, type Turn, type TurnTask } from '../clock/turn.ts';

/** Where the bytes go. */
export interface OutputSink {
  /** Takes all buffers, in order, in one write. Returns true if the bytes have left already and the buffers are free. */
  writeAll(buffers: Buffer[]): boolean;
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
const NO_BUFFER = Buffer.alloc(0);
/** Free buffers of either size, shared by all connections. */
const pool: Buffer[] = [];
const POOL_MAX = 256;
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
  private readonly filled: Buffer[] = [];
  private filledBytes = 0;
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
    return this.filledBytes + this.length + this.sink.unsentBytes;
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
    if (this.length > 0 && !this.closed) {
      this.filled.push(this.length === this.buffer.length ? this.buffer : this.buffer.subarray(0, this.length));
      this.filledBytes += this.length;
      if (this.filledBytes > this.congestedBytes) this.congested = true;
    }
    if (this.smallLastTurn && n <= SMALL_BYTES && this.buffer.length === 0) {
      this.buffer = smallPool.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES);
    } else
      this.buffer =
        n > WRITE_BUFFER_BYTES ? Buffer.allocUnsafeSlow(n) : (pool.pop() ?? Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES));
    this.length = n;
    this.turn.addDelivery(PHASE_WRITE, this);
    return 0;
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
    if (this.closed) this.length = 0;
    if (this.length === 0 && this.filled.length === 0) return;
    if (this.length > 0) this.filled.push(this.buffer.subarray(0, this.length));
    const bytes = this.filledBytes + this.length;
    this.writtenBytes += bytes;
    this.smallLastTurn = bytes <= SMALL_BYTES;
    const left = this.sink.writeAll(this.filled);
    if (left) for (const used of this.filled) keep(used);
    this.filled.length = 0;
    this.filledBytes = 0;
    this.buffer = NO_BUFFER;
    this.length = 0;
    if (this.sink.unsentBytes > this.congestedBytes) this.congested = true;
    else if (this.congested) this.drained();
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
  }
}

/** The memory behind these bytes has been written, and may be used again. */
function keep(used: Buffer): void {
  const memory = used.buffer;
  if (memory.byteLength === SMALL_BYTES) {
    if (smallPool.length < SMALL_POOL_MAX) smallPool.push(Buffer.from(memory));
  } else if (memory.byteLength === WRITE_BUFFER_BYTES && pool.length < POOL_MAX) pool.push(Buffer.from(memory));
}

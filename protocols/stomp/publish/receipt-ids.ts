/**
 * The ids of the receipts that a connection owes, in the order of the frames that asked for them: a queue of byte strings in
 * one buffer, because there may be one for every message.
 *
 *     2 bytes   n, little endian
 *     n bytes   the value of the `receipt` header as it came, escapes and all: it goes back as it came
 */
const START_BYTES = 1024;
const EMPTY = Buffer.alloc(0);

export class ReceiptIds {
  /** How many wait. */
  size = 0;
  /** Where the id that `shift` took lies in `buffer`; valid until the next `push`. */
  start = 0;
  end = 0;
  buffer: Buffer = EMPTY;
  private head = 0;
  private tail = 0;

  push(source: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.tail + 2 + length > this.buffer.length) this.makeRoom(2 + length);
    const buffer = this.buffer;
    let at = this.tail;
    buffer[at++] = length & 0xff;
    buffer[at++] = length >>> 8;
    for (let from = start; from < end; from++) buffer[at++] = source[from]!;
    this.tail = at;
    this.size++;
  }

  /** Takes the oldest out: `buffer[start, end)`. There must be one. */
  shift(): void {
    const length = this.buffer[this.head]! | (this.buffer[this.head + 1]! << 8);
    this.start = this.head + 2;
    this.end = this.start + length;
    this.head = this.end;
    if (--this.size === 0) {
      this.head = 0;
      this.tail = 0;
    }
  }

  private makeRoom(bytes: number): void {
    const used = this.tail - this.head;
    const old = this.buffer;
    // Only where at least half of it is free again is moving the rest to the front worth it.
    if (used + bytes > old.length / 2) {
      this.buffer = Buffer.allocUnsafeSlow(Math.max(START_BYTES, 2 * (used + bytes)));
    }
    old.copy(this.buffer, 0, this.head, this.tail);
    this.head = 0;
    this.tail = used;
  }
}

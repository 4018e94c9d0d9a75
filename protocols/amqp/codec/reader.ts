/**
 * Reads the fields of one method, header or table from a range of bytes. Every read is checked against the range's end;
 * what does not fit is a `SyntaxFault`. Bits that follow one another share octets, as the wire has them. [§4.2.5]
 */
import type { Headers } from '../../../src/message/properties.ts';
import { SyntaxFault } from './fault.ts';
import { readTable } from './table.ts';

const NOTHING = Buffer.alloc(0);

/** One reader is used again and again: `begin` points it at the next range. */
export class FieldReader {
  buffer: Buffer = NOTHING;
  at = 0;
  end = 0;
  private bits = 0;
  private bitsLeft = 0;

  begin(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.at = start;
    this.end = end;
    this.bitsLeft = 0;
    return this;
  }

  /** Claims `n` bytes and returns where they begin. */
  take(n: number): number {
    const at = this.at;
    if (n > this.end - at) throw new SyntaxFault(`${n} bytes wanted, ${this.end - at} left`);
    this.at = at + n;
    this.bitsLeft = 0;
    return at;
  }

  uint8(): number {
    return this.buffer[this.take(1)]!;
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  /** Exact up to 2^53; delivery tags are counted from 1, so a larger one can only be unknown. */
  uint64(): number {
    const at = this.take(8);
    return this.buffer.readUInt32BE(at) * 0x1_0000_0000 + this.buffer.readUInt32BE(at + 4);
  }

  bit(): boolean {
    if (this.bitsLeft === 0) {
      this.bits = this.uint8();
      this.bitsLeft = 8;
    }
    const bit = (this.bits & 1) === 1;
    this.bits >>= 1;
    this.bitsLeft--;
    return bit;
  }

  shortString(): string {
    const length = this.uint8();
    const at = this.take(length);
    return this.buffer.utf8Slice(at, at + length);
  }

  /** A copy. */
  longBytes(): Buffer {
    const length = this.uint32();
    const at = this.take(length);
    return Buffer.from(this.buffer.subarray(at, at + length));
  }

  longString(): string {
    const length = this.uint32();
    const at = this.take(length);
    return this.buffer.utf8Slice(at, at + length);
  }

  table(): Headers {
    const length = this.uint32();
    const at = this.take(length);
    return readTable(this.buffer, at, at + length);
  }
}

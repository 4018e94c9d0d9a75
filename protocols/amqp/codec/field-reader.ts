/**
 * Reads the fields of one method, header or table from a range of bytes. Every read is checked against the range's end;
 * what does not fit is a `FieldsFault`, and so is what is left over (`finish`). Bits that follow one another share octets, as the wire has
 * them. [§4.2.5]
 */
import { isUtf8 } from 'node:buffer';
import type { Headers } from '../../../src/api/index.ts';
import { FieldsFault, TextFault } from './faults.ts';
import { readTable } from './table.ts';

const NOTHING = Buffer.alloc(0);

/** One reader is used again and again: `begin` points it at the next range. */
export class FieldReader {
  buffer: Buffer = NOTHING;
  at = 0;
  end = 0;
  private from = 0;
  private octet = 0;
  private bitsLeft = 0;

  begin(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.from = start;
    this.at = start;
    this.end = end;
    this.bitsLeft = 0;
    return this;
  }

  /** Claims `n` bytes and returns where they begin. */
  take(n: number): number {
    const at = this.at;
    if (n > this.end - at) throw new FieldsFault(this.buffer, this.from, this.end);
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
      this.octet = this.uint8();
      this.bitsLeft = 8;
    }
    const bit = (this.octet & 1) === 1;
    this.octet >>= 1;
    this.bitsLeft--;
    return bit;
  }

  /** Passes over `n` bits. */
  bits(n: number): void {
    for (let i = 0; i < n; i++) this.bit();
  }

  shortString(): string {
    const length = this.uint8();
    const at = this.take(length);
    const text = this.buffer.utf8Slice(at, at + length);
    if (!isAscii(this.buffer, at, at + length) && !isUtf8(this.buffer.subarray(at, at + length))) throw new TextFault();
    return text;
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

  /** Everything has been read: more is as wrong as less. */
  finish(): void {
    if (this.at !== this.end) throw new FieldsFault(this.buffer, this.from, this.end);
  }

  table(): Headers {
    const length = this.uint32();
    const at = this.take(length);
    return readTable(this.buffer, at, at + length);
  }
}

function isAscii(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (buffer[i]! > 0x7f) return false;
  return true;
}

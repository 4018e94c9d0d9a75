/** The writer of MQTT 5.0's properties [section 2.2.2]. */
import { writeText } from '../../../../src/api/index.ts';
import { writeVarint } from '../fields.ts';
import { BYTE, TYPES, U16, USER_PROPERTY, VARINT } from './property-table.ts';

const ROOM = 256;

/** Gathers properties as bytes. Used again and again: `clear`, then add; `bytes` is `buffer[0, length)`. */
export class PropertyWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(ROOM);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  integer(id: number, value: number): void {
    const type = TYPES[id]!;
    this.room(5);
    this.buffer[this.length++] = id;
    if (type === VARINT) {
      this.length = writeVarint(this.buffer, this.length, value);
      return;
    }
    for (let shift = type === BYTE ? 0 : type === U16 ? 8 : 24; shift >= 0; shift -= 8) {
      this.buffer[this.length++] = value >>> shift;
    }
  }

  /** A text or a binary. False if it is longer than a field can be: then nothing is written. */
  field(id: number, value: string | Buffer): boolean {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    if (bytes.length > 0xffff) return false;
    this.room(3 + bytes.length);
    this.buffer[this.length++] = id;
    this.put(bytes);
    return true;
  }

  /** A user property. False if either part is too long: then nothing is written. */
  pair(name: string, value: string): boolean {
    const before = this.length;
    // As much as it can be: three bytes a unit of UTF-16.
    this.room(5 + 3 * (name.length + value.length));
    this.buffer[this.length++] = USER_PROPERTY;
    if (this.putText(name) && this.putText(value)) return true;
    this.length = before;
    return false;
  }

  /** Properties that are bytes already. */
  raw(source: Buffer, start: number, end: number): void {
    this.room(end - start);
    source.copy(this.buffer, this.length, start, end);
    this.length += end - start;
  }

  /** There is room for it. False if it is too long. */
  private putText(text: string): boolean {
    const bytes = writeText(this.buffer, this.length + 2, text);
    if (bytes > 0xffff) return false;
    this.buffer[this.length++] = bytes >>> 8;
    this.buffer[this.length++] = bytes;
    this.length += bytes;
    return true;
  }

  private put(bytes: Buffer): void {
    this.buffer[this.length++] = bytes.length >>> 8;
    this.buffer[this.length++] = bytes.length;
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.length + bytes, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

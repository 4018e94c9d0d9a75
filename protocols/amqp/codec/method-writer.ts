/**
 * Builds one method frame of the kind that is sent now and then: replies, closes, cancels. Deliveries and confirms are
 * written straight into the output (`frame-writer.ts`).
 */
import { ByteSink, type Headers } from '../../../src/api/index.ts';
import { FRAME_END, FRAME_METHOD } from './constants.ts';
import { writeTable } from './table-writer.ts';

export class MethodWriter {
  private readonly sink = new ByteSink();
  private bitsAt = -1;
  private bitCount = 0;

  /** Starts a frame for `channel`; `method` is class and method in one number. */
  begin(channel: number, method: number): this {
    this.sink.clear();
    this.bitsAt = -1;
    const at = this.sink.reserve(11);
    const buffer = this.sink.buffer;
    buffer[at] = FRAME_METHOD;
    buffer.writeUInt16BE(channel, at + 1);
    buffer.writeUInt32BE(method, at + 7);
    return this;
  }

  uint8(value: number): this {
    this.bitsAt = -1;
    this.sink.byte(value);
    return this;
  }

  uint16(value: number): this {
    this.bitsAt = -1;
    const at = this.sink.reserve(2);
    this.sink.buffer.writeUInt16BE(value, at);
    return this;
  }

  uint32(value: number): this {
    this.bitsAt = -1;
    const at = this.sink.reserve(4);
    this.sink.buffer.writeUInt32BE(value, at);
    return this;
  }

  /** Bits that follow one another share octets. */
  bit(value: boolean): this {
    if (this.bitsAt < 0 || this.bitCount === 8) {
      this.bitsAt = this.sink.reserve(1);
      this.sink.buffer[this.bitsAt] = 0;
      this.bitCount = 0;
    }
    if (value) this.sink.buffer[this.bitsAt]! |= 1 << this.bitCount;
    this.bitCount++;
    return this;
  }

  /** Cut to 255 bytes, between two characters. */
  shortString(text: string): this {
    this.bitsAt = -1;
    const bytes = Buffer.from(text, 'utf8');
    let length = bytes.length;
    if (length > 255) {
      length = 255;
      while (length > 0 && (bytes[length]! & 0xc0) === 0x80) length--;
    }
    this.sink.byte(length);
    this.sink.append(bytes.subarray(0, length));
    return this;
  }

  longString(text: string): this {
    return this.longBytes(Buffer.from(text, 'utf8'));
  }

  longBytes(bytes: Buffer): this {
    this.bitsAt = -1;
    this.uint32(bytes.length);
    this.sink.append(bytes);
    return this;
  }

  table(headers: Headers): this {
    this.bitsAt = -1;
    writeTable(this.sink, headers);
    return this;
  }

  /** The whole frame, valid until the next `begin`. */
  end(): Buffer {
    const at = this.sink.reserve(1);
    this.sink.buffer[at] = FRAME_END;
    this.sink.buffer.writeUInt32BE(at - 7, 3);
    return this.sink.buffer.subarray(0, at + 1);
  }
}

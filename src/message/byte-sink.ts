import { bytesOf, isText, writeText } from './text.ts';

/** A byte array that grows: for what is encoded off the hot path. */
export class ByteSink {
  buffer = Buffer.allocUnsafe(512);
  length = 0;

  /** Claims `n` bytes and returns where they begin in `buffer`, which is another one afterwards if they did not fit. */
  reserve(n: number): number {
    const at = this.length;
    if (at + n > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(at + n, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, at);
      this.buffer = grown;
    }
    this.length = at + n;
    return at;
  }

  byte(value: number): void {
    const at = this.reserve(1);
    this.buffer[at] = value;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** The bytes of a text (`bytesOf`); returns how many they are. */
  text(text: string): number {
    if (!isText(text)) {
      const bytes = bytesOf(text);
      this.append(bytes);
      return bytes.length;
    }
    const at = this.reserve(3 * text.length);
    const bytes = writeText(this.buffer, at, text);
    this.length = at + bytes;
    return bytes;
  }

  /** Starts over; a buffer that a giant has blown up is let go. */
  clear(): void {
    this.length = 0;
    if (this.buffer.length > 64 * 1024) this.buffer = Buffer.allocUnsafe(512);
  }
}

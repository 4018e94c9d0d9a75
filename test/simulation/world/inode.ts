/** A file of the simulated disk: its bytes as a process sees them, and as a crash that keeps nothing unsynced leaves them. */

export interface Write {
  readonly position: number;
  readonly bytes: Buffer;
}

export class Inode {
  bytes: Buffer = Buffer.alloc(0);
  length = 0;
  /** What a crash that keeps nothing unsynced leaves. */
  safe: Buffer = Buffer.alloc(0);
  safeLength = 0;
  unsynced: Write[] = [];

  write(position: number, bytes: Buffer): void {
    this.bytes = grown(this.bytes, position + bytes.length);
    bytes.copy(this.bytes, position);
    this.length = Math.max(this.length, position + bytes.length);
  }

  persist(position: number, bytes: Buffer): void {
    this.safe = grown(this.safe, position + bytes.length);
    bytes.copy(this.safe, position);
    this.safeLength = Math.max(this.safeLength, position + bytes.length);
  }

  truncate(length: number): void {
    if (length < this.length) this.bytes.fill(0, length, this.length);
    if (length < this.safeLength) this.safe.fill(0, length, this.safeLength);
    this.length = length;
    this.safeLength = Math.min(this.safeLength, length);
    // Of a write across the cut, what is left is still to be synced.
    this.unsynced = this.unsynced
      .filter(({ position }) => position < length)
      .map((write) => {
        const left = length - write.position;
        return write.bytes.length <= left ? write : { ...write, bytes: write.bytes.subarray(0, left) };
      });
  }
}

function grown(buffer: Buffer, length: number): Buffer {
  if (length <= buffer.length) return buffer;
  const larger = Buffer.alloc(Math.max(length, buffer.length * 2, 4096));
  buffer.copy(larger);
  return larger;
}

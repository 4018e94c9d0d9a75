/**
 * Frames from a server to a client (RFC 6455, 5.2), written one behind the other into one buffer, so that a turn's messages
 * leave in one write, however many they are.
 *
 *      +-+-+-+-+-------+-+-------------+-------------------------------+----------
 *      |F|0 0 0|opcode |0| length, 126 |  length, 16 or 64 bits        | payload …
 *      +-+-+-+-+-------+-+-------------+-------------------------------+----------
 */
export const OP_CONTINUATION = 0;
export const OP_TEXT = 1;
export const OP_BINARY = 2;
const FIN = 0x80;
const NOTHING = Buffer.alloc(0);
/** Up to here Node's own pool serves. */
const SMALL_BYTES = 2 * 1024;
/** A full write buffer with the headers of all but the smallest packets. */
const POOLED_BYTES = 96 * 1024;
const POOL_MAX = 64;
const pool: Buffer[] = [];

export class FrameList {
  /** What the frames take up, headers included. */
  bytes = 0;
  /** By three: first byte of the header, start and end of the payload. */
  private readonly parts: number[] = [];

  add(opcode: number, fin: boolean, start: number, end: number): void {
    this.parts.push(fin ? FIN | opcode : opcode, start, end);
    this.bytes += headerBytes(end - start) + end - start;
  }

  /** Writes all of them, payloads from `source`, and forgets them. */
  write(source: Buffer): Buffer {
    const { bytes, parts } = this;
    if (bytes === 0) return NOTHING;
    const target = bytes <= SMALL_BYTES ? Buffer.allocUnsafe(bytes) : largeBuffer(bytes);
    let at = 0;
    for (let i = 0; i < parts.length; i += 3) {
      const start = parts[i + 1]!;
      const end = parts[i + 2]!;
      at = writeHeader(target, at, parts[i]!, end - start);
      source.copy(target, at, start, end);
      at += end - start;
    }
    parts.length = 0;
    this.bytes = 0;
    return target.length === bytes ? target : target.subarray(0, bytes);
  }
}

function largeBuffer(bytes: number): Buffer {
  if (bytes > POOLED_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return pool.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
}

/** These frames have left, and the memory behind them may be used again. */
export function reuse(frames: Buffer): void {
  const memory = frames.buffer;
  if (memory.byteLength === POOLED_BYTES && pool.length < POOL_MAX) pool.push(Buffer.from(memory));
}

function headerBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

function writeHeader(target: Buffer, at: number, first: number, length: number): number {
  target[at] = first;
  if (length < 126) {
    target[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    target[at + 1] = 126;
    target[at + 2] = length >>> 8;
    target[at + 3] = length;
    return at + 4;
  }
  target[at + 1] = 127;
  target.writeUInt32BE(Math.floor(length / 0x1_0000_0000), at + 2);
  target.writeUInt32BE(length >>> 0, at + 6);
  return at + 10;
}

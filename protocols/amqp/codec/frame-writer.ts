/** Frames written straight into a buffer: no object, one `reserve` for as many bytes as are needed. */

/** Below this many bytes a loop beats a native copy. */
const LOOP_BYTES = 48;

/** Writes a frame's first seven bytes: type, channel, payload size. Returns where the payload begins. [§4.2.3] */
export function frameHead(b: Buffer, at: number, type: number, channel: number, size: number): number {
  b[at] = type;
  b[at + 1] = channel >>> 8;
  b[at + 2] = channel & 0xff;
  b[at + 3] = size >>> 24;
  b[at + 4] = (size >>> 16) & 0xff;
  b[at + 5] = (size >>> 8) & 0xff;
  b[at + 6] = size & 0xff;
  return at + 7;
}

/** Writes a big-endian u32; returns where it ends. */
export function u32(b: Buffer, at: number, value: number): number {
  b[at] = value >>> 24;
  b[at + 1] = (value >>> 16) & 0xff;
  b[at + 2] = (value >>> 8) & 0xff;
  b[at + 3] = value & 0xff;
  return at + 4;
}

/** Writes a whole number up to 2^53 as a big-endian u64; returns where it ends. */
export function u64(b: Buffer, at: number, value: number): number {
  const high = value <= 0xffff_ffff ? 0 : Math.floor(value / 0x1_0000_0000);
  return u32(b, u32(b, at, high), value >>> 0);
}

/** Copies `source[start, end)` to `b[at …)`; returns where it ends. */
export function put(b: Buffer, at: number, source: Buffer, start: number, end: number): number {
  const n = end - start;
  if (n < LOOP_BYTES) for (let i = 0; i < n; i++) b[at + i] = source[start + i]!;
  else source.copy(b, at, start, end);
  return at + n;
}

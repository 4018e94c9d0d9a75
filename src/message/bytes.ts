/**
 * Moving and comparing short byte ranges. A native call costs more than a short loop: the crossing lies near 48 bytes.
 */
const LOOP_BYTES_MAX = 48;

/** Where something lies in a buffer; used again and again. */
export class ByteRange {
  start = 0;
  end = 0;
}

/** Copies `source[start, end)` to `target` at `at`; returns where it ended. */
export function copyBytes(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  const n = end - start;
  if (n <= LOOP_BYTES_MAX) {
    for (let i = 0; i < n; i++) target[at + i] = source[start + i]!;
  } else {
    source.copy(target, at, start, end);
  }
  return at + n;
}

/** Whether `a[aStart, aEnd)` and `b[bStart, bEnd)` are the same. */
export function equalRanges(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): boolean {
  const n = aEnd - aStart;
  if (bEnd - bStart !== n) return false;
  if (n > 2 * LOOP_BYTES_MAX) return a.compare(b, bStart, bEnd, aStart, aEnd) === 0;
  // From the end: names that differ mostly do so there.
  for (let i = n - 1; i >= 0; i--) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** Whether `whole` has exactly the bytes `buffer[start, end)`. */
export function equalsBytes(whole: Buffer, buffer: Buffer, start: number, end: number): boolean {
  const n = end - start;
  if (whole.length !== n) return false;
  if (n > 2 * LOOP_BYTES_MAX) return whole.compare(buffer, start, end) === 0;
  for (let i = 0; i < n; i++) if (whole[i] !== buffer[start + i]) return false;
  return true;
}

export function writeU16(target: Buffer, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
}

export function writeU32(target: Buffer, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

/** 48 bits, little endian: sequence numbers and times. */
export function writeU48(target: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  writeU32(target, at, value >>> 0);
  target[at + 4] = high;
  target[at + 5] = high >>> 8;
}

export function readU16(source: Buffer, at: number): number {
  return source[at]! | (source[at + 1]! << 8);
}

export function readU32(source: Buffer, at: number): number {
  return (source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24)) >>> 0;
}

export function readU48(source: Buffer, at: number): number {
  return readU32(source, at) + (source[at + 4]! | (source[at + 5]! << 8)) * 0x1_0000_0000;
}

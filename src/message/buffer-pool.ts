/**
 * Memory for bytes that are gathered, staged or wait to leave: taken from a pool of a few sizes, and given back.
 *
 * What is allocated for each large message and left to the garbage collector makes that run every few dozen megabytes, beside
 * the broker on the machine's other processor: it cost more than all that a large body needs otherwise.
 *
 * Giving back is never required: what is lost with a connection goes as any memory does. Giving back twice, or while somebody may
 * still read, would hand one piece of memory to two owners.
 */

/** Sizes are powers of two from 8 KiB to 512 KiB. */
const SMALLEST_BITS = 13;
const LARGEST_BITS = 19;
/** Below this a buffer is cheaper made than kept. */
const POOLED_BYTES_MIN = 1 << (SMALLEST_BITS - 1);
const POOLED_BYTES_MAX = 1 << LARGEST_BITS;
/** Free memory that is kept. */
const FREE_BYTES_MAX = 16 * 1024 * 1024;

const free: Buffer[][] = Array.from({ length: LARGEST_BITS - SMALLEST_BITS + 1 }, () => []);
let freeBytes = 0;

/** At least `bytes` of memory, with anything in it. Above 512 KiB it is exactly as large, and not used again. */
export function takeBuffer(bytes: number): Buffer {
  if (bytes <= POOLED_BYTES_MIN || bytes > POOLED_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
  const sizeClass = classOf(bytes);
  const kept = free[sizeClass]!.pop();
  if (kept === undefined) return Buffer.allocUnsafeSlow(1 << (sizeClass + SMALLEST_BITS));
  freeBytes -= kept.length;
  return kept;
}

/** Nobody reads or writes these bytes any more. Memory that does not come from `takeBuffer` is passed over. */
export function giveBack(buffer: Buffer): void {
  const bytes = buffer.length;
  if (bytes <= POOLED_BYTES_MIN || bytes > POOLED_BYTES_MAX || (bytes & (bytes - 1)) !== 0) return;
  if (buffer.buffer.byteLength !== bytes || freeBytes + bytes > FREE_BYTES_MAX) return;
  freeBytes += bytes;
  free[classOf(bytes)]!.push(buffer);
}

function classOf(bytes: number): number {
  return Math.max(0, 32 - Math.clz32(bytes - 1) - SMALLEST_BITS);
}

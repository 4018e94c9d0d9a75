/** `buffer[start, end)` as a copy in which `bytes` stand for what lies at `[from, to)`. */
export function replaced(buffer: Buffer, start: number, end: number, from: number, to: number, bytes: Buffer): Buffer {
  return Buffer.concat([buffer.subarray(start, from), bytes, buffer.subarray(to, end)]);
}

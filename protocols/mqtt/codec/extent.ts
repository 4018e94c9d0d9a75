/** How long the control packet that begins at `start` is, fixed header included; 0 if that cannot be told from `buffer[start, end)`. */
export function packetExtent(buffer: Buffer, start: number, end: number): number {
  let remaining = 0;
  for (let at = start + 1, shift = 0; at < end && shift < 28; at++, shift += 7) {
    const byte = buffer[at]!;
    remaining |= (byte & 0x7f) << shift;
    if (byte < 0x80) return at + 1 - start + remaining;
  }
  return 0;
}

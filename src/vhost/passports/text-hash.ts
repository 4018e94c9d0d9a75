/** A number for a text: 52 bits, never 0, the same in every process. */
export function textHash(text: string): number {
  let low = 0x811c9dc5;
  let high = 0xcbf29ce4;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ (unit + i), 0x85ebca6b);
    high ^= high >>> 13;
  }
  return ((high >>> 0) & 0xf_ffff) * 0x1_0000_0000 + (low >>> 0) + 1;
}

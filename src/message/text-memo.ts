/**
 * Texts that come again and again, as names of groups and tenants do, found by their bytes: so that none is made anew, and none has to be
 * hashed again where it is looked up. Of two that fall together the later stays.
 */
const SLOTS = 1 << 14;
/** Longer ones are made each time. */
const BYTES_MAX = 64;

export class TextMemo {
  private readonly hashes = new Int32Array(SLOTS);
  private readonly texts: string[] = new Array<string>(SLOTS).fill('');

  /** The text of `bytes[start, end)` if all of it is ASCII and it is short; undefined otherwise. */
  ascii(bytes: Buffer, start: number, end: number): string | undefined {
    const length = end - start;
    if (length > BYTES_MAX) return undefined;
    let hash = length;
    let all = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      all |= byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (all > 0x7f) return undefined;
    hash ^= hash >>> 15;
    const slot = hash & (SLOTS - 1);
    const known = this.texts[slot]!;
    if (this.hashes[slot] === hash && known.length === length && says(known, bytes, start)) return known;
    const text = bytes.latin1Slice(start, end);
    this.hashes[slot] = hash;
    this.texts[slot] = text;
    return text;
  }
}

function says(text: string, bytes: Buffer, start: number): boolean {
  for (let i = text.length - 1; i >= 0; i--) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

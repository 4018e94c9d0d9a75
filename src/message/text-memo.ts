/**
 * Texts that come again and again, as names of groups and tenants do, found by their bytes: so that none is made anew, and none has to be
 * hashed again where it is looked up. Of more than four that fall together some are made each time.
 */
const SETS = 1 << 14;
const WAYS = 4;
/** Longer ones are made each time. */
const BYTES_MAX = 64;

export class TextMemo {
  /** Made with the first text. */
  private hashes = new Int32Array(0);
  private texts: string[] = [];
  private next = 0;

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
    if (this.texts.length === 0) this.begin();
    const { hashes, texts } = this;
    const first = (hash & (SETS - 1)) * WAYS;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (hashes[slot] !== hash) continue;
      const known = texts[slot]!;
      if (known.length === length && says(known, bytes, start)) return known;
    }
    const text = bytes.latin1Slice(start, end);
    const slot = first + this.placeIn(first);
    hashes[slot] = hash;
    texts[slot] = text;
    return text;
  }

  private begin(): void {
    this.hashes = new Int32Array(SETS * WAYS);
    this.texts = new Array<string>(SETS * WAYS).fill('');
  }

  private placeIn(first: number): number {
    for (let way = 0; way < WAYS; way++) if (this.texts[first + way] === '') return way;
    return this.next++ & (WAYS - 1);
  }
}

function says(text: string, bytes: Buffer, start: number): boolean {
  for (let i = text.length - 1; i >= 0; i--) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

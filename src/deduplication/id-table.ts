/**
 * Where ids lie: a hash table of places, open and linear, in one typed array. A hash lies beside its place, so that what is not there
 * costs one line of memory, however many ids there are.
 */
import { randomInt } from 'node:crypto';

/** Nobody outside can foresee which ids fall together: what two ids differ in is multiplied by a secret number before more comes to it. */
const SEED = randomInt(0x7fff_ffff);
const FIRST = (randomInt(0x7fff_ffff) << 1) | 1;
const SECOND = (randomInt(0x7fff_ffff) << 1) | 1;

/** Of `bytes[start, end)`. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(hash ^ word, FIRST);
    hash = Math.imul(hash ^ (hash >>> 15), SECOND);
  }
  for (; at < end; at++) {
    hash = Math.imul(hash ^ bytes[at]!, FIRST);
    hash = Math.imul(hash ^ (hash >>> 15), SECOND);
  }
  hash = Math.imul(hash ^ (hash >>> 15), FIRST);
  return hash ^ (hash >>> 13);
}

export class IdTable {
  /** By twos: a hash; a place and one more, or 0 where there is nothing. */
  private readonly cells: Int32Array;
  private readonly mask: number;

  /** @param places how many there are: a power of two */
  constructor(places: number) {
    this.cells = new Int32Array(places * 4);
    this.mask = places * 2 - 1;
  }

  /** The first cell that may have an id of this hash. */
  home(hash: number): number {
    return hash & this.mask;
  }

  /** The cell behind this one. */
  after(cell: number): number {
    return (cell + 1) & this.mask;
  }

  /** The next cell from `cell` on with this hash; -1: there is none. */
  next(cell: number, hash: number): number {
    const { cells, mask } = this;
    for (let at = cell; cells[2 * at + 1] !== 0; at = (at + 1) & mask) if (cells[2 * at] === hash) return at;
    return -1;
  }

  placeIn(cell: number): number {
    return this.cells[2 * cell + 1]! - 1;
  }

  /** It is not there yet. */
  add(place: number, hash: number): void {
    const { cells, mask } = this;
    let at = hash & mask;
    while (cells[2 * at + 1] !== 0) at = (at + 1) & mask;
    cells[2 * at] = hash;
    cells[2 * at + 1] = place + 1;
  }

  remove(place: number, hash: number): void {
    const { cells, mask } = this;
    let gap = hash & mask;
    while (cells[2 * gap + 1] !== place + 1) gap = (gap + 1) & mask;
    // Those behind it that could not lie where they belong move up.
    for (let at = (gap + 1) & mask; cells[2 * at + 1] !== 0; at = (at + 1) & mask) {
      const home = cells[2 * at]! & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      cells[2 * gap] = cells[2 * at]!;
      cells[2 * gap + 1] = cells[2 * at + 1]!;
      gap = at;
    }
    cells[2 * gap + 1] = 0;
  }
}

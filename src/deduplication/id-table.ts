/**
 * Where ids lie: a hash table of places, open and linear, in two typed arrays. A map of a hundred thousand texts costs a lookup several
 * hundred nanoseconds; this costs one line of memory.
 */
import { randomInt } from 'node:crypto';

/** Nobody outside can foresee which ids fall together. */
const SEED = randomInt(0x7fff_ffff);

export function hashOf(id: string): number {
  let hash = SEED;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

export class IdTable {
  /** A place and one more; 0: nothing. */
  private readonly cells: Int32Array;
  /** By place. */
  private readonly hashes: Int32Array;
  private readonly mask: number;

  /** @param places how many there are: a power of two */
  constructor(places: number) {
    this.cells = new Int32Array(places * 2);
    this.hashes = new Int32Array(places);
    this.mask = places * 2 - 1;
  }

  /** The place of an id; -1: it is not there. @param ids by place */
  find(id: string, hash: number, ids: readonly (string | undefined)[]): number {
    const { cells, hashes, mask } = this;
    for (let at = hash & mask; cells[at] !== 0; at = (at + 1) & mask) {
      const place = cells[at]! - 1;
      if (hashes[place] === hash && ids[place] === id) return place;
    }
    return -1;
  }

  /** It is not there yet. */
  add(place: number, hash: number): void {
    const { cells, mask } = this;
    let at = hash & mask;
    while (cells[at] !== 0) at = (at + 1) & mask;
    cells[at] = place + 1;
    this.hashes[place] = hash;
  }

  hashAt(place: number): number {
    return this.hashes[place]!;
  }

  remove(place: number): void {
    const { cells, hashes, mask } = this;
    let gap = hashes[place]! & mask;
    while (cells[gap] !== place + 1) gap = (gap + 1) & mask;
    // Those behind it that could not lie where they belong move up.
    for (let at = (gap + 1) & mask; cells[at] !== 0; at = (at + 1) & mask) {
      const home = hashes[cells[at]! - 1]! & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      cells[gap] = cells[at]!;
      gap = at;
    }
    cells[gap] = 0;
  }
}

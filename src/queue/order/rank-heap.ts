/**
 * A heap of things by their ranks, the lowest first. Ranks and places lie in typed arrays beside each other: among ten thousand things a step looks at none
 * of them, which would be a line of memory each.
 *
 * ```
 *  handle ──▶ places ──▶ ranks, handles (the heap) ──▶ things
 * ```
 *
 * One thing alone, as most heaps have, costs no arrays.
 */
const NO_RANKS = new Float64Array(0);
const NO_NUMBERS = new Int32Array(0);
const ROOM_MIN = 4;

export class RankHeap<T> {
  size = 0;
  /** The one there is, while there are no arrays. */
  private only: T | undefined = undefined;
  private onlyRank = 0;
  /** In the order of the heap. */
  private ranks = NO_RANKS;
  private handles = NO_NUMBERS;
  /** By handle: where it is in the heap; -1 for a handle that is not in use. */
  private places = NO_NUMBERS;
  private readonly things: (T | undefined)[] = [];
  private readonly free: number[] = [];

  /** The one with the lowest rank. */
  get first(): T | undefined {
    if (this.ranks.length === 0) return this.only;
    return this.size === 0 ? undefined : this.things[this.handles[0]!];
  }

  /** Its rank; only if there is one. */
  get firstRank(): number {
    return this.ranks.length === 0 ? this.onlyRank : this.ranks[0]!;
  }

  /** Returns its handle. */
  add(thing: T, rank: number): number {
    if (this.ranks.length === 0) {
      if (this.size === 0) {
        this.size = 1;
        this.only = thing;
        this.onlyRank = rank;
        return 0;
      }
      this.begin();
    }
    const handle = this.free.pop() ?? this.things.length;
    if (this.size === this.ranks.length) this.grow();
    this.things[handle] = thing;
    this.rise(this.size++, handle, rank);
    return handle;
  }

  /** The one that is there gets the handle that it has been given. */
  private begin(): void {
    this.grow();
    this.things.push(this.only);
    this.put(0, 0, this.onlyRank);
    this.only = undefined;
  }

  remove(handle: number): void {
    this.size--;
    if (this.ranks.length === 0) {
      this.only = undefined;
      return;
    }
    const at = this.places[handle]!;
    this.places[handle] = -1;
    this.things[handle] = undefined;
    this.free.push(handle);
    const { size } = this;
    if (at !== size) this.settle(at, this.handles[size]!, this.ranks[size]!);
  }

  /** It has another rank now. */
  change(handle: number, rank: number): void {
    if (this.ranks.length === 0) this.onlyRank = rank;
    else this.settle(this.places[handle]!, handle, rank);
  }

  private settle(at: number, handle: number, rank: number): void {
    if (at > 0 && this.ranks[(at - 1) >> 1]! > rank) this.rise(at, handle, rank);
    else this.sink(at, handle, rank);
  }

  private rise(from: number, handle: number, rank: number): void {
    const { ranks } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = ranks[parent]!;
      if (above <= rank) break;
      this.put(at, this.handles[parent]!, above);
      at = parent;
    }
    this.put(at, handle, rank);
  }

  private sink(from: number, handle: number, rank: number): void {
    const { ranks, size } = this;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && ranks[child + 1]! < ranks[child]!) child++;
      const below = ranks[child]!;
      if (below >= rank) break;
      this.put(at, this.handles[child]!, below);
      at = child;
    }
    this.put(at, handle, rank);
  }

  private put(at: number, handle: number, rank: number): void {
    this.ranks[at] = rank;
    this.handles[at] = handle;
    this.places[handle] = at;
  }

  private grow(): void {
    const room = Math.max(ROOM_MIN, 2 * this.ranks.length);
    const ranks = new Float64Array(room);
    ranks.set(this.ranks);
    this.ranks = ranks;
    const handles = new Int32Array(room);
    handles.set(this.handles);
    this.handles = handles;
    const places = new Int32Array(room).fill(-1);
    places.set(this.places);
    this.places = places;
  }
}

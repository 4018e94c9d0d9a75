/**
 * A pool of lanes that could give something now: tenant by tenant, the one first that was served longest ago, and of a tenant's
 * lanes the one whose next message is the most urgent or the oldest.
 *
 * Both are heaps. A tenant's time only goes up, and may do so by way of another pool: its place is put right when it gets to the
 * top.
 */
import type { Lane, LaneQueue, Tenant } from './lane.ts';

/** Lanes by the ranks of their first messages. */
export class LaneHeap implements LaneQueue {
  readonly tenant: Tenant;
  /** When its tenant was served last, as far as this pool knows. */
  stamp: number;
  /** Its place among its pool's. */
  turn = 0;
  readonly pool: LanePool;
  private readonly lanes: Lane[] = [];

  constructor(tenant: Tenant, pool: LanePool) {
    this.tenant = tenant;
    this.pool = pool;
    this.stamp = tenant.served;
  }

  get size(): number {
    return this.lanes.length;
  }

  get first(): Lane | undefined {
    return this.lanes[0];
  }

  add(lane: Lane): void {
    lane.heap = this;
    this.lanes.push(lane);
    this.rise(this.lanes.length - 1, lane);
  }

  remove(lane: Lane): void {
    const { at } = lane;
    lane.heap = null;
    lane.at = -1;
    const last = this.lanes.pop()!;
    if (last !== lane) this.settle(at, last);
    if (this.lanes.length === 0) this.pool.emptied(this);
  }

  /** Its rank has changed. */
  moved(lane: Lane): void {
    this.settle(lane.at, lane);
  }

  private settle(at: number, lane: Lane): void {
    if (at > 0 && this.lanes[(at - 1) >> 1]!.rank > lane.rank) this.rise(at, lane);
    else this.sink(at, lane);
  }

  private rise(from: number, lane: Lane): void {
    const { lanes } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = lanes[parent]!;
      if (above.rank <= lane.rank) break;
      lanes[at] = above;
      above.at = at;
      at = parent;
    }
    lanes[at] = lane;
    lane.at = at;
  }

  private sink(from: number, lane: Lane): void {
    const { lanes } = this;
    const size = lanes.length;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && lanes[child + 1]!.rank < lanes[child]!.rank) child++;
      const below = lanes[child]!;
      if (below.rank >= lane.rank) break;
      lanes[at] = below;
      below.at = at;
      at = child;
    }
    lanes[at] = lane;
    lane.at = at;
  }
}

export class LanePool {
  private readonly heaps = new Map<Tenant, LaneHeap>();
  /** A heap by their stamps. */
  private readonly turns: LaneHeap[] = [];

  add(lane: Lane): void {
    let heap = this.heaps.get(lane.tenant);
    if (heap === undefined) {
      heap = new LaneHeap(lane.tenant, this);
      this.heaps.set(lane.tenant, heap);
      this.turns.push(heap);
      this.rise(this.turns.length - 1, heap);
    }
    heap.add(lane);
  }

  /** A tenant that is alone keeps its place. */
  emptied(heap: LaneHeap): void {
    const { turns } = this;
    if (turns.length === 1) return;
    this.heaps.delete(heap.tenant);
    const last = turns.pop()!;
    if (last === heap) return;
    const { turn } = heap;
    if (turn > 0 && turns[(turn - 1) >> 1]!.stamp > last.stamp) this.rise(turn, last);
    else this.sink(turn, last);
  }

  /** The lane whose turn it is; undefined: none has anything to give. */
  first(): Lane | undefined {
    const { turns } = this;
    for (;;) {
      const heap = turns[0];
      if (heap === undefined) return undefined;
      if (heap.stamp !== heap.tenant.served) {
        heap.stamp = heap.tenant.served;
        this.sink(0, heap);
      } else if (heap.size > 0 || turns.length === 1) return heap.first;
      else this.emptied(heap);
    }
  }

  private rise(from: number, heap: LaneHeap): void {
    const { turns } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = turns[parent]!;
      if (above.stamp <= heap.stamp) break;
      turns[at] = above;
      above.turn = at;
      at = parent;
    }
    turns[at] = heap;
    heap.turn = at;
  }

  private sink(from: number, heap: LaneHeap): void {
    const { turns } = this;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= turns.length) break;
      if (child + 1 < turns.length && turns[child + 1]!.stamp < turns[child]!.stamp) child++;
      const below = turns[child]!;
      if (below.stamp >= heap.stamp) break;
      turns[at] = below;
      below.turn = at;
      at = child;
    }
    turns[at] = heap;
    heap.turn = at;
  }
}

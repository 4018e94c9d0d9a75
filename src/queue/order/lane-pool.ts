/**
 * A pool of lanes that could give something now: tenant by tenant, the one first that was served longest ago, and of a tenant's
 * lanes the one whose next message is the most urgent or the oldest.
 *
 * Both are heaps. A tenant's time only goes up, and may do so by way of another pool: its place is put right when it gets to the
 * top.
 */
import type { Lane, LaneQueue, Tenant } from './lane.ts';
import { RankHeap } from './rank-heap.ts';

/** A tenant's lanes by the ranks of their first messages. */
export class LaneHeap implements LaneQueue {
  readonly tenant: Tenant;
  /** When its tenant was served last, as far as this pool knows. */
  stamp: number;
  /** Its handle among its pool's. */
  turn = 0;
  readonly pool: LanePool;
  private readonly lanes = new RankHeap<Lane>();

  constructor(tenant: Tenant, pool: LanePool) {
    this.tenant = tenant;
    this.pool = pool;
    this.stamp = tenant.served;
  }

  get size(): number {
    return this.lanes.size;
  }

  get first(): Lane | undefined {
    return this.lanes.first;
  }

  add(lane: Lane): void {
    lane.heap = this;
    lane.at = this.lanes.add(lane, lane.rank);
  }

  remove(lane: Lane): void {
    this.lanes.remove(lane.at);
    lane.heap = null;
    lane.at = -1;
    if (this.lanes.size === 0) this.pool.emptied(this);
  }

  /** Its rank has changed. */
  moved(lane: Lane): void {
    this.lanes.change(lane.at, lane.rank);
  }
}

export class LanePool {
  private readonly heaps = new Map<Tenant, LaneHeap>();
  /** By their stamps. */
  private readonly turns = new RankHeap<LaneHeap>();

  add(lane: Lane): void {
    let heap = this.heaps.get(lane.tenant);
    if (heap === undefined) {
      heap = new LaneHeap(lane.tenant, this);
      this.heaps.set(lane.tenant, heap);
      heap.turn = this.turns.add(heap, heap.stamp);
    }
    heap.add(lane);
  }

  /** A tenant that is alone keeps its place. */
  emptied(heap: LaneHeap): void {
    if (this.turns.size === 1) return;
    this.heaps.delete(heap.tenant);
    this.turns.remove(heap.turn);
  }

  /** The lane whose turn it is; undefined: none has anything to give. */
  first(): Lane | undefined {
    const { turns } = this;
    for (;;) {
      const heap = turns.first;
      if (heap === undefined) return undefined;
      if (heap.stamp !== heap.tenant.served) {
        heap.stamp = heap.tenant.served;
        turns.change(heap.turn, heap.stamp);
      } else if (heap.size > 0 || turns.size === 1) return heap.first;
      else this.emptied(heap);
    }
  }
}

/**
 * Groups of which nothing is there, and that somebody has: the one that was used longest ago is first. A list through the lanes themselves, since
 * with many groups nearly every message takes one out and puts one in.
 */
import type { Lane } from './lane.ts';

export class IdleLanes {
  size = 0;
  private oldest: Lane | null = null;
  private newest: Lane | null = null;

  get first(): Lane | null {
    return this.oldest;
  }

  /** It is the last one now; one that is there stays where it is. */
  add(lane: Lane): void {
    if (lane.idle) return;
    lane.idle = true;
    lane.idleBefore = this.newest;
    if (this.newest === null) this.oldest = lane;
    else this.newest.idleBehind = lane;
    this.newest = lane;
    this.size++;
  }

  delete(lane: Lane): void {
    if (!lane.idle) return;
    const { idleBefore, idleBehind } = lane;
    if (idleBefore === null) this.oldest = idleBehind;
    else idleBefore.idleBehind = idleBehind;
    if (idleBehind === null) this.newest = idleBefore;
    else idleBehind.idleBefore = idleBefore;
    lane.idleBefore = lane.idleBehind = null;
    lane.idle = false;
    this.size--;
  }
}

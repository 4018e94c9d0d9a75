/**
 * Groups of which nothing is there, and that somebody has: one that has not been used for long can be found. A list through the lanes themselves. With
 * many groups nearly every message is the first of one that is in it: such a one stays where it is, and goes behind the others when it gets to the front.
 */
import type { Lane } from './lane.ts';

export class IdleLanes {
  private first: Lane | null = null;
  private last: Lane | null = null;
  private uses = 0;

  /** Nothing of it is there any more. */
  add(lane: Lane): void {
    lane.usedAt = ++this.uses;
    if (!lane.listed) this.append(lane);
  }

  private append(lane: Lane): void {
    lane.listed = true;
    lane.listedAt = lane.usedAt;
    lane.before = this.last;
    if (this.last === null) this.first = lane;
    else this.last.behind = lane;
    this.last = lane;
  }

  delete(lane: Lane): void {
    if (!lane.listed) return;
    const { before, behind } = lane;
    if (before === null) this.first = behind;
    else before.behind = behind;
    if (behind === null) this.last = before;
    else behind.before = before;
    lane.before = lane.behind = null;
    lane.listed = false;
  }

  /** Takes out one that has not been used since it was put here, if there is such a one: the first. Null: there is none at all. */
  shift(): Lane | null {
    for (;;) {
      const lane = this.first;
      if (lane === null) return null;
      this.delete(lane);
      // One that has messages again comes back when they are gone.
      if (!lane.isEmpty) continue;
      if (lane.usedAt === lane.listedAt) return lane;
      this.append(lane);
    }
  }
}

/**
 * How many copies of messages may wait: of all in a vhost, and of what the clients of a user, of a listener or one connection have
 * published. Whoever would add to too many is refused, as by a full queue; what is handed over at once waits nowhere and is taken.
 */
import type { CopyHolder, CopyOwner } from '../../queue/store/owned-copies.ts';
import type { PublishBound } from '../../vhost/publish/publish-bound.ts';

export interface Bound {
  readonly holder: Readonly<CopyHolder>;
  readonly max: number;
  /** As it is counted. */
  readonly limit: string;
}

export class BacklogBound implements PublishBound {
  readonly owner: CopyOwner | null;
  private readonly bounds: readonly Bound[];
  private readonly count: (limit: string) => void;

  /** @param owner null: what it publishes counts for the vhost alone @param count a limit has refused something */
  constructor(bounds: readonly Bound[], owner: CopyOwner | null, count: (limit: string) => void) {
    this.bounds = bounds;
    this.owner = owner;
    this.count = count;
  }

  get full(): boolean {
    for (const { holder, max } of this.bounds) if (holder.copies >= max) return true;
    return false;
  }

  refused(): void {
    const over = this.bounds.find(({ holder, max }) => holder.copies >= max);
    if (over !== undefined) this.count(over.limit);
  }
}

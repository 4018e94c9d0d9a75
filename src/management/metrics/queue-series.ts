/** Families with a series for each queue: written queue by queue, since a broker may have a hundred thousand of them. */
import { escaped, type FamilyHead, writeHead, writeSample } from './exposition.ts';

/** A queue as its series see it. */
export interface ShownQueue {
  readonly vhost: string;
  readonly name: string;
  /** Messages that wait, and that its consumers hold. */
  readonly ready: number;
  readonly unsettled: number;
  readonly consumers: number;
  /** The share of time in which they could take a message at once, 0 to 1. */
  readonly consumerCapacity: number;
  /** Since the oldest of those that wait came in; undefined: nobody has looked, or it would have to be read from the disk. */
  readonly oldestMs?: number | undefined;
}

export interface QueueFamily extends FamilyHead {
  /** Undefined: no series for this one. */
  read(queue: ShownQueue): number | undefined;
}

export const OWN_QUEUE_FAMILIES: readonly QueueFamily[] = [
  {
    ...{ type: 'gauge', name: 'entrepot_queue_ready', help: 'Messages that wait in the queue' },
    read: (queue) => queue.ready,
  },
  {
    ...{ type: 'gauge', name: 'entrepot_queue_unacked', help: 'Messages that its consumers hold' },
    read: (queue) => queue.unsettled,
  },
  {
    ...{ type: 'gauge', name: 'entrepot_queue_consumers', help: 'Its consumers' },
    read: (queue) => queue.consumers,
  },
  {
    ...{ type: 'gauge', name: 'entrepot_queue_consumer_capacity' },
    help: 'Share of time in which its consumers could take a message at once, 0 to 1',
    read: (queue) => queue.consumerCapacity,
  },
  {
    ...{ type: 'gauge', name: 'entrepot_queue_oldest_ready_seconds' },
    help: 'Since the oldest message that waits in the queue came in',
    read: ({ ready, oldestMs }) => (ready === 0 ? 0 : oldestMs === undefined ? undefined : oldestMs / 1_000),
  },
];

/** The queues are walked once a family, whose samples must stand together. @param queues begins anew at each call */
export function* queueLines(
  families: readonly QueueFamily[],
  queues: () => Iterable<ShownQueue>,
): Generator<string, void> {
  for (const family of families) {
    yield writeHead(family);
    for (const queue of queues()) {
      const value = family.read(queue);
      yield value === undefined ? '' : writeSample(family.name, queueLabels(queue), value);
    }
  }
}

function queueLabels({ vhost, name }: ShownQueue): string {
  return `{vhost="${escaped(vhost)}",queue="${escaped(name)}"}`;
}

/** The queues in which most waits, or is held: a bounded number of them. */
export class LargestQueues {
  /** Queues that were not among them. */
  left = 0;
  private readonly kept: ShownQueue[] = [];
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  add(queue: ShownQueue): void {
    const { kept, max } = this;
    const size = sizeOf(queue);
    if (kept.length === max) {
      this.left++;
      if (max === 0 || size <= sizeOf(kept[max - 1]!)) return;
      kept.pop();
    }
    let at = kept.length;
    while (at > 0 && sizeOf(kept[at - 1]!) < size) at--;
    kept.splice(at, 0, queue);
  }

  /** The largest first. */
  get largest(): readonly ShownQueue[] {
    return this.kept;
  }
}

function sizeOf({ ready, unsettled }: ShownQueue): number {
  return ready + unsettled;
}

/**
 * Reads a queue's messages in order of arrival without taking them: what waits, whatever its level and whether it came back, and what
 * consumers hold. Nothing of the queue is changed by it, and what it keeps is bounded, however long the queue is.
 *
 *     ready, level by level ──┐
 *     returned ───────────────┼──▶ the next few by number ──▶ batch
 *     unsettled, in parts ────┘
 *
 * The queue goes on meanwhile: what is there all the while is read once; what comes, goes or is moved may be read or not.
 */
import type { QueueEntryFlags } from '../entry-flags.ts';
import type { ReadyMessages } from '../ready/ready-messages.ts';
import type { DeliverySlots } from '../unsettled/delivery-slots.ts';
import { NextUnsettled } from './next-unsettled.ts';

export type BrowsedState = 'ready' | 'unsettled';

export interface BrowsedEntry {
  readonly seq: number;
  readonly flags: QueueEntryFlags;
  readonly state: BrowsedState;
}

export interface BrowseOptions {
  /** The last first. */
  readonly backwards: boolean;
  /** The first number that is read, or the last one where it goes backwards. */
  readonly from: number;
  readonly states: readonly BrowsedState[];
}

/** The queue, as somebody looks through it. */
export interface BrowsedQueue {
  readonly ready: Pick<ReadyMessages, 'levels' | 'readAfter' | 'readReturned' | 'readBefore' | 'readReturnedBefore'>;
  readonly contents: { readonly unsettled: DeliverySlots | null };
}

/** Entries in a batch; fewer where there are very many levels, each of which is read as far. */
const BATCH = 256;
const BATCH_OF_MANY_LEVELS = 32;
const MANY_LEVELS = 16;

export class QueueBrowser {
  private readonly queue: BrowsedQueue;
  private readonly backwards: boolean;
  private readonly readsReady: boolean;
  /** Null where what consumers hold is not asked for. */
  private readonly unsettled: NextUnsettled | null;
  /** Beyond this one it reads on. */
  private last: number;

  constructor(queue: BrowsedQueue, { backwards, from, states }: BrowseOptions) {
    this.queue = queue;
    this.backwards = backwards;
    this.last = backwards ? from + 1 : from - 1;
    this.readsReady = states.includes('ready');
    this.unsettled = states.includes('unsettled') ? new NextUnsettled(backwards) : null;
  }

  /** The next few, in order; empty: there are no more. Undefined: there is more to look through first, call again. */
  batch(): BrowsedEntry[] | undefined {
    const { last, queue, unsettled } = this;
    if (unsettled !== null && !unsettled.read(queue.contents.unsettled, last)) return undefined;
    const found: BrowsedEntry[] = [];
    const levels = this.readsReady ? queue.ready.levels() : [];
    const max = levels.length > MANY_LEVELS ? BATCH_OF_MANY_LEVELS : BATCH;
    const waits = (seq: number, flags: QueueEntryFlags): void => {
      found.push({ seq, flags, state: 'ready' });
    };
    for (const level of levels) {
      if (this.backwards) {
        queue.ready.readBefore(level, last, max, waits);
        queue.ready.readReturnedBefore(level, last, max, waits);
      } else {
        queue.ready.readAfter(level, last, max, waits);
        queue.ready.readReturned(level, last, max, waits);
      }
    }
    unsettled?.first(last, max, (seq, flags) => found.push({ seq, flags, state: 'unsettled' }));
    const sign = this.backwards ? -1 : 1;
    found.sort((a, b) => sign * (a.seq - b.seq));
    // Each part gave its own first few, so that many of them are the first few of all. One that came back meanwhile counts once.
    const batch = found.filter(({ seq }, i) => i === 0 || seq !== found[i - 1]!.seq).slice(0, max);
    if (batch.length > 0) this.last = batch.at(-1)!.seq;
    return batch;
  }
}

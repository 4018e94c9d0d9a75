/**
 * History: a queue that keeps the last messages of an address gives them, once more, to one that begins to hear of it. Nothing is taken from
 * the first; the messages lie in the store once, with a reference more, as what is retained does.
 */

import { QueueBrowser } from '../../queue/browse/queue-browser.ts';
import { FLAG_DURABLE, FLAG_LARGE, type QueueEntryFlags } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import { ASSURANCE_MASK } from '../../routing/target-flags.ts';
import type { Journal } from '../journal/journal.ts';

/** The last ones of a longer history: it is done in one piece, or what comes meanwhile would come before them. */
export const HISTORY_MAX = 1_000;
/** What an entry says of its message, and not of its place in its queue. */
const OF_MESSAGE = ASSURANCE_MASK | FLAG_DURABLE | FLAG_LARGE;

export class History {
  private readonly store: MessageStore;
  private readonly journal: Journal;

  constructor(store: MessageStore, journal: Journal) {
    this.store = store;
    this.journal = journal;
  }

  /** Sends what waits in `from` into `to`, in its order, unless that has something already; returns how many there were. */
  replay(from: Queue, to: Queue): number {
    if (!to.isEmpty) return 0; // it might be the same
    const last = this.lastOf(from);
    if (from.mayExpire) to.expectExpiry();
    for (const [seq, flags] of last) {
      const durable = (flags & FLAG_DURABLE) !== 0;
      this.store.addReferences(seq, durable, 1);
      if (to.durable && durable) this.journal.enqueued(to, seq, flags);
      to.order?.prepare(seq, flags);
      to.push(seq, flags);
    }
    return last.length;
  }

  /** The oldest of them first. */
  private lastOf(from: Queue): [seq: number, flags: QueueEntryFlags][] {
    const entries: [seq: number, flags: QueueEntryFlags][] = [];
    const browser = new QueueBrowser(from, { backwards: true, from: this.store.nextSeq, states: ['ready'] });
    for (let batch = browser.batch() ?? []; batch.length > 0; batch = browser.batch() ?? []) {
      for (const { seq, flags } of batch) entries.push([seq, (flags & OF_MESSAGE) >>> 0]);
      if (entries.length >= HISTORY_MAX) break;
    }
    return entries.slice(0, HISTORY_MAX).reverse();
  }
}

/**
 * Pending gets: requests for one message of a queue, answered in the order in which they came. One is answered at once unless
 * something must be fetched first, or consumers have not got yet what they can take.
 */
import type { Consumer, GetResult } from '../../api/consume.ts';
import type { QueueEntryFlags } from '../entry-flags.ts';
import type { QueueOrder } from '../order/queue-order.ts';
import type { QueueEnvironment } from '../queue-services.ts';
import type { ReadyMessages } from '../ready/ready-messages.ts';
import type { QueueTraffic } from '../traffic.ts';
import type { QueueConsumer } from './consumer.ts';

/** Called once: undefined if there was no message. */
export type GetDone = (result: GetResult | undefined, holder: Consumer) => void;

/** The queue, as those who ask it for a message see it. */
export interface AskedQueue {
  readonly deleted: boolean;
  /** It hands nothing out: there is none for who asks. */
  readonly standsStill: boolean;
  readonly ready: ReadyMessages;
  /** Null where every consumer takes every message. */
  readonly selective: { readonly unfinished: boolean } | null;
  /** Null where messages are handed out as they came. */
  readonly order: QueueOrder | null;
  readonly counted: QueueTraffic;
  readonly services: Pick<QueueEnvironment, 'traffic'>;
  /** Ready messages, as the queue's limits allow it. */
  readonly count: number;
  /** Hands out what consumers can take, and ends what is too old or too much; false if something of that must wait. */
  catchUp(asked?: boolean): boolean;
  /** Shows a message; false if it must be fetched first, and then the queue comes back by itself. */
  show(seq: number, flags: QueueEntryFlags): boolean;
  /** Whether the message that is shown has waited too long; then it is gone now. */
  endIfExpired(seq: number, flags: QueueEntryFlags): boolean;
  /** There is another head now: it may be over, and does not count then. */
  headLeft(): void;
}

interface PendingGet {
  readonly holder: QueueConsumer;
  readonly done: GetDone;
  /** It wants a message, rather than to know that consumers have got what they can take. */
  readonly takes: boolean;
}

export class PendingGets {
  private readonly gets: PendingGet[] = [];
  private readonly queue: AskedQueue;
  private readonly handOut: (holder: QueueConsumer, seq: number, flags: QueueEntryFlags) => void;

  /** @param handOut delivers the message that is shown */
  constructor(queue: AskedQueue, handOut: (holder: QueueConsumer, seq: number, flags: QueueEntryFlags) => void) {
    this.queue = queue;
    this.handOut = handOut;
  }

  add(holder: QueueConsumer, done: GetDone): void {
    this.gets.push({ holder, done, takes: true });
    this.answer();
  }

  /** Tells once consumers have got what they can take. */
  awaitServed(consumer: QueueConsumer, done: () => void): void {
    this.gets.push({ holder: consumer, done, takes: false });
    this.answer();
  }

  /** Answers those who asked, as far as it can. What must be fetched first brings the queue back here by itself. */
  answer(): void {
    const { queue } = this;
    for (;;) {
      const next = this.gets[0];
      if (next === undefined) return;
      if (next.holder.active && !queue.deleted && !queue.standsStill) {
        if (!queue.catchUp(true)) return;
        if (!next.takes) {
          if (queue.selective?.unfinished === true) return;
          this.gets.shift();
          next.done(undefined, next.holder);
          continue;
        }
        const { ready, order } = queue;
        if (ready.length > 0 && (order === null || order.find(null))) {
          const seq = order === null ? ready.headSeq() : order.seq;
          const flags = order === null ? ready.headFlags() : order.flags;
          if (!queue.show(seq, flags)) return;
          if (order === null) ready.shift();
          else if (queue.endIfExpired(seq, flags)) continue;
          else {
            ready.removeKnown(seq, flags);
            order.take(null);
          }
          this.gets.shift();
          this.handOut(next.holder, seq, flags);
          queue.headLeft();
          next.done({ remaining: queue.count }, next.holder);
          continue;
        }
      }
      this.gets.shift();
      if (!next.takes) {
        // It stands still, and hands out nothing: that is served, too.
        if (next.holder.active && !queue.deleted) next.done(undefined, next.holder);
        continue;
      }
      next.holder.counts.getsEmpty++;
      queue.counted.gotNothing++;
      queue.services.traffic.gotNothing++;
      next.done(undefined, next.holder);
    }
  }
}

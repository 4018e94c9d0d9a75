/**
 * Unsettled messages: delivered by a queue and held by its consumers until they say how each delivery ended.
 *
 * `settlement/decide.ts` says what becomes of each; the queue's contents carry it out.
 */
import { ACCEPTED, type EndReason, MODIFIED, type Outcome, REJECTED, RELEASED } from '../../api/consume.ts';
import type { Work } from '../../clock/work.ts';
import { type Decision, DONE, decide, REQUEUE, RETRY, type RetryPolicy } from '../../settlement/decide.ts';
import type { QueueConsumer } from '../dispatch/consumer.ts';
import {
  attemptsOf,
  FLAG_DELIVERED,
  type QueueEntryFlags,
  returnsOf,
  withAttempts,
  withReturns,
} from '../entry-flags.ts';
import type { QueueSettings } from '../limits/settings.ts';
import { END_REASONS, NOTE_ACCEPTED, NOTE_FAILED, NOTE_REJECTED, NOTE_RELEASED } from '../passport-notes.ts';
import type { QueueEnvironment } from '../queue-services.ts';
import type { QueueTraffic } from '../traffic.ts';
import { DeliverySlots } from './delivery-slots.ts';

/** What is noted of a delivery that has ended. */
const NOTES: Readonly<Record<Outcome, number>> = {
  [ACCEPTED]: NOTE_ACCEPTED,
  [RELEASED]: NOTE_RELEASED,
  [REJECTED]: NOTE_REJECTED,
  [MODIFIED]: NOTE_FAILED,
};

const PARKED = END_REASONS.indexOf('parked');

/** The queue, as the settling of its messages sees it. */
export interface SettlingQueue {
  readonly name: string;
  readonly deleted: boolean;
  readonly id: number;
  readonly durable: boolean;
  readonly settings: RetryPolicy & Pick<QueueSettings, 'passport' | 'type'>;
  readonly counted: QueueTraffic;
  readonly services: Pick<QueueEnvironment, 'nowMs' | 'store' | 'counters' | 'traffic' | 'chores' | 'passports'>;
  wake(): void;
}

/** What becomes of a message whose delivery has ended. */
export interface MessageEnds {
  /** It is done with here. */
  remove(seq: number, flags: QueueEntryFlags): void;
  /** It is ready again, with new flags. */
  requeue(seq: number, flags: QueueEntryFlags, back: QueueEntryFlags): void;
  /** It is tried again later, with new flags. */
  retryLater(seq: number, back: QueueEntryFlags): void;
  /** It is parked until then, under a token or ''. */
  defer(seq: number, back: QueueEntryFlags, dueMs: number, token: string): void;
  /** It is dead. */
  die(seq: number, flags: QueueEntryFlags, decision: Decision): void;
}

/** Its own slots: one object fewer on the way of each message, which counts where there are very many queues. */
export class UnsettledMessages extends DeliverySlots {
  private readonly queue: SettlingQueue;
  private readonly ends: MessageEnds;
  /** Of END_REASONS, while what a client has said nothing of is settled. */
  private why = 0;

  constructor(queue: SettlingQueue, ends: MessageEnds) {
    super();
    this.queue = queue;
    this.ends = ends;
  }

  /** A consumer holds it from now on; returns the delivery's slot. */
  hold(seq: number, flags: QueueEntryFlags, consumer: QueueConsumer): number {
    consumer.took();
    return this.add(seq, (flags | FLAG_DELIVERED) >>> 0, consumer);
  }

  /** @throws Error for a slot that this consumer does not hold, unless the queue is deleted */
  settle(consumer: QueueConsumer, slot: number, outcome: Outcome): void {
    const { queue } = this;
    const { services } = queue;
    if (this.holder(slot) !== consumer) {
      if (queue.deleted) return; // what a deleted queue had handed out is gone with it
      throw new Error(`delivery ${slot} is not held by this consumer of ${queue.name}`);
    }
    const seq = this.seq(slot);
    const flags = this.flags(slot);
    this.remove(slot);
    consumer.gave();
    if (queue.deleted) {
      services.store.release(seq, flags);
      return;
    }
    if (queue.settings.passport) services.passports.note(queue, seq, flags, NOTES[outcome], consumer, this.why);
    if (outcome === ACCEPTED) {
      services.counters.acknowledged++;
      consumer.counts.acknowledged++;
      services.traffic.acknowledged++;
      queue.counted.acknowledged++;
      this.ends.remove(seq, flags);
    } else this.refuse(seq, flags, outcome);
    queue.wake();
  }

  /** As `settle`: its client has said nothing of it. */
  endFor(consumer: QueueConsumer, slot: number, outcome: Outcome, why: EndReason): void {
    this.why = END_REASONS.indexOf(why);
    try {
      this.settle(consumer, slot, outcome);
    } finally {
      this.why = 0;
    }
  }

  private refuse(seq: number, flags: QueueEntryFlags, outcome: Outcome): void {
    const { ends } = this;
    const decision = decide(this.queue.settings, attemptsOf(flags), outcome);
    if (decision.action === DONE) ends.remove(seq, flags);
    else if (decision.action === REQUEUE) ends.requeue(seq, flags, this.given(flags, decision.attempts));
    else if (decision.action === RETRY) ends.retryLater(seq, this.given(flags, decision.attempts));
    else ends.die(seq, flags, decision);
  }

  /** The flags of one that comes back: a queue of the quorum type also counts returns that were no attempts. */
  private given(flags: QueueEntryFlags, attempts: number): QueueEntryFlags {
    if (attempts !== attemptsOf(flags)) return withAttempts(flags, attempts);
    return this.queue.settings.type === 'quorum' ? withReturns(flags, returnsOf(flags) + 1) : flags;
  }

  /**
   * Parks it until then, under a token or '': no attempt, whatever the queue's policy for retries.
   * @param dueMs epoch milliseconds; what is past is given back at once
   * @returns false: the consumer does not hold it
   */
  defer(consumer: QueueConsumer, slot: number, dueMs: number, token: string): boolean {
    const { queue } = this;
    if (queue.deleted || this.holder(slot) !== consumer) return false;
    const seq = this.seq(slot);
    const flags = this.flags(slot);
    this.remove(slot);
    consumer.gave();
    const back = this.given(flags, attemptsOf(flags));
    if (queue.settings.passport) queue.services.passports.note(queue, seq, flags, NOTES[RELEASED], consumer, PARKED);
    if (dueMs <= queue.services.nowMs()) this.ends.requeue(seq, flags, back);
    else this.ends.defer(seq, back, dueMs, token);
    queue.wake();
    return true;
  }

  /** Ends what the consumer holds: in parts, if it is much. */
  settleAll(consumer: QueueConsumer, outcome: Outcome, done: () => void): void {
    const share = consumer.share ?? this.queue.services.chores;
    const { work } = share;
    let held: number[] | null = null;
    let next = 0;
    const step = (): boolean => {
      held ??= this.heldBy(consumer);
      while (next < held.length) {
        const slot = held[next++]!;
        if (this.holder(slot) === consumer) this.endFor(consumer, slot, outcome, 'consumer-ended');
        work.spend(1);
        if (work.over) return false;
      }
      return true;
    };
    share.run(step, done);
  }

  /** Lets go of all without a word in the log: the queue is deleted. A part of it; true when all are gone. */
  releaseAll(work: Work): boolean {
    while (this.size > 0) {
      const slot = this.nextInUse();
      const consumer = this.holder(slot)!;
      this.queue.services.store.release(this.seq(slot), this.flags(slot));
      this.remove(slot);
      consumer.gave();
      work.spend(1);
      if (work.over) return false;
    }
    return true;
  }
}

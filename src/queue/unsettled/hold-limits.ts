/**
 * The limits on how long a queue's consumers hold deliveries, and taking back what is over them. A queue has one once a consumer has a
 * limit, which is: the lease, where the queue or the consumer says one; else the consumer's own timeout; else the queue's; else what its
 * protocol has by default.
 *
 * A lease that runs out is a failed attempt; a timeout is none (RabbitMQ 4.3, `rabbit_fifo`: returned, not counted as delivered in vain).
 */
import { MODIFIED, RELEASED } from '../../api/consume.ts';
import type { QueueConsumer } from '../dispatch/consumer.ts';
import type { QueueSettings } from '../limits/settings.ts';
import type { QueueEnvironment } from '../queue-services.ts';
import type { HoldingQueue } from './hold-timers.ts';
import { HoldWatch, tickOf } from './hold-watch.ts';
import type { UnsettledMessages } from './unsettled-messages.ts';

/** Slots that are looked at before the time is asked for. */
const SLOTS_PER_LOOK = 1_024;

/** The queue, as far as it limits how long its deliveries are held. */
export interface HoldLimitedQueue {
  readonly settings: Pick<QueueSettings, 'leaseMs' | 'consumerTimeoutMs'>;
  readonly services: Pick<QueueEnvironment, 'clock' | 'chores' | 'counters' | 'holdTimers'>;
}

/** How long one lease lasts; 0 where there is none. @param own the consumer's, 0 for none */
function leaseOf(own: number, queue: number): number {
  if (queue < 0) return own;
  return own === 0 ? queue : Math.min(own, queue);
}

export class HoldLimits implements HoldingQueue {
  private readonly queue: HoldLimitedQueue;
  private readonly unsettled: UnsettledMessages;
  private readonly watches: HoldWatch[] = [];
  /** How often it is looked at; 0: not at all. */
  private tickMs = 0;
  /** Where looking goes on; 0: it begins. */
  private next = 0;

  constructor(queue: HoldLimitedQueue, unsettled: UnsettledMessages) {
    this.queue = queue;
    this.unsettled = unsettled;
  }

  /** A consumer that was attached, or whose queue has other settings now, comes under its limit. */
  attach(consumer: QueueConsumer): void {
    this.detach(consumer);
    const watch = this.watchOf(consumer);
    consumer.watch = watch;
    if (watch === null) return;
    if (consumer.passive || !consumer.active) return;
    watch.users++;
    this.keep(watch);
  }

  /** It gets nothing more; what it holds is watched on. */
  detach({ watch, passive, active }: QueueConsumer): void {
    if (watch !== null && !passive && active) watch.users--;
  }

  /** It is looked at from now on. */
  keep(watch: HoldWatch): void {
    if (!this.watches.includes(watch)) this.watches.push(watch);
    const tickMs = tickOf(watch.limitMs);
    if (this.tickMs === 0 || tickMs < this.tickMs) this.setTick(tickMs);
  }

  private watchOf(consumer: QueueConsumer): HoldWatch | null {
    const { leaseMs, consumerTimeoutMs } = this.queue.settings;
    const { sink, options } = consumer;
    if (consumer.settled || sink.overdue === undefined) return null;
    const lease = leaseOf(options.leaseMs ?? 0, leaseMs);
    const timeout = options.timeoutMs ?? (consumerTimeoutMs >= 0 ? consumerTimeoutMs : (sink.holdMs ?? 0));
    const limitMs = lease || timeout;
    if (limitMs === 0) return null;
    const why = lease > 0 ? 'lease' : 'timeout';
    const known = this.watches.find((watch) => watch.limitMs === limitMs && watch.why === why);
    return known ?? new HoldWatch(limitMs, why);
  }

  private setTick(tickMs: number): void {
    const { holdTimers } = this.queue.services;
    if (this.tickMs > 0) holdTimers.remove(this, this.tickMs);
    this.tickMs = tickMs;
    if (tickMs > 0) holdTimers.add(this, tickMs);
  }

  /** The queue is deleted. */
  stop(): void {
    this.setTick(0);
  }

  look(nowMs: number): boolean {
    const { unsettled, watches } = this;
    if (this.next === 0) {
      if (unsettled.size === 0) {
        this.rest();
        return true;
      }
      let some = false;
      for (const watch of watches) {
        watch.tick(nowMs, unsettled.latestOrder);
        some ||= watch.overdue > 0;
      }
      if (!some) return true;
    }
    const { work } = this.queue.services.chores;
    const { capacity } = unsettled;
    while (this.next < capacity) {
      const end = Math.min(capacity, this.next + SLOTS_PER_LOOK);
      const overdue = unsettled.overdue(this.next, end);
      this.next = end;
      overdue?.forEach((slots, consumer) => {
        this.takeBack(consumer, slots);
      });
      work.checkTime();
      if (work.over && this.next < capacity) return false;
    }
    this.next = 0;
    unsettled.forgetRenewals();
    return true;
  }

  /** Nothing is held. */
  private rest(): void {
    const { watches } = this;
    for (let at = watches.length - 1; at >= 0; at--) {
      watches[at]!.clear();
      if (watches[at]!.users === 0) watches.splice(at, 1);
    }
    if (watches.length === 0) this.setTick(0);
  }

  private takeBack(consumer: QueueConsumer, slots: readonly number[]): void {
    const { unsettled } = this;
    const { counters } = this.queue.services;
    const { why, limitMs } = consumer.watch!;
    const taken = new Set(consumer.sink.overdue!(slots, why, limitMs));
    for (const slot of slots) {
      const held = unsettled.holder(slot) === consumer;
      if (taken.has(slot)) {
        consumer.unanswered++;
        if (why === 'lease') counters.leasesExpired++;
        else counters.deliveriesTimedOut++;
        if (held) unsettled.endFor(consumer, slot, why === 'lease' ? MODIFIED : RELEASED, why);
      } else if (held) unsettled.renew(slot);
    }
  }
}

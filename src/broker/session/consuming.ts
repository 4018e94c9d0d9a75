/** The part of a session that consumes: what each call means is said at `Session`. */
import {
  type Backpressure,
  type Browse,
  type BrowseSink,
  type ConsumeOptions,
  type Consumer,
  type DeliverySink,
  type DirectSink,
  type GetResult,
  MODIFIED,
  type Outcome,
  RELEASED,
} from '../../api/consume.ts';
import type { Share } from '../../clock/work.ts';
import type { DeliveryCounts, ProtocolTraffic } from '../../metrics/traffic.ts';
import { type ConsumedQueue, QueueConsumer } from '../../queue/dispatch/consumer.ts';
import { HeldSum } from '../../queue/dispatch/held-sum.ts';
import type { Queue } from '../../queue/queue.ts';
import { compileSelector } from '../../routing/selector/selector.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Membership } from '../limits/membership.ts';
import { QueueBrowse } from './browsing.ts';
import type { Receiving } from './receiving.ts';
import type { SessionTopology } from './topology.ts';

/** Who hears of consumers. */
export interface ConsumerEvents {
  tell(kind: 'consumer-came' | 'consumer-left', queue: ConsumedQueue, consumers: number): void;
}

const NO_QUEUES: readonly Queue[] = [];

export class SessionConsuming {
  private readonly vhost: Vhost;
  private readonly topology: SessionTopology;
  private readonly share: Share;
  private readonly membership: Membership;
  private readonly sum: HeldSum;
  private readonly traffic: ProtocolTraffic;
  private readonly events: ConsumerEvents;
  /** The session. */
  private readonly owner: object;
  private readonly consumers = new Set<QueueConsumer>();
  private readonly browses = new Set<Browse>();
  private pruneAt = 32;
  private readonly receiving: Receiving;
  /** Queues of its own that it takes messages past, without a consumer: one at most, mostly. */
  private directs: readonly Queue[] = NO_QUEUES;

  constructor(
    vhost: Vhost,
    topology: SessionTopology,
    share: Share,
    membership: Membership,
    traffic: ProtocolTraffic,
    receiving: Receiving,
    owner: object,
    events: ConsumerEvents,
  ) {
    this.events = events;
    this.traffic = traffic;
    this.receiving = receiving;
    this.vhost = vhost;
    this.topology = topology;
    this.share = share;
    this.membership = membership;
    this.sum = new HeldSum(membership.limits.connectionUnsettled ?? 0);
    this.owner = owner;
  }

  /** One of its consumers holds deliveries. */
  get holds(): boolean {
    for (const consumer of this.consumers) if (consumer.held > 0) return true;
    return false;
  }

  consume(name: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer {
    this.topology.demandQueue('read', name);
    this.uncountDirect(name);
    this.membership.checkConsumer();
    const consumer = this.topology.queue(name).addConsumer(options, sink, output);
    this.own(consumer);
    this.events.tell('consumer-came', consumer.of, consumer.of.consumers.length);
    consumer.guard = this.topology.guardOf(name);
    sink.attached?.(consumer);
    this.keep(consumer);
    return consumer;
  }

  browse(name: string, selector: string | undefined, sink: BrowseSink, output: Backpressure): Browse {
    const { membership, topology, vhost } = this;
    topology.demandQueue('read', name);
    const queue = topology.queue(name);
    const compiled = selector === undefined ? null : compileSelector(selector);
    membership.checkConsumer();
    membership.consumerCame();
    const browse = new QueueBrowse({
      ...{ vhost, queue, sink, output, selector: compiled },
      guard: topology.guardOf(name),
      mayRead: () => topology.permitsReading(name),
      onEnded: () => {
        this.browses.delete(browse);
        membership.consumerLeft();
      },
    });
    this.browses.add(browse);
    return browse;
  }

  /** One that another connection of the same client has left suspended, with all that it holds. */
  adopt(consumer: QueueConsumer): void {
    if (!consumer.active || consumer.owner === this.owner) return;
    this.uncountDirect(consumer.queue);
    this.membership.checkConsumer();
    if (consumer.sum !== null) consumer.sum.held -= consumer.held;
    this.sum.held += consumer.held;
    this.own(consumer);
    this.keep(consumer);
  }

  /** It counts here, and comes under the limits of this connection. */
  private own(consumer: QueueConsumer): void {
    const { membership } = this;
    membership.consumerCame();
    consumer.onEnded = () => this.ended(consumer);
    consumer.heldMax = membership.limits.unsettled ?? 0;
    consumer.sum = this.sum;
    consumer.share = this.share;
    consumer.counts = this.countsOf(consumer);
    consumer.owner = this.owner;
  }

  private ended({ of }: QueueConsumer): void {
    this.membership.consumerLeft();
    // It is still among them.
    this.events.tell('consumer-left', of, Math.max(0, of.consumers.length - 1));
  }

  private countsOf({ of }: QueueConsumer): DeliveryCounts {
    return this.traffic.deliveries[of.settings.type];
  }

  /** Limits have changed: what each consumer may hold, for what is handed out from now on. A step for each. */
  *limitsChanged(): Generator<void> {
    const { unsettled = 0, connectionUnsettled = 0 } = this.membership.limits;
    this.sum.limit = connectionUnsettled;
    for (const consumer of [...this.consumers]) {
      consumer.heldMax = unsettled;
      consumer.wake();
      yield;
    }
  }

  get(
    name: string,
    settled: boolean,
    sink: DeliverySink,
    done: (result: GetResult | undefined, consumer: Consumer) => void,
  ): void {
    this.topology.demandQueue('read', name);
    const queue = this.topology.queue(name);
    if (!settled && this.sum.full) throw this.membership.holdsTooMany(this.sum.limit);
    const holder = QueueConsumer.passive(queue, settled, sink);
    holder.owner = this.owner;
    holder.sum = this.sum;
    holder.share = this.share;
    holder.counts = this.countsOf(holder);
    sink.attached?.(holder);
    if (!settled) this.keep(holder);
    queue.get(holder, done);
  }

  /** Those that are cancelled or passive and hold nothing are forgotten once there are many. */
  private keep(consumer: QueueConsumer): void {
    const { consumers } = this;
    if (consumers.size >= this.pruneAt) {
      for (const one of consumers) if (one.held === 0 && (!one.active || one.passive)) consumers.delete(one);
      this.pruneAt = Math.max(32, consumers.size * 2);
    }
    consumers.add(consumer);
  }

  attachDirect(name: string, sink: DirectSink | null): void {
    this.topology.demandQueue('read', name);
    const queue = this.topology.queue(name);
    if (sink === null) this.uncountDirect(name);
    else if (this.topology.isAlone(name)) this.countDirect(queue);
    queue.direct = sink;
    queue.directCounts = this.traffic.deliveries.classic;
    queue.directGuard = this.receiving;
    this.vhost.subscriberFlow.drained(queue);
  }

  /** Who takes what comes past its own queue counts as a consumer of it; who consumes from the queue besides, once. */
  private countDirect(queue: Queue): void {
    const { directs, membership } = this;
    for (const { deleted, name } of directs) if (deleted) this.uncountDirect(name);
    if (this.directs.includes(queue)) return;
    for (const consumer of this.consumers) if (consumer.active && consumer.of === queue) return;
    membership.checkConsumer();
    membership.consumerCame();
    this.directs = [...this.directs, queue];
  }

  private uncountDirect(name: string): void {
    if (!this.directs.some((queue) => queue.name === name)) return;
    this.directs = this.directs.filter((queue) => queue.name !== name);
    this.membership.consumerLeft();
  }

  directDrained(name: string): void {
    const queue = this.vhost.topology.queues.get(name);
    if (queue !== undefined) this.vhost.subscriberFlow.drained(queue);
  }

  /** Those that deliver, for who looks at each of them. */
  delivering(): QueueConsumer[] {
    return [...this.consumers].filter(({ active, passive }) => active && !passive);
  }

  /** Its user may not read that queue any more. What it holds stays with it, to be settled. */
  refuse(consumer: QueueConsumer): void {
    const { suspended } = consumer;
    consumer.suspended = true; // what came last is not for it
    consumer.cancel();
    consumer.suspended = suspended;
    consumer.sink.cancelled('access-refused');
  }

  /** The session ends: nothing more is delivered at once, and the rest takes as long as it takes. */
  close(inOrder: boolean): void {
    for (const browse of [...this.browses]) browse.stop();
    const leaving = [...this.consumers].filter((consumer) => !consumer.suspended);
    for (const consumer of leaving) consumer.suspend();
    this.leave(leaving, [...this.topology.abandon()], inOrder ? RELEASED : MODIFIED);
  }

  /** Gives back what these consumers hold, then deletes these queues: in parts, if it is much. */
  private leave(consumers: readonly QueueConsumer[], queues: readonly Queue[], outcome: Outcome): void {
    const { share, vhost } = this;
    const { work } = share;
    let consumer = 0;
    let queue = 0;
    share.run(() => {
      while (consumer < consumers.length) {
        consumers[consumer++]!.cancel(outcome);
        work.spend(2);
        if (work.over) return false;
      }
      while (queue < queues.length) {
        const own = queues[queue++]!;
        if (!own.deleted) vhost.topology.deleteQueue(own, share);
        work.spend(4);
        if (work.over) return false;
      }
      return true;
    });
  }
}

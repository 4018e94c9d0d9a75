/**
 * The statistics of a vhost, taken when somebody asks: nothing is added up before. With many queues that takes
 * a while, so it is done in parts, between which others may have their turn.
 */
import type { LogStatistics } from '../log/statistics.ts';
import type { TransientStatistics } from '../log/transient/transient-store.ts';
import type { WaitingMessage } from '../queue/ready/ready-messages.ts';
import type { Counters } from './counters.ts';
import type { Vhost } from './vhost.ts';

export interface VhostStatistics {
  readonly name: string;
  /** Milliseconds between syncs where `log.durability` is `interval`. */
  readonly intervalMs: number;
  readonly counters: Readonly<Counters>;
  readonly log: LogStatistics;
  /** What transient messages take up. */
  readonly transient: TransientStatistics;
  /** Memory of the heads and tails of queues. */
  readonly positionBytes: number;
  /** Memory of the ids that queues and exchanges remember. */
  readonly windowBytes: number;
  /** Groups of messages that queues know. */
  readonly groups: number;
  readonly exchanges: number;
  readonly queues: number;
  readonly consumers: number;
  /** Their capacities (`Queue.consumerCapacity`), added up over the queues. */
  readonly consumerCapacity: number;
  readonly ready: number;
  readonly unsettled: number;
  readonly retained: number;
  /** Messages that are not to be routed yet, and failed ones that are not to be tried again yet. */
  readonly delayed: number;
  /** Messages that come again and again; each counts among those that are delayed as well. */
  readonly schedules: number;
  readonly retrying: number;
  /** Queues that hand out nothing, since as much waits to be tried again as may. */
  readonly heldByRetries: number;
  /** Dead letters that wait, since all queues they lead to are full. */
  readonly undelivered: number;
  /** Bytes of those that are not on the disk. */
  readonly undeliveredBytes: number;
  /** Queues that stand still because no more of those may wait. */
  readonly heldByDeadLetters: number;
  /** How often a publisher waited for a direct subscriber that lagged, and for the consumers of a queue. */
  readonly stalled: number;
  readonly paced: number;
  /** Publishers are held back. */
  readonly congested: boolean;
  /** Declarations and bindings that its limits have refused. */
  readonly refusedQueues: number;
  readonly refusedExchanges: number;
  readonly refusedBindings: number;
  /** The message that has waited longest, of all queues. */
  readonly oldest: WaitingMessage | undefined;
}

/** Queues at a time: some 20 µs. */
const QUEUES_A_PART = 64;

/** The figures are of the last part's moment, except for the sums over queues, each of which is looked at once on the way. */
export function* vhostStatistics(vhost: Vhost): Generator<void, VhostStatistics> {
  let queues = 0;
  let consumers = 0;
  let consumerCapacity = 0;
  const nowMs = vhost.clock.monotonicMs();
  let ready = 0;
  let unsettled = 0;
  let oldest: WaitingMessage | undefined;
  const look = (seq: number, flags: number): void => {
    if (oldest === undefined || seq < oldest.seq) oldest = { seq, flags };
  };
  for (const queue of vhost.topology.queues.values()) {
    queues++;
    consumers += queue.consumers.length;
    consumerCapacity += queue.consumerCapacity(nowMs);
    ready += queue.messages;
    unsettled += queue.unsettledCount;
    queue.ready.oldest(look);
    if (queues % QUEUES_A_PART === 0) yield;
  }
  return {
    name: vhost.name,
    intervalMs: vhost.intervalMs,
    counters: vhost.counters,
    log: vhost.log.statistics,
    transient: vhost.transient.statistics,
    positionBytes: vhost.queueServices.arena.bytes,
    windowBytes: vhost.queueServices.windowMemory.bytes,
    groups: vhost.queueServices.orders.groups,
    exchanges: vhost.topology.exchanges.size,
    queues,
    consumers,
    consumerCapacity,
    ready,
    unsettled,
    retained: vhost.retained.index.size,
    delayed: vhost.delays.size,
    schedules: vhost.schedules.size,
    retrying: vhost.retries.size,
    heldByRetries: vhost.retries.heldQueues,
    undelivered: vhost.deadLetters.pending.size,
    undeliveredBytes: vhost.deadLetters.pending.bytes,
    heldByDeadLetters: vhost.deadLetters.pending.heldQueues,
    stalled: vhost.subscriberFlow.stalled,
    paced: vhost.subscriberFlow.paced,
    congested: vhost.publishFlow.on,
    refusedQueues: vhost.limits.refusedQueues,
    refusedExchanges: vhost.limits.refusedExchanges,
    refusedBindings: vhost.limits.refusedBindings,
    oldest,
  };
}

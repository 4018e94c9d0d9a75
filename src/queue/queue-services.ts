/** The services that a queue needs of its vhost; `src/vhost/queue-services.ts` has them. */
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { Share } from '../clock/work.ts';
import type { WindowMemory } from '../deduplication/window.ts';
import type { DeathReason } from '../message/deaths/deaths.ts';
import type { MessageView } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { Decision } from '../settlement/decide.ts';
import type { QueueEntryFlags } from './entry-flags.ts';
import type { OrderServices } from './order/queue-order.ts';
import type { PassportNotes } from './passport-notes.ts';
import type { PositionArena } from './positions/position-arena.ts';
import type { MessageStore } from './store/message-store.ts';
import type { QueueTraffic } from './traffic.ts';
import type { HoldTimers } from './unsettled/hold-timers.ts';

/** What all queues of a vhost share: its store, its turn, its clock. */
export interface QueueEnvironment {
  /** The vhost's name. */
  readonly vhost: string;
  readonly store: MessageStore;
  readonly turn: Turn;
  /** The broker's own part of the budget of work, for what no client waits for. */
  readonly chores: Share;
  /** What dies in queues that name no dead-letter exchange is kept as well, of some of them (`awaitsRoomForDeadLetters` knows which). */
  readonly keepsAllDead: boolean;
  /** The broker stops: nothing more is done for its own sake. */
  readonly stopping: boolean;
  readonly clock: Clock;
  readonly counters: QueueCounters;
  /** What goes through all its queues; `published` is not counted here. */
  readonly traffic: QueueTraffic;
  /** The one view that all queues show their messages with: one message is shown at a time. */
  readonly deliveryView: MessageView;
  /** Where all queues keep what waits. */
  readonly arena: PositionArena;
  /** Where what happens to messages is noted, of queues that say so. */
  readonly passports: PassportNotes;
  /** What the windows of queues and exchanges take up. */
  readonly windowMemory: WindowMemory;
  /** What queues that keep groups in order share. */
  readonly orders: OrderServices;
  /** A consumer of this queue may not have the message: it is dropped. */
  withheld(queue: string, view: MessageView): void;
  /** By which queues look at how long their consumers hold what they were given. */
  readonly holdTimers: HoldTimers;
  /** In the neutral form. */
  properties(view: MessageView): Properties;
  /** Epoch milliseconds, the same throughout a turn. */
  nowMs(): number;
}

/**
 * Carries out what a queue cannot: records, dead letters, its own end.
 * `Q` is the queue, which this file does not import so that neither needs the other.
 */
export interface QueueServices<Q> extends QueueEnvironment {
  /** This queue has begun to gather settlements: call `flushSettled` by the end of the turn. */
  settling(queue: Q): void;
  /** These durable messages are settled in this queue; the array is the caller's to use again. */
  logSettled(queue: Q, seqs: Float64Array, count: number): void;
  /** A durable message was returned with these flags. */
  logReturned(queue: Q, seq: number, flags: QueueEntryFlags): void;
  /** A durable message has died and what becomes of it is not stored yet: not to be forgotten, nor to wait here again. */
  logDying(queue: Q, seq: number, flags: QueueEntryFlags, reason: DeathReason): void;
  /** A durable message has failed, and is to be tried again then, with these flags. `dueMs` is epoch milliseconds. */
  logRetry(queue: Q, seq: number, flags: QueueEntryFlags, dueMs: number): void;
  /** So much waits to be tried again that no more may: the queue is woken (`roomForRetries`) when there is room. */
  awaitsRoomForRetries(queue: Q): boolean;
  /** So many dead letters wait for room that no more may: the queue is woken (`roomForDeadLetters`) when there is room. */
  awaitsRoomForDeadLetters(queue: Q): boolean;
  /** The same of one that is deferred until then at most, under a token. */
  logDeferred(queue: Q, seq: number, flags: QueueEntryFlags, dueMs: number, token: string): void;
  /** One that `tryAgainAt` was told of is not awaited any more. */
  retryAbandoned(): void;
  /** Call `retry` then. `dueMs` is epoch milliseconds. */
  tryAgainAt(queue: Q, seq: number, dueMs: number): void;
  /** A message has died here. It is to be taken out of the queue (`remove`) once its dead letter is stored. */
  died(queue: Q, seq: number, flags: QueueEntryFlags, decision: Decision): void;
  /** The last consumer of an auto-delete queue has gone, or nobody has used the queue for as long as it may be unused. */
  unused(queue: Q): void;
  /** A message cannot be read back; the log has reported why. */
  unreadable(queue: Q, seq: number, error: Error): void;
}

export interface QueueCounters {
  delivered: number;
  redelivered: number;
  acknowledged: number;
  requeued: number;
  droppedForbidden: number;
  deliveriesTimedOut: number;
  leasesExpired: number;
  leasesRenewed: number;
  settledLate: number;
  deferred: number;
  deferredClaimed: number;
  retried: number;
  sharedLanes: number;
}

/** What a queue needs of its vhost. */
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { Share } from '../clock/work.ts';
import type { DeathReason } from '../message/annotations.ts';
import type { MessageView } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { Decision } from '../settlement/decide.ts';
import type { Slab } from './positions/position-arena.ts';
import type { MessageStore } from './store/message-store.ts';
import type { Custody } from './unsettled/custody.ts';

/** Carries out what a queue cannot: records, dead letters, its own end. */
export interface QueueOwner {
  readonly vhost: string;
  readonly store: MessageStore;
  readonly turn: Turn;
  /** The broker's own part of the budget of work, for what no client waits for. */
  readonly chores: Share;
  /** The broker stops: nothing more is done for its own sake. */
  readonly stopping: boolean;
  readonly clock: Clock;
  readonly counters: QueueCounters;
  /** The one view that all queues show their messages with: one message is shown at a time. */
  readonly deliveryView: MessageView;
  /** Where all queues keep what waits. */
  readonly slab: Slab;
  /** This queue has begun to gather settlements: call `flushSettled` by the end of the turn. */
  settling(queue: Custody): void;
  /** These durable messages are settled in this queue; the array is the caller's to use again. */
  logSettled(queue: Custody, seqs: Float64Array, count: number): void;
  /** A durable message was returned with these flags. */
  logReturned(queue: Custody, seq: number, flags: number): void;
  /** A durable message has died and what becomes of it is not stored yet: not to be forgotten, nor to wait here again. */
  logDying(queue: Custody, seq: number, flags: number, reason: DeathReason): void;
  /** A durable message has failed, and is to be tried again then, with these flags. */
  logRetry(queue: Custody, seq: number, flags: number, dueMs: number): void;
  /** Call `retry` then. */
  tryAgainAt(queue: Custody, seq: number, dueMs: number): void;
  /** A message has died here. The owner settles it (`bury`) once its dead letter is stored. */
  died(queue: Custody, seq: number, flags: number, decision: Decision): void;
  /** The last consumer of an auto-delete queue has gone, or nobody has used the queue for as long as it may be unused. */
  unused(queue: Custody): void;
  /** In the neutral form. */
  properties(view: MessageView): Properties;
  /** Epoch milliseconds, the same throughout a turn. */
  nowMs(): number;
  /** A message cannot be read back; the log has reported why. */
  unreadable(queue: Custody, seq: number, error: Error): void;
}

export interface QueueCounters {
  delivered: number;
  redelivered: number;
  acknowledged: number;
  requeued: number;
}

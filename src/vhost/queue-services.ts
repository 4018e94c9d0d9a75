/** The services that a vhost gives its queues: their records, dead letters, second attempts, their own end. */
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { TurnClock } from '../clock/turn-clock.ts';
import type { Share } from '../clock/work.ts';
import type { WindowMemory } from '../deduplication/window.ts';
import type { Log } from '../log/log.ts';
import type { DeathReason } from '../message/deaths/deaths.ts';
import type { Dialects } from '../message/dialect.ts';
import { MessageView } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import { closesGroup, keyInHeader, readKey } from '../queue/order/key-source.ts';
import type { OrderServices } from '../queue/order/queue-order.ts';
import { PositionArena } from '../queue/positions/position-arena.ts';
import type { Queue } from '../queue/queue.ts';
import type { QueueServices } from '../queue/queue-services.ts';
import type { MessageStore } from '../queue/store/message-store.ts';
import { QueueTraffic } from '../queue/traffic.ts';
import { HoldTimers } from '../queue/unsettled/hold-timers.ts';
import type { Decision } from '../settlement/decide.ts';
import type { CommitUnits } from './commit-units.ts';
import type { Counters } from './counters.ts';
import type { DroppedMessages } from './dropped-messages.ts';
import type { Journal } from './journal/journal.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Passports } from './passports/passports.ts';
import type { Retries } from './timers/retries.ts';
import type { UnreadableMessages } from './unreadable.ts';

export interface QueueServicesParts {
  readonly vhost: string;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly time: TurnClock;
  /** The broker's own part of the budget of work. */
  readonly chores: Share;
  readonly log: Log;
  readonly journal: Journal;
  readonly store: MessageStore;
  readonly units: CommitUnits;
  readonly retries: Retries;
  readonly dialects: Dialects;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  readonly lifecycle: Lifecycle;
  readonly unreadable: UnreadableMessages;
  readonly windowMemory: WindowMemory;
  readonly passports: Passports;
  /** Carries out what was decided of a message that has died. */
  died(queue: Queue, seq: number, flags: number, decision: Decision): void;
  awaitsRoomForDeadLetters(queue: Queue): boolean;
  readonly keepsAllDead: boolean;
  /** A queue ends by itself. */
  delete(queue: Queue): void;
}

export class VhostQueueServices implements QueueServices<Queue> {
  readonly vhost: string;
  readonly store: MessageStore;
  readonly turn: Turn;
  readonly chores: Share;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly traffic = new QueueTraffic();
  readonly deliveryView = new MessageView();
  readonly arena = new PositionArena();
  readonly windowMemory: WindowMemory;
  readonly passports: Passports;
  readonly holdTimers: HoldTimers;
  readonly orders: OrderServices;
  readonly keepsAllDead: boolean;
  private readonly time: TurnClock;
  private readonly lifecycle: Lifecycle;
  private readonly log: Log;
  private readonly journal: Journal;
  private readonly units: CommitUnits;
  private readonly parts: QueueServicesParts;

  constructor(parts: QueueServicesParts) {
    this.vhost = parts.vhost;
    this.store = parts.store;
    this.turn = parts.turn;
    this.chores = parts.chores;
    this.clock = parts.clock;
    this.counters = parts.counters;
    this.time = parts.time;
    this.lifecycle = parts.lifecycle;
    this.log = parts.log;
    this.journal = parts.journal;
    this.units = parts.units;
    this.windowMemory = parts.windowMemory;
    this.passports = parts.passports;
    this.keepsAllDead = parts.keepsAllDead;
    this.holdTimers = new HoldTimers(parts.clock, parts.chores);
    const { dialects } = parts;
    this.orders = {
      groups: 0,
      keyOf: (view, source) => readKey(dialects, view, source),
      keyInHeader: (view, source) => keyInHeader(dialects, view, source),
      closesGroup: (view) => closesGroup(dialects, view),
    };
    this.parts = parts;
  }

  get stopping(): boolean {
    return this.lifecycle.stopping;
  }

  /** Epoch milliseconds. */
  nowMs(): number {
    return this.time.epochMs();
  }

  /** Nothing is written any more where the log has failed or the last checkpoint is made. */
  private get writes(): boolean {
    return this.log.failed === undefined && !this.lifecycle.stopped;
  }

  settling(queue: Queue): void {
    this.units.settling(queue.contents);
  }

  logSettled(queue: Queue, seqs: Float64Array, count: number): void {
    if (this.writes) this.journal.settled(queue, seqs, count);
  }

  logReturned(queue: Queue, seq: number, flags: number): void {
    if (this.writes) this.journal.returned(queue, seq, flags);
  }

  logDying(queue: Queue, seq: number, flags: number, reason: DeathReason): void {
    if (this.writes) this.journal.dying(queue, seq, flags, reason);
  }

  logRetry(queue: Queue, seq: number, flags: number, dueMs: number): void {
    if (this.writes) this.journal.retry(queue, seq, flags, dueMs);
  }

  awaitsRoomForRetries(queue: Queue): boolean {
    const { retries } = this.parts;
    if (!retries.full) return false;
    retries.awaitRoom(queue);
    return true;
  }

  awaitsRoomForDeadLetters(queue: Queue): boolean {
    return this.parts.awaitsRoomForDeadLetters(queue);
  }

  logDeferred(queue: Queue, seq: number, flags: number, dueMs: number, token: string): void {
    if (this.writes) this.journal.deferred(queue, seq, flags, dueMs, token);
  }

  retryAbandoned(): void {
    this.parts.retries.abandoned();
  }

  tryAgainAt(queue: Queue, seq: number, dueMs: number): void {
    this.parts.retries.add(queue, seq, dueMs);
  }

  died(queue: Queue, seq: number, flags: number, decision: Decision): void {
    this.parts.died(queue, seq, flags, decision);
  }

  unused(queue: Queue): void {
    if (!this.lifecycle.stopping) this.parts.delete(queue);
  }

  withheld(queue: string, view: MessageView): void {
    this.parts.dropped.tell('access-refused', queue, view);
  }

  properties(view: MessageView): Properties {
    return this.parts.dialects.matchProperties(view);
  }

  unreadable(queue: Queue, seq: number, error: Error): void {
    this.parts.unreadable.inQueue(queue, seq, error);
  }
}

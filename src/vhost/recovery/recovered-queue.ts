/**
 * A recovered queue: what it holds, as the log says, before there is a queue that does anything.
 *
 * ```
 * message, enqueued ─▶ waiting ── settled ─▶ gone        positions: replaces all that waits
 *                        │  ▲
 *          retry, dying  ▼  │ returned
 *                        parked
 * ```
 */

import type { QueueOptions } from '../../api/topology.ts';
import type { DeathReason } from '../../message/deaths/deaths.ts';
import { FLAG_DELIVERED, type QueueEntryFlags, type VisitEntry, withLevel } from '../../queue/entry-flags.ts';
import { recoverArguments } from '../../queue/limits/arguments.ts';
import type { QueueSettings } from '../../queue/limits/settings.ts';
import { GROUPS_ONLY, type OrderSettings, type OrderWords, orderSettings } from '../../queue/order/order-words.ts';
import type { MessagePlace } from '../../queue/order/queue-order.ts';
import type { Chunk } from '../../queue/positions/packed-positions.ts';
import type { PositionArena } from '../../queue/positions/position-arena.ts';
import type { Queue } from '../../queue/queue.ts';
import { PriorityLevels } from '../../queue/ready/priority-levels.ts';
import type { ReadyMessages } from '../../queue/ready/ready-messages.ts';
import { SingleLevel } from '../../queue/ready/single-level.ts';
import type { QueueRecord } from '../journal/records/topology.ts';
import { RecoveredPlaces } from './recovered-places.ts';
import { RecoveredWindow } from './recovered-window.ts';

interface Retrying {
  readonly flags: QueueEntryFlags;
  readonly dueMs: number;
  /** '' where it was not deferred. */
  readonly token: string;
}

export class RecoveredQueue {
  readonly id: number;
  readonly name: string;
  readonly options: QueueOptions;
  readonly settings: QueueSettings;
  /** At-most-once messages are not for it to keep. */
  readonly directMode: boolean;
  /** Null: it has taken nothing that it is to know again. */
  window: RecoveredWindow | null = null;
  private mayExpire = false;
  private grouped = false;
  /** Null: it keeps no order but that of arrival. */
  private ordered: OrderSettings | null = null;
  /** Null: none of its messages is of a group or a tenant. */
  private places: RecoveredPlaces | null = null;
  private readonly ready: ReadyMessages;
  /** Neither waiting nor held: what has died, and what is to be tried again, by number; null while there are none. */
  private dying: Map<number, { readonly flags: QueueEntryFlags; readonly reason: DeathReason }> | null = null;
  private retrying: Map<number, Retrying> | null = null;

  /** @param arena of the recovery's own: nothing of it stays */
  constructor({ id, name, mayExpire, grouped, order, ...rest }: QueueRecord, vhost: string, arena: PositionArena) {
    this.id = id;
    this.name = name;
    this.options = { ...rest, exclusive: false };
    this.settings = recoverArguments(name, vhost, this.options);
    this.directMode = this.options.atMostOnce === 'direct';
    this.ready = this.settings.priorityMax < 0 ? new SingleLevel(arena) : new PriorityLevels(arena);
  }

  get madeWindow(): RecoveredWindow {
    this.window ??= new RecoveredWindow();
    return this.window;
  }

  /** One that expires may be among its messages. */
  expectExpiry(): void {
    this.mayExpire = true;
  }

  /** One that belongs to a group may be among its messages. */
  expectGroups(): void {
    this.grouped = true;
  }

  /** What is said of its order from now on. */
  keepOrder(words: OrderWords | null): void {
    this.ordered = orderSettings(words);
  }

  /** By what its messages belong to groups and tenants; null: this one belongs to none. */
  orderFor(grouped: boolean): OrderSettings | null {
    return this.ordered ?? (grouped ? GROUPS_ONLY : null);
  }

  placed(place: MessagePlace, seq: number): void {
    this.places ??= new RecoveredPlaces();
    this.places.add(place, seq);
  }

  /** Whether there is something to restore of its order. */
  get hasPlaces(): boolean {
    return this.places !== null;
  }

  /** Every message gets its place again, when the settings are in force. */
  restoreOrder(queue: Queue): void {
    const { order } = queue;
    if (order === null) return;
    const { places } = this;
    order.restore(
      (seq) => places?.of(seq),
      (visit) => queue.ready.forEach(visit),
      (visit) => queue.contents.forEachRetrying(visit),
    );
    this.places = null;
  }

  /** The flags that a message of this priority has here. @param priority -1 for none */
  withPriority(flags: QueueEntryFlags, priority: number): QueueEntryFlags {
    const { priorityMax } = this.settings;
    return priorityMax < 0 ? flags : withLevel(flags, priority, priorityMax);
  }

  // ----------------------------------------------------------------------------------------------------- records

  push(seq: number, flags: QueueEntryFlags): void {
    this.ready.push(seq, flags);
  }

  /** Waits, but not in order: it came back, or was held by a consumer when the checkpoint was written. */
  held(seq: number, flags: QueueEntryFlags): void {
    this.ready.giveBack(seq, flags);
  }

  positions(chunk: Chunk): void {
    this.ready.adopt(chunk);
  }

  settled(seq: number): void {
    if (this.unpark(seq)) return;
    this.ready.remove(seq);
  }

  /** Back to its place with these flags. */
  returnedTo(seq: number, flags: QueueEntryFlags): void {
    if (this.retrying?.delete(seq)) this.held(seq, flags);
    else this.ready.amend(seq, flags);
  }

  retry(seq: number, flags: QueueEntryFlags, dueMs: number, token = ''): void {
    this.settled(seq);
    this.retrying ??= new Map();
    this.retrying.set(seq, { flags, dueMs, token });
  }

  died(seq: number, flags: QueueEntryFlags, reason: DeathReason): void {
    this.settled(seq);
    this.dying ??= new Map();
    this.dying.set(seq, { flags, reason });
  }

  private unpark(seq: number): boolean {
    return this.dying?.delete(seq) === true || this.retrying?.delete(seq) === true;
  }

  /** Whatever was known of what it holds is superseded. */
  clear(): void {
    this.ready.clear();
    this.places?.clear();
    this.dying = null;
    this.retrying = null;
  }

  // ----------------------------------------------------------------------------------------------------- restore

  /**
   * Fills a queue that was made from this.
   * @param unclean it cannot be known which messages had been handed out: all of them may have been
   */
  restore(queue: Queue, unclean: boolean): void {
    if (this.mayExpire) queue.expectExpiry();
    if (this.grouped) queue.expectGroups();
    const { ready } = this;
    const hold: VisitEntry = (seq, flags) => queue.contents.recoverHeld(seq, flags);
    ready.compact(unclean ? FLAG_DELIVERED : 0);
    ready.forEachChunk((chunk) => queue.contents.recoverChunk(chunk));
    ready.forEachReturned(hold);
    this.dying?.forEach(({ flags, reason }, seq) => {
      queue.contents.recoverDying(seq, flags, reason);
    });
    this.retrying?.forEach(({ flags, dueMs, token }, seq) => {
      queue.contents.recoverRetry(seq, flags, dueMs, token);
    });
  }
}

/**
 * The contents of a queue: its messages, and how each goes from one part to the next until it is removed.
 *
 * ```
 *  ready ──▶ unsettled ── accepted ───────────────────────────────▶ removed
 *    ▲          ├──────── released, failed ──▶ ready                    ▲
 *    │          └──────── rejected, out of attempts, to be retried ─┐   │
 *    │                                                              ▼   │
 *    ├──── safe now, or its time has come ────────────────────── parked ┘ dead letter stored
 *    └─ push
 * ```
 *
 * What becomes of a message `settlement/` decides; what has to be written down the vhost does (`queue-services.ts`).
 */
import type { Outcome } from '../api/consume.ts';
import type { Work } from '../clock/work.ts';
import type { DeduplicationWindow } from '../deduplication/window.ts';
import { DEATH_REASONS, type DeathReason } from '../message/deaths/deaths.ts';
import { backoffMs } from '../settlement/backoff.ts';
import { type Decision, deathBy } from '../settlement/decide.ts';
import type { QueueConsumer } from './dispatch/consumer.ts';
import { attemptsOf, FLAG_DURABLE, type QueueEntryFlags, type VisitEntry } from './entry-flags.ts';
import type { QueueLimits } from './limits/queue-limits.ts';
import type { QueueSettings } from './limits/settings.ts';
import type { QueueOrder } from './order/queue-order.ts';
import { NOTE_DIED, NOTE_DROPPED, NOTE_REMOVED, NOTE_RETRY } from './passport-notes.ts';
import type { Chunk } from './positions/packed-positions.ts';
import type { QueueServices } from './queue-services.ts';
import type { ReadyMessages } from './ready/ready-messages.ts';
import { DeferredMessages } from './unsettled/deferred-messages.ts';
import { HoldLimits } from './unsettled/hold-limits.ts';
import { ParkedMessages } from './unsettled/parked-messages.ts';
import { SettlementBatch } from './unsettled/settlement-batch.ts';
import { type MessageEnds, type SettlingQueue, UnsettledMessages } from './unsettled/unsettled-messages.ts';

/** Shared by all queues that have parked nothing yet, and never written to. */
const NOTHING_PARKED = new ParkedMessages();

/** Why a message is neither ready nor with a consumer. */
export type ParkedWhy = 'retrying' | 'dying' | 'held-back';

/** The queue, as its contents see it. */
export interface ContainingQueue<Q> extends SettlingQueue {
  readonly durable: boolean;
  readonly id: number;
  readonly settings: QueueSettings;
  readonly services: QueueServices<Q>;
  readonly ready: ReadyMessages;
  /** Null for a queue that does nothing by itself. */
  readonly limits: QueueLimits | null;
  /** Null for a queue that takes everything. */
  readonly window: DeduplicationWindow | null;
  /** Null where messages are handed out as they came. */
  readonly order: QueueOrder | null;
  /** Takes a message for the first time. */
  push(seq: number, flags: QueueEntryFlags): void;
  /** Takes a message that comes back to its place. */
  giveBack(seq: number, flags: QueueEntryFlags): void;
}

export class QueueContents<Q extends ContainingQueue<Q>> implements MessageEnds {
  /** Null until something was delivered. */
  unsettled: UnsettledMessages | null = null;
  /** Null until a consumer may not hold what it is given for ever. */
  holdLimits: HoldLimits | null = null;
  private parked = NOTHING_PARKED;
  /** Null until one was parked under a token. */
  deferred: DeferredMessages | null = null;
  /** Null until a durable message was settled. */
  private settled: SettlementBatch | null = null;
  private readonly queue: Q;

  constructor(queue: Q) {
    this.queue = queue;
  }

  /** Messages that consumers hold. */
  get unsettledCount(): number {
    return this.unsettled === null ? 0 : this.unsettled.size;
  }

  get isEmpty(): boolean {
    return this.queue.ready.length + this.unsettledCount + this.parked.size === 0;
  }

  /** Its settlement is logged. */
  private isDurable(flags: QueueEntryFlags): boolean {
    return this.queue.durable && (flags & FLAG_DURABLE) !== 0;
  }

  // --------------------------------------------------------------------------------------- delivered and not settled

  /** A consumer holds it from now on; returns the delivery's slot. */
  hold(seq: number, flags: QueueEntryFlags, consumer: QueueConsumer): number {
    this.unsettled ??= new UnsettledMessages(this.queue, this);
    return this.unsettled.hold(seq, flags, consumer);
  }

  /** This consumer comes under the limit on how long it may hold a delivery, if it has one. */
  limitHolding(consumer: QueueConsumer): void {
    if (consumer.settled || consumer.sink.overdue === undefined) return;
    this.unsettled ??= new UnsettledMessages(this.queue, this);
    this.holdLimits ??= new HoldLimits(this.queue, this.unsettled);
    this.holdLimits.attach(consumer);
  }

  /** Ends what the consumer holds: in parts, if it is much. */
  settleAll(consumer: QueueConsumer, outcome: Outcome, done: () => void): void {
    if (this.unsettled === null) done();
    else this.unsettled.settleAll(consumer, outcome, done);
  }

  requeue(seq: number, flags: QueueEntryFlags, back: QueueEntryFlags): void {
    const { queue } = this;
    if (back !== flags && this.isDurable(flags)) queue.services.logReturned(queue, seq, back);
    queue.services.counters.requeued++;
    queue.giveBack(seq, back);
  }

  /** The message is done with in this queue: its settlement is logged with the turn's others, its reference goes. */
  remove(seq: number, flags: QueueEntryFlags): void {
    const { queue } = this;
    if (this.parked.size > 0) {
      this.parked.take(seq);
      this.deferred?.remove(seq);
    }
    if (queue.limits !== null) queue.limits.gone(seq);
    if (queue.window !== null) queue.window.left(seq);
    if (queue.order !== null) queue.order.gone(seq);
    if (this.isDurable(flags)) {
      this.settled ??= new SettlementBatch();
      this.settled.add(seq);
      if (this.settled.count === 1) queue.services.settling(queue);
    }
    queue.services.store.release(seq, flags);
  }

  /** The same, because somebody wants it gone. */
  removeAsked(seq: number, flags: QueueEntryFlags): void {
    this.note(seq, flags, NOTE_REMOVED, 0);
    this.remove(seq, flags);
  }

  /** The same, because it could not be sent on as a dead letter. */
  removeDropped(seq: number, flags: QueueEntryFlags): void {
    this.note(seq, flags, NOTE_DROPPED, 0);
    this.remove(seq, flags);
  }

  private note(seq: number, flags: QueueEntryFlags, what: number, detail: number): void {
    const { queue } = this;
    if (queue.settings.passport) queue.services.passports.note(queue, seq, flags, what, null, detail);
  }

  /** Writes the settlements gathered so far, now: for whoever needs the mark that covers them. */
  flushSettled(): void {
    const { settled, queue } = this;
    if (settled === null || settled.count === 0) return;
    queue.services.logSettled(queue, settled.seqs, settled.count);
    settled.clear();
  }

  // --------------------------------------------------------------------------------------------------------- parked

  /** Parks a message: nobody gets it until `admit`, `retry` or `remove`. */
  park(seq: number, flags: QueueEntryFlags): void {
    if (this.parked === NOTHING_PARKED) this.parked = new ParkedMessages();
    this.parked.add(seq, flags);
  }

  /** A message that was parked because it was not safe yet is safe, and ready. */
  admit(seq: number): void {
    if (this.queue.deleted) return;
    const flags = this.parked.take(seq);
    if (flags !== undefined) this.queue.push(seq, flags);
  }

  /** A message that nobody has refused is dead: too old, or one too many. */
  end(seq: number, flags: QueueEntryFlags, reason: DeathReason): void {
    this.die(seq, flags, deathBy(this.queue.settings, attemptsOf(flags), reason));
  }

  /** It is dead: parked until its vhost has carried out what becomes of it. */
  die(seq: number, flags: QueueEntryFlags, decision: Decision): void {
    this.note(seq, flags, NOTE_DIED, DEATH_REASONS.indexOf(decision.reason));
    this.park(seq, flags);
    this.queue.order?.gone(seq);
    this.queue.services.died(this.queue, seq, flags, decision);
  }

  /** It has died, and what becomes of it must be read first: neither a crash nor a restart brings it back to its place. */
  setDying(seq: number, flags: QueueEntryFlags, reason: DeathReason): void {
    if (!this.parked.setDying(seq, reason)) return;
    if (this.isDurable(flags)) this.queue.services.logDying(this.queue, seq, flags, reason);
  }

  /** What a message that is parked waits for, and when that is over (epoch milliseconds, 0: nobody knows). Undefined: it is not parked. */
  parkedFor(
    seq: number,
  ): { readonly flags: QueueEntryFlags; readonly why: ParkedWhy; readonly dueMs: number } | undefined {
    const flags = this.parked.flagsOf(seq);
    if (flags === undefined) return undefined;
    const dueMs = this.parked.retriesAtMs(seq);
    return {
      flags,
      why: this.parked.isDying(seq) ? 'dying' : dueMs === undefined ? 'held-back' : 'retrying',
      dueMs: dueMs ?? 0,
    };
  }

  /** What has become of it is not carried out yet. */
  isDying(seq: number): boolean {
    return this.parked.isDying(seq);
  }

  retryLater(seq: number, back: QueueEntryFlags): void {
    const { queue } = this;
    const { services } = queue;
    const dueMs = services.nowMs() + backoffMs(queue.settings.backoff!, attemptsOf(back), seq);
    if (this.isDurable(back)) services.logRetry(queue, seq, back, dueMs);
    services.counters.requeued++;
    services.counters.retried++;
    this.note(seq, back, NOTE_RETRY, dueMs);
    this.awaitRetry(seq, back, dueMs);
    queue.order?.retries(seq);
    services.tryAgainAt(queue, seq, dueMs);
  }

  private awaitRetry(seq: number, flags: QueueEntryFlags, dueMs: number, token = ''): void {
    this.park(seq, flags);
    this.parked.setRetrying(seq, dueMs);
    if (token === '') return;
    this.deferred ??= new DeferredMessages();
    this.deferred.add(seq, token);
  }

  /** A consumer has parked it until then; under a token, unless that is ''. @param dueMs epoch milliseconds */
  defer(seq: number, back: QueueEntryFlags, dueMs: number, token: string): void {
    const { queue } = this;
    const { services } = queue;
    if (this.isDurable(back)) {
      if (token === '') services.logRetry(queue, seq, back, dueMs);
      else services.logDeferred(queue, seq, back, dueMs, token);
    }
    services.counters.requeued++;
    services.counters.deferred++;
    this.note(seq, back, NOTE_RETRY, dueMs);
    this.awaitRetry(seq, back, dueMs, token);
    queue.order?.retries(seq);
    services.tryAgainAt(queue, seq, dueMs);
  }

  /** The flags of one that is deferred still; undefined: it is not. */
  deferredFlags(seq: number): QueueEntryFlags | undefined {
    return this.deferred?.tokenOf(seq) === undefined ? undefined : this.parked.flagsOf(seq);
  }

  /** Messages that are parked under tokens, `max` of them at most, and until when: epoch milliseconds. */
  listDeferred(max: number): { readonly position: number; readonly token: string; readonly deliveryTime: number }[] {
    const listed: { position: number; token: string; deliveryTime: number }[] = [];
    for (const [position, token] of this.deferred?.entries() ?? []) {
      if (listed.length === max) break;
      listed.push({ position, token, deliveryTime: this.parked.retriesAtMs(position)! });
    }
    return listed;
  }

  /** Takes out one that is deferred, for who has asked for it; returns its token. */
  takeDeferred(seq: number): string {
    const { queue, parked } = this;
    const flags = parked.take(seq)!;
    if (this.isDurable(flags)) queue.services.logReturned(queue, seq, flags);
    queue.services.counters.deferredClaimed++;
    queue.services.retryAbandoned();
    return this.deferred!.remove(seq)!;
  }

  /** Whether it is tried again then. @param dueMs epoch milliseconds */
  isTriedAt(seq: number, dueMs: number): boolean {
    return this.parked.retriesAtMs(seq) === dueMs;
  }

  /** Its time has come: back to its place, unless something else became of it. @param dueMs epoch milliseconds */
  retry(seq: number, dueMs: number): void {
    if (this.queue.deleted || this.parked.retriesAtMs(seq) !== dueMs) return;
    this.deferred?.remove(seq);
    this.queue.giveBack(seq, this.parked.take(seq)!);
    this.queue.wake();
  }

  // ------------------------------------------------------------------------------------------------- the queue's end

  /** Lets go of everything; nothing of it is written down. A part; true when all is gone. */
  releaseAll(work: Work): boolean {
    this.settled?.clear();
    const { parked } = this;
    const { ready, services } = this.queue;
    const { store } = services;
    while (ready.length > 0) {
      const seq = ready.headSeq();
      const flags = ready.headFlags();
      ready.shift();
      store.release(seq, flags);
      work.spend(1);
      if (work.over) return false;
    }
    for (let entry = parked.takeAny(); entry !== undefined; entry = parked.takeAny()) {
      store.release(...entry);
      work.spend(1);
      if (work.over) return false;
    }
    if (this.unsettled !== null && !this.unsettled.releaseAll(work)) return false;
    ready.clear();
    return true;
  }

  // ------------------------------------------------------------------------------------------------------- recovery

  /** Recovery: positions from a checkpoint. */
  recoverChunk(chunk: Chunk): void {
    this.queue.ready.adopt(chunk);
  }

  /** Recovery: one that is not in that order. */
  recoverHeld(seq: number, flags: QueueEntryFlags): void {
    this.queue.giveBack(seq, flags);
  }

  /** Recovery: it failed and is to be tried again then, which may be past by now. @param dueMs epoch milliseconds */
  recoverRetry(seq: number, flags: QueueEntryFlags, dueMs: number, token: string): void {
    this.awaitRetry(seq, flags, dueMs, token);
  }

  /** Recovery: it has died, and what it was to become is not in the log. */
  recoverDying(seq: number, flags: QueueEntryFlags, reason: DeathReason): void {
    this.park(seq, flags);
    this.parked.setDying(seq, reason);
  }

  /** What recovery has found is carried out from now on: retries at their time, dead letters. */
  begin(): void {
    const { queue } = this;
    this.forEachRetrying((seq, _flags, dueMs) => queue.services.tryAgainAt(queue, seq, dueMs));
    this.forEachDying((seq, flags, reason) => {
      queue.services.died(queue, seq, flags, deathBy(queue.settings, attemptsOf(flags), reason));
    });
  }

  // ---------------------------------------------------------------------------------------------------- checkpoints

  /** What waits in order, packed. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    this.queue.ready.forEachChunk(visit);
  }

  /** What is not in that order: returned, held by consumers, or parked. */
  forEachHeld(visit: VisitEntry): void {
    this.queue.ready.forEachReturned(visit);
    this.unsettled?.forEach(visit);
    this.parked.forEach(visit);
  }

  /** Those that are parked to be tried again, and when: epoch milliseconds. */
  forEachRetrying(visit: (seq: number, flags: QueueEntryFlags, dueMs: number, token: string) => void): void {
    const { deferred } = this;
    this.parked.forEachRetrying((seq, flags, dueMs) => {
      visit(seq, flags, dueMs, deferred?.tokenOf(seq) ?? '');
    });
  }

  /** Those that are parked because they have died, and what of. */
  forEachDying(visit: (seq: number, flags: QueueEntryFlags, reason: DeathReason) => void): void {
    this.parked.forEachDying(visit);
  }

  /** Everything that the queue needs of the messages `first` to `last`, both included. */
  forEachIn(first: number, last: number, visit: VisitEntry): void {
    this.queue.ready.forEachIn(first, last, visit);
    this.forEachHeld((seq, flags) => {
      if (seq >= first && seq <= last) visit(seq, flags);
    });
  }
}

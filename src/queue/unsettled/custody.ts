/**
 * What a queue is answerable for beside what waits: what consumers hold, and what is aside. How each of them ends is decided
 * by `settlement/`, and written down by the queue's owner.
 *
 * ```
 *  waiting ──▶ held ── accepted ─────────────────────────▶ buried
 *     ▲          ├──── given back ──▶ waiting
 *     │          ├──── to be tried later ──▶ aside ──▶ waiting
 *     └─ admit ──┼── aside: not safe yet
 *                └──── rejected, or out of attempts ──▶ aside ── dead letter stored ──▶ buried
 * ```
 */
import { ACCEPTED, type Outcome } from '../../api/consume.ts';
import type { QueueOptions } from '../../api/topology.ts';
import type { Work } from '../../clock/work.ts';
import type { DeathReason } from '../../message/annotations.ts';
import { backoffMs } from '../../settlement/backoff.ts';
import { DONE, deathBy, decide, REQUEUE, RETRY } from '../../settlement/decide.ts';
import type { QueueConsumer } from '../dispatch/consumer.ts';
import { attemptsOf, FLAG_DELIVERED, FLAG_DURABLE, withAttempts } from '../entry-flags.ts';
import type { QueueSettings } from '../limits/settings.ts';
import type { QueueOwner } from '../queue-services.ts';
import { Backlog } from '../ready/backlog.ts';
import { Deliveries } from './unsettled-messages.ts';

// Shared by all queues that do not need one of their own yet.
const NO_DELIVERIES = new Deliveries();
const NO_ASIDE = new Map<number, number>();
const NO_DYING = new Map<number, DeathReason>();
const NO_RETRYING = new Map<number, number>();
const NO_SEQS = new Float64Array(0);

export abstract class Custody extends Backlog {
  readonly id: number;
  readonly name: string;
  readonly options: QueueOptions;
  deleted = false;
  /** Its owner has gone: whoever looks for it finds it deleted. */
  abandoned = false;
  /** What it does with its messages: what it was declared with, and an operator's policy merged into that. */
  settings: QueueSettings;
  protected readonly owner: QueueOwner;
  protected deliveries = NO_DELIVERIES;
  /**
   * Neither waiting nor held: exactly-once messages that are not safe yet, dead letters being read back, messages that
   * cannot be read. They are nobody's to take, and not to be forgotten.
   */
  protected aside: Map<number, number> = NO_ASIDE;
  /** Of those that are aside: what they have died of, while that is still to be carried out. */
  protected dying: Map<number, DeathReason> = NO_DYING;
  /** Of those that are aside: when they are to be tried again, epoch milliseconds. */
  protected retrying: Map<number, number> = NO_RETRYING;
  private settledSeqs = NO_SEQS;
  private settledCount = 0;

  constructor(owner: QueueOwner, id: number, name: string, options: QueueOptions, settings: QueueSettings) {
    super(owner.slab, options, settings.priorityMax);
    this.owner = owner;
    this.id = id;
    this.name = name;
    this.options = options;
    this.settings = settings;
  }

  get unsettled(): number {
    return this.deliveries.size;
  }

  get hollow(): boolean {
    return this.messages + this.deliveries.size + this.aside.size === 0;
  }

  /** A consumer holds it from now on; returns the delivery's slot. */
  protected hold(seq: number, flags: number, consumer: QueueConsumer): number {
    if (this.deliveries === NO_DELIVERIES) this.deliveries = new Deliveries();
    consumer.took();
    return this.deliveries.add(seq, (flags | FLAG_DELIVERED) >>> 0, consumer);
  }

  // ------------------------------------------------------------------------------------------------------- aside

  /** Takes a message that may not be handed out before `admit`. */
  pushAside(seq: number, flags: number): void {
    this.setAside(seq, flags);
  }

  protected setAside(seq: number, flags: number): void {
    if (this.aside === NO_ASIDE) this.aside = new Map();
    this.aside.set(seq, flags);
  }

  admit(seq: number): void {
    const flags = this.aside.get(seq);
    if (flags === undefined || this.deleted) return;
    this.aside.delete(seq);
    this.push(seq, flags);
  }

  protected end(seq: number, flags: number, reason: DeathReason): void {
    this.setAside(seq, flags);
    this.owner.died(this, seq, flags, deathBy(this.settings, attemptsOf(flags), reason));
  }

  /** It has died, and what becomes of it must be read first: neither a crash nor a restart brings it back to its place. */
  setDying(seq: number, flags: number, reason: DeathReason): void {
    if (this.dying.has(seq)) return;
    if (this.dying === NO_DYING) this.dying = new Map();
    this.dying.set(seq, reason);
    if (this.durable && (flags & FLAG_DURABLE) !== 0) this.owner.logDying(this, seq, flags, reason);
  }

  private forgetAside(): void {
    this.aside = NO_ASIDE;
    this.dying = NO_DYING;
    this.retrying = NO_RETRYING;
  }

  // ---------------------------------------------------------------------------------------------------- settling

  settle(consumer: QueueConsumer, slot: number, outcome: Outcome): void {
    if (this.deliveries.holder(slot) !== consumer) {
      if (this.deleted) return; // what a deleted queue had handed out is gone with it
      throw new Error(`delivery ${slot} is not held by this consumer of ${this.name}`);
    }
    const seq = this.deliveries.seq(slot);
    const flags = this.deliveries.flags(slot);
    this.deliveries.remove(slot);
    consumer.gave();
    if (this.deleted) {
      this.owner.store.release(seq, flags);
      return;
    }
    if (outcome === ACCEPTED) {
      this.owner.counters.acknowledged++;
      this.bury(seq, flags);
    } else this.refuse(seq, flags, outcome);
    this.wake();
  }

  private refuse(seq: number, flags: number, outcome: Outcome): void {
    const decision = decide(this.settings, attemptsOf(flags), outcome);
    if (decision.action === DONE) this.bury(seq, flags);
    else if (decision.action === REQUEUE) {
      const back = withAttempts(flags, decision.attempts);
      if (back !== flags && (flags & FLAG_DURABLE) !== 0 && this.durable) this.owner.logReturned(this, seq, back);
      this.owner.counters.requeued++;
      this.addReturned(seq, back);
      if (this.terms !== null) this.terms.returned(seq);
    } else if (decision.action === RETRY) {
      const back = withAttempts(flags, decision.attempts);
      const dueMs = this.owner.nowMs() + backoffMs(this.settings.backoff!, decision.attempts, seq);
      if ((flags & FLAG_DURABLE) !== 0 && this.durable) this.owner.logRetry(this, seq, back, dueMs);
      this.owner.counters.requeued++;
      this.awaitRetry(seq, back, dueMs);
      this.owner.tryAgainAt(this, seq, dueMs);
    } else {
      this.setAside(seq, flags);
      this.owner.died(this, seq, flags, decision);
    }
  }

  private awaitRetry(seq: number, flags: number, dueMs: number): void {
    this.setAside(seq, flags);
    if (this.retrying === NO_RETRYING) this.retrying = new Map();
    this.retrying.set(seq, dueMs);
  }

  /** Its time has come: back to its place, unless something else became of it. */
  retry(seq: number, dueMs: number): void {
    if (this.deleted || this.retrying.get(seq) !== dueMs) return;
    const flags = this.aside.get(seq)!;
    this.retrying.delete(seq);
    this.aside.delete(seq);
    this.addReturned(seq, flags);
    if (this.terms !== null) this.terms.returned(seq);
    this.wake();
  }

  /** The message is done with in this queue: its settlement is logged with the turn's others, its reference goes. */
  bury(seq: number, flags: number): void {
    if (this.aside.size > 0) {
      this.aside.delete(seq);
      if (this.dying.size > 0) this.dying.delete(seq);
    }
    if (this.terms !== null) this.terms.gone(seq);
    if (this.durable && (flags & FLAG_DURABLE) !== 0) {
      if (this.settledCount === this.settledSeqs.length) {
        const larger = new Float64Array(Math.max(64, this.settledCount * 2));
        larger.set(this.settledSeqs);
        this.settledSeqs = larger;
      }
      this.settledSeqs[this.settledCount++] = seq;
      if (this.settledCount === 1) this.owner.settling(this);
    }
    this.owner.store.release(seq, flags);
  }

  /** Writes the settlements gathered so far, now: for whoever needs the mark that covers them. */
  flushSettled(): void {
    if (this.settledCount === 0) return;
    this.owner.logSettled(this, this.settledSeqs, this.settledCount);
    this.settledCount = 0;
    if (this.settledSeqs.length > 65_536) this.settledSeqs = NO_SEQS;
  }

  /** Ends what the consumer holds: in parts, if it is much. */
  settleAll(consumer: QueueConsumer, outcome: Outcome, done: () => void): void {
    const share = consumer.share ?? this.owner.chores;
    const { work } = share;
    let slots: number[] | null = null;
    let next = 0;
    const step = (): boolean => {
      slots ??= this.deliveries.heldBy(consumer);
      while (next < slots.length) {
        const slot = slots[next++]!;
        if (this.deliveries.holder(slot) === consumer) this.settle(consumer, slot, outcome);
        work.spend(1);
        if (work.over) return false;
      }
      return true;
    };
    share.run(step, done);
  }

  /** Lets go of everything, held, aside or waiting; nothing of it is written down. A part; true when all is gone. */
  protected letGo(work: Work): boolean {
    this.settledCount = 0;
    const { store } = this.owner;
    while (this.messages > 0) {
      const seq = this.headSeq();
      const flags = this.headFlags();
      this.shiftHead();
      store.release(seq, flags);
      work.spend(1);
      if (work.over) return false;
    }
    for (const [seq, flags] of this.aside) {
      this.aside.delete(seq);
      store.release(seq, flags);
      work.spend(1);
      if (work.over) return false;
    }
    this.forgetAside();
    const { deliveries } = this;
    while (deliveries.size > 0) {
      const slot = deliveries.nextInUse();
      const consumer = deliveries.holder(slot)!;
      store.release(deliveries.seq(slot), deliveries.flags(slot));
      deliveries.remove(slot);
      consumer.gave();
      work.spend(1);
      if (work.over) return false;
    }
    this.empty();
    return true;
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  /** A settlement found in the log. */
  recoverSettled(seq: number): void {
    if (this.dying.delete(seq) || this.retrying.delete(seq)) this.aside.delete(seq);
    else if (!this.ready.bury(seq) && this.returned.length > 0) this.returned.bury(seq);
  }

  recoverReturned(seq: number, flags: number): void {
    if (this.retrying.delete(seq)) {
      this.aside.delete(seq);
      this.addReturned(seq, flags);
      return;
    }
    if (!this.ready.amend(seq, flags)) this.returned.amend(seq, flags);
  }

  /** It failed and was to be tried again at a time, which may be past by now. */
  recoverRetry(seq: number, flags: number, dueMs: number): void {
    this.recoverSettled(seq);
    this.awaitRetry(seq, flags, dueMs);
  }

  /** It has died, and what it was to become is not in the log. */
  recoverDying(seq: number, flags: number, reason: DeathReason): void {
    this.recoverSettled(seq);
    this.setAside(seq, flags);
    if (this.dying === NO_DYING) this.dying = new Map();
    this.dying.set(seq, reason);
  }

  /** Its positions, which were never counted, are forgotten. */
  discard(): void {
    this.empty();
    this.forgetAside();
  }

  // -------------------------------------------------------------------------------------------------- checkpoints

  /** What is not in that order: returned, held by consumers, or aside. */
  forEachHeld(visit: (seq: number, flags: number) => void): void {
    this.levels?.forEachReturned(visit);
    this.returned.forEach(visit);
    this.deliveries.forEach(visit);
    this.aside.forEach((flags, seq) => {
      visit(seq, flags);
    });
  }

  /** Those aside that are to be tried again, and when. */
  forEachRetrying(visit: (seq: number, flags: number, dueMs: number) => void): void {
    for (const [seq, dueMs] of this.retrying) visit(seq, this.aside.get(seq)!, dueMs);
  }

  /** Those aside that have died, and what of. */
  forEachDying(visit: (seq: number, flags: number, reason: DeathReason) => void): void {
    for (const [seq, reason] of this.dying) visit(seq, this.aside.get(seq)!, reason);
  }

  /** Everything it needs of the messages `first` to `last`. */
  forEachIn(first: number, last: number, visit: (seq: number, flags: number) => void): void {
    this.ready.forEachIn(first, last, visit);
    this.forEachHeld((seq, flags) => {
      if (seq >= first && seq <= last) visit(seq, flags);
    });
  }
}

/**
 * A queue: each message goes to one consumer, and leaves when it is settled.
 *
 * ```
 *            push                    pump                    settle: accepted
 * publisher ------> ready (ring) -----------> held (slots) ------------------> gone
 *                   returned (ordered) <------------------- released, failed
 *                                                          rejected ---------> dead letter, or dropped
 * ```
 *
 * Nothing is handed out in the middle of a turn: what arrives, comes back or gets credit marks the queue, and one pump at
 * the turn's end serves it. The queue decides nothing about retries (`settlement/`) and writes no record itself: its
 * owner, the vhost, does.
 */
import {
  ACCEPTED,
  type Backpressure,
  type ConsumeOptions,
  type Consumer,
  type DeliverySink,
  type DirectSink,
  type GetResult,
  type Outcome,
  type QueueOptions,
} from '../api.ts';
import { PHASE_GATHER, type Turn, type TurnTask } from '../clock/turn.ts';
import { BrokerError } from '../message/errors.ts';
import type { MessageView } from '../message/message.ts';
import type { RouteTarget } from '../routing/binding.ts';
import { type Decision, DONE, decide, REQUEUE, type RetryPolicy } from '../settlement/decide.ts';
import type { Chunk } from './chunk.ts';
import { QueueConsumer } from './consumer.ts';
import { Deliveries } from './deliveries.ts';
import type { MessageStore } from './message-store.ts';
import { Positions } from './positions.ts';
import { Returned } from './returned.ts';
import type { Slab } from './slab.ts';
import { attemptsOf, WORD_DELIVERED, WORD_DURABLE, withAttempts } from './word.ts';

/** Carries out what a queue cannot: records, dead letters, its own end. */
export interface QueueOwner {
  readonly vhost: string;
  readonly store: MessageStore;
  readonly turn: Turn;
  readonly counters: QueueCounters;
  /** The one view that all queues show their messages with: one message is shown at a time. */
  readonly deliveryView: MessageView;
  /** Where all queues keep what waits. */
  readonly slab: Slab;
  /** This queue has begun to gather settlements: call `flushSettled` by the end of the turn. */
  settling(queue: Queue): void;
  /** These durable messages are settled in this queue; the array is the caller's to use again. */
  logSettled(queue: Queue, seqs: Float64Array, count: number): void;
  /** A durable message was returned with this word. */
  logReturned(queue: Queue, seq: number, word: number): void;
  /** A message was refused for good. The owner settles it (`Queue.bury`) once its dead letter is stored. */
  died(queue: Queue, seq: number, word: number, decision: Decision): void;
  /** The last consumer of an auto-delete queue has gone. */
  unused(queue: Queue): void;
  /** A message cannot be read back; the log has reported why. */
  unreadable(queue: Queue, seq: number, error: Error): void;
}

export interface QueueCounters {
  delivered: number;
  redelivered: number;
  acknowledged: number;
  requeued: number;
}

const NO_RETURNED = new Returned();
const NO_DELIVERIES = new Deliveries();
const NO_ASIDE = new Map<number, number>();
const NO_SEQS = new Float64Array(0);

export class Queue implements RouteTarget, TurnTask {
  // What each publish looks at comes first, so that it lies together.
  inTurn = false;
  readonly durable: boolean;
  /** At-most-once messages go to `direct` rather than into the queue. */
  readonly directMode: boolean;
  /** It has consumers. */
  private attended = false;
  private readonly ready: Positions;
  readonly id: number;
  readonly name: string;
  readonly options: QueueOptions;
  /** The session it is exclusive to, or null. */
  readonly exclusiveTo: object | null;
  readonly policy: RetryPolicy;
  origin: string;
  direct: DirectSink | null = null;
  /** The direct subscriber did not drain in time: publishers do not wait for it. */
  slow = false;
  deleted = false;
  readonly consumers: QueueConsumer[] = [];
  // Most queues are idle most of the time: what they do not need yet is shared by all of them, and never written to.
  private returned = NO_RETURNED;
  private deliveries = NO_DELIVERIES;
  /**
   * Neither waiting nor held: exactly-once messages that are not safe yet, dead letters being read back, messages that
   * cannot be read. They are nobody's to take, and not to be forgotten.
   */
  private aside: Map<number, number> = NO_ASIDE;
  private readonly owner: QueueOwner;
  private nextConsumer = 0;
  private loading = false;
  /** A consumer has deliveries to be made again. */
  private replaying = false;
  private settledSeqs = NO_SEQS;
  private settledCount = 0;

  constructor(
    owner: QueueOwner,
    id: number,
    name: string,
    options: QueueOptions,
    policy: RetryPolicy,
    exclusiveTo: object | null,
  ) {
    this.ready = new Positions(owner.slab);
    this.owner = owner;
    this.id = id;
    this.name = name;
    this.durable = options.durable;
    this.options = options;
    this.policy = policy;
    this.exclusiveTo = exclusiveTo;
    this.directMode = options.atMostOnce === 'direct';
    this.origin = name;
  }

  /** Messages that wait, not those that are held. */
  get messages(): number {
    return this.ready.length + this.returned.length;
  }

  get unsettled(): number {
    return this.deliveries.size;
  }

  /** Takes a message whose reference has been counted. */
  push(seq: number, word: number): void {
    if (seq > this.ready.lastSeq()) this.ready.push(seq, word);
    else this.addReturned(seq, word); // it was held back while others passed: to its own place
    this.wake();
  }

  /** Takes a message that may not be handed out before `admit`. */
  pushAside(seq: number, word: number): void {
    this.setAside(seq, word);
  }

  private setAside(seq: number, word: number): void {
    if (this.aside === NO_ASIDE) this.aside = new Map();
    this.aside.set(seq, word);
  }

  private addReturned(seq: number, word: number): void {
    if (this.returned === NO_RETURNED) this.returned = new Returned();
    this.returned.add(seq, word);
  }

  admit(seq: number): void {
    const word = this.aside.get(seq);
    if (word === undefined || this.deleted) return;
    this.aside.delete(seq);
    this.push(seq, word);
  }

  /** Something may be deliverable: look at the end of this turn. */
  wake(): void {
    if (this.attended && !this.inTurn) this.owner.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    this.pump();
  }

  // ------------------------------------------------------------------------------------------------- handing out

  private pump(): void {
    if (this.loading || this.deleted) return;
    if (this.replaying && !this.replayAll()) return;
    for (;;) {
      const consumer = this.nextReady();
      if (consumer === null) return;
      const fromReturned = this.returnedFirst();
      if (!fromReturned && this.ready.length === 0) return;
      const seq = fromReturned ? this.returned.headSeq() : this.ready.headSeq();
      const word = fromReturned ? this.returned.headWord() : this.ready.headWord();
      if (!this.owner.store.view(seq, word, this.owner.deliveryView)) {
        this.load(seq, word);
        return;
      }
      if (fromReturned) this.returned.shift();
      else this.ready.shift();
      this.nextConsumer++;
      this.handOut(consumer, seq, word);
    }
  }

  /** Whether the next in order is one that came back. */
  private returnedFirst(): boolean {
    const { returned, ready } = this;
    return returned.length > 0 && (ready.length === 0 || returned.headSeq() < ready.headSeq());
  }

  /** `view` shows the message. */
  private handOut(consumer: QueueConsumer, seq: number, word: number): void {
    const counters = this.owner.counters;
    counters.delivered++;
    if (this.owner.deliveryView.redelivered) counters.redelivered++;
    if (consumer.settled) {
      consumer.sink.deliver(this.owner.deliveryView, -1);
      counters.acknowledged++;
      this.bury(seq, word);
      return;
    }
    if (this.deliveries === NO_DELIVERIES) this.deliveries = new Deliveries();
    const slot = this.deliveries.add(seq, (word | WORD_DELIVERED) >>> 0, consumer);
    consumer.took();
    consumer.sink.deliver(this.owner.deliveryView, slot);
  }

  /** What resumed consumers hold comes before anything new. False if something must be loaded first. */
  private replayAll(): boolean {
    let left = false;
    for (const consumer of this.consumers) {
      while (consumer.replay.length > 0 && consumer.ready()) if (!this.replayOne(consumer)) return false;
      if (consumer.replay.length > 0) left = true;
    }
    this.replaying = left;
    return true;
  }

  private replayOne(consumer: QueueConsumer): boolean {
    const slot = consumer.replay[0]!;
    if (this.deliveries.holder(slot) === consumer) {
      const seq = this.deliveries.seq(slot);
      const word = this.deliveries.word(slot);
      if (!this.owner.store.view(seq, word, this.owner.deliveryView)) {
        this.load(seq, word);
        return false;
      }
      consumer.replay.shift();
      this.owner.counters.delivered++;
      this.owner.counters.redelivered++;
      consumer.sink.deliver(this.owner.deliveryView, slot);
    } else consumer.replay.shift();
    return true;
  }

  /** The next consumer in turn that can take one; null if none can. Its turn is over once it got something. */
  private nextReady(): QueueConsumer | null {
    const consumers = this.consumers;
    const n = consumers.length;
    for (let i = 0; i < n; i++) {
      if (this.nextConsumer >= n) this.nextConsumer = 0;
      const consumer = consumers[this.nextConsumer]!;
      if (consumer.ready()) return consumer;
      this.nextConsumer++;
    }
    return null;
  }

  private load(seq: number, word: number): void {
    this.loading = true;
    this.owner.store.load(seq, word, (error) => {
      this.loading = false;
      if (this.deleted) return;
      if (error !== undefined) this.skipUnreadable(seq, error);
      // Straight on: the block that was loaded may be evicted again by the turn's end.
      this.pump();
    });
  }

  /** It stays in the log, unsettled, for whoever repairs it; the queue goes on without it. */
  private skipUnreadable(seq: number, error: Error): void {
    if (this.returned.length > 0 && this.returned.headSeq() === seq) {
      this.setAside(seq, this.returned.headWord());
      this.returned.shift();
    } else if (this.ready.length > 0 && this.ready.headSeq() === seq) {
      this.setAside(seq, this.ready.headWord());
      this.ready.shift();
    }
    for (const consumer of this.consumers) {
      consumer.replay = consumer.replay.filter((slot) => this.deliveries.seq(slot) !== seq);
    }
    this.owner.unreadable(this, seq, error);
  }

  // ---------------------------------------------------------------------------------------------------- settling

  settle(consumer: QueueConsumer, slot: number, outcome: Outcome): void {
    if (this.deliveries.holder(slot) !== consumer) {
      if (this.deleted) return; // what a deleted queue had handed out is gone with it
      throw new Error(`delivery ${slot} is not held by this consumer of ${this.name}`);
    }
    const seq = this.deliveries.seq(slot);
    const word = this.deliveries.word(slot);
    this.deliveries.remove(slot);
    consumer.gave();
    if (outcome === ACCEPTED) {
      this.owner.counters.acknowledged++;
      this.bury(seq, word);
    } else this.refuse(seq, word, outcome);
    this.wake();
  }

  private refuse(seq: number, word: number, outcome: Outcome): void {
    const decision = decide(this.policy, attemptsOf(word), outcome);
    if (decision.action === DONE) this.bury(seq, word);
    else if (decision.action === REQUEUE) {
      const back = withAttempts(word, decision.attempts);
      if (back !== word && (word & WORD_DURABLE) !== 0 && this.durable) this.owner.logReturned(this, seq, back);
      this.owner.counters.requeued++;
      this.addReturned(seq, back);
    } else {
      this.setAside(seq, word);
      this.owner.died(this, seq, word, decision);
    }
  }

  /** The message is done with in this queue: its settlement is logged with the turn's others, its reference goes. */
  bury(seq: number, word: number): void {
    if (this.aside.size > 0) this.aside.delete(seq);
    if (this.durable && (word & WORD_DURABLE) !== 0) {
      if (this.settledCount === this.settledSeqs.length) {
        const larger = new Float64Array(Math.max(64, this.settledCount * 2));
        larger.set(this.settledSeqs);
        this.settledSeqs = larger;
      }
      this.settledSeqs[this.settledCount++] = seq;
      if (this.settledCount === 1) this.owner.settling(this);
    }
    this.owner.store.release(seq, word);
  }

  /** Writes the settlements gathered so far, now: for whoever needs the mark that covers them. */
  flushSettled(): void {
    if (this.settledCount === 0) return;
    this.owner.logSettled(this, this.settledSeqs, this.settledCount);
    this.settledCount = 0;
    if (this.settledSeqs.length > 65_536) this.settledSeqs = NO_SEQS;
  }

  settleAll(consumer: QueueConsumer, outcome: Outcome): void {
    for (const slot of this.deliveries.heldBy(consumer)) this.settle(consumer, slot, outcome);
  }

  /** Delivers again what a consumer holds, before anything new. */
  replay(consumer: QueueConsumer): void {
    consumer.replay = this.deliveries.heldBy(consumer);
    this.replaying = true;
    this.wake();
  }

  // --------------------------------------------------------------------------------------------------- consumers

  addConsumer(options: ConsumeOptions, sink: DeliverySink, output: Backpressure): QueueConsumer {
    if (this.consumers.some((c) => c.exclusive) || (options.exclusive && this.consumers.length > 0)) {
      throw new BrokerError('access-refused', `queue '${this.name}' in vhost '${this.owner.vhost}' in exclusive use`);
    }
    const consumer = new QueueConsumer(this, options, sink, output);
    this.consumers.push(consumer);
    this.attended = true;
    this.wake();
    return consumer;
  }

  cancelConsumer(consumer: QueueConsumer, outcome?: Outcome): void {
    if (consumer.active) {
      consumer.active = false;
      const at = this.consumers.indexOf(consumer);
      if (at >= 0) this.consumers.splice(at, 1);
      this.attended = this.consumers.length > 0;
    }
    if (outcome !== undefined && consumer.held > 0 && !this.deleted) this.settleAll(consumer, outcome);
    const last = this.consumers.length === 0 && !consumer.passive;
    if (last && this.options.autoDelete && !this.deleted) this.owner.unused(this);
  }

  /** Takes one message for `holder`, if there is one; `done` is called with undefined if not. */
  get(holder: QueueConsumer, done: (result: GetResult | undefined, consumer: Consumer) => void): void {
    const fromReturned = this.returnedFirst();
    if (this.deleted || (!fromReturned && this.ready.length === 0)) {
      done(undefined, holder);
      return;
    }
    const seq = fromReturned ? this.returned.headSeq() : this.ready.headSeq();
    const word = fromReturned ? this.returned.headWord() : this.ready.headWord();
    if (!this.owner.store.view(seq, word, this.owner.deliveryView)) {
      this.owner.store.load(seq, word, (error) => {
        if (error !== undefined) this.skipUnreadable(seq, error);
        this.get(holder, done);
      });
      return;
    }
    if (fromReturned) this.returned.shift();
    else this.ready.shift();
    this.handOut(holder, seq, word);
    done({ remaining: this.messages }, holder);
  }

  /** Removes what waits; returns how many. */
  purge(): number {
    const messages = this.messages;
    const gone = (seq: number, word: number): void => this.bury(seq, word);
    this.returned.forEach(gone);
    this.ready.forEach(gone);
    this.returned = NO_RETURNED;
    this.ready.clear();
    this.flushSettled();
    return messages;
  }

  /** Lets go of everything; the owner has logged that the queue is gone. Returns how many messages waited. */
  delete(): number {
    const messages = this.messages;
    this.deleted = true;
    this.settledCount = 0;
    const gone = (seq: number, word: number): void => this.owner.store.release(seq, word);
    this.returned.forEach(gone);
    this.ready.forEach(gone);
    this.deliveries.forEach(gone);
    for (const [seq, word] of this.aside) gone(seq, word);
    this.aside = NO_ASIDE;
    this.deliveries.clear((holder) => holder.gave());
    this.returned = NO_RETURNED;
    this.ready.clear();
    for (const consumer of this.consumers.splice(0)) {
      consumer.active = false;
      consumer.sink.cancelled('queue-deleted');
    }
    return messages;
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  /** A settlement found in the log. */
  recoverSettled(seq: number): void {
    if (!this.ready.bury(seq) && this.returned.length > 0) this.returned.bury(seq);
  }

  recoverReturned(seq: number, word: number): void {
    if (!this.ready.amend(seq, word)) this.returned.amend(seq, word);
  }

  /** Its positions, which were never counted, are forgotten. */
  discard(): void {
    this.returned = NO_RETURNED;
    this.ready.clear();
  }

  /** Recovery: positions from a checkpoint. */
  recoverChunk(chunk: Chunk): void {
    this.ready.adopt(chunk);
  }

  recoverHeld(seq: number, word: number): void {
    this.addReturned(seq, word);
  }

  /** @param unclean it cannot be known which messages had been handed out: all of them may have been */
  recovered(unclean: boolean): void {
    this.ready.compact(unclean ? WORD_DELIVERED : 0);
    if (unclean) this.returned.mark(WORD_DELIVERED);
  }

  // -------------------------------------------------------------------------------------------------- checkpoints

  /** What waits in order, packed. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    this.ready.forEachChunk(visit);
  }

  /** What is not in that order: returned, held by consumers, or aside. */
  forEachHeld(visit: (seq: number, word: number) => void): void {
    this.returned.forEach(visit);
    this.deliveries.forEach(visit);
    this.aside.forEach((word, seq) => {
      visit(seq, word);
    });
  }

  /** Everything it needs of the messages `first` to `last`. */
  forEachIn(first: number, last: number, visit: (seq: number, word: number) => void): void {
    this.ready.forEachIn(first, last, visit);
    this.forEachHeld((seq, word) => {
      if (seq >= first && seq <= last) visit(seq, word);
    });
  }
}

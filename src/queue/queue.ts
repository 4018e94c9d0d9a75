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
import type { Clock } from '../clock/clock.ts';
import { PHASE_GATHER, type Turn, type TurnTask } from '../clock/turn.ts';
import type { DeathReason } from '../message/annotations.ts';
import { BrokerError } from '../message/errors.ts';
import type { Draft, MessageView } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { RouteTarget } from '../routing/binding.ts';
import { backoffMs } from '../settlement/backoff.ts';
import { type Decision, DONE, deathBy, decide, REQUEUE, RETRY } from '../settlement/decide.ts';
import type { Chunk } from './chunk.ts';
import { QueueConsumer } from './consumer.ts';
import { Deliveries } from './deliveries.ts';
import { Holed } from './holed.ts';
import { Lease } from './lease.ts';
import { Levels, levelOf, type Waiting, withLevel } from './levels.ts';
import { Matching, type Readable } from './matching.ts';
import type { MessageStore } from './message-store.ts';
import { Positions } from './positions.ts';
import { Returned } from './returned.ts';
import { type PolicySettings, type QueueSettings, withPolicy } from './settings.ts';
import type { Slab } from './slab.ts';
import { ENDED_A_TURN, type Tended, Terms } from './terms.ts';
import { Turns } from './turns.ts';
import { attemptsOf, WORD_DELIVERED, WORD_DURABLE, withAttempts } from './word.ts';

/** Carries out what a queue cannot: records, dead letters, its own end. */
export interface QueueOwner {
  readonly vhost: string;
  readonly store: MessageStore;
  readonly turn: Turn;
  readonly clock: Clock;
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
  /** A durable message has died and what becomes of it is not stored yet: not to be forgotten, nor to wait here again. */
  logDying(queue: Queue, seq: number, word: number, reason: DeathReason): void;
  /** A durable message has failed, and is to be tried again then, with this word. */
  logRetry(queue: Queue, seq: number, word: number, dueMs: number): void;
  /** Call `retry` then. */
  tryAgainAt(queue: Queue, seq: number, dueMs: number): void;
  /** A message has died here. The owner settles it (`Queue.bury`) once its dead letter is stored. */
  died(queue: Queue, seq: number, word: number, decision: Decision): void;
  /** The last consumer of an auto-delete queue has gone, or nobody has used the queue for as long as it may be unused. */
  unused(queue: Queue): void;
  /** In the neutral form. */
  properties(view: MessageView): Properties;
  /** Epoch milliseconds, the same throughout a turn. */
  nowMs(): number;
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
const NO_DYING = new Map<number, DeathReason>();
const NO_RETRYING = new Map<number, number>();
const ONE_LEVEL: readonly number[] = [0];
const NO_SEQS = new Float64Array(0);

export class Queue implements RouteTarget, TurnTask, Tended, Readable {
  // What each publish looks at comes first, so that it lies together.
  inTurn = false;
  readonly durable: boolean;
  /** At-most-once messages go to `direct` rather than into the queue. */
  readonly directMode: boolean;
  /** It takes every message as it comes: nothing to be asked or noted before `push`. */
  plain = true;
  /** When it is full it takes no more, and says so. */
  rejects = false;
  /** It has consumers, or terms: there is something to do at a turn's end. */
  private attended = false;
  private ready: Waiting;
  /** Null for a queue that does nothing by itself. */
  private terms: Terms | null = null;
  /** Null where every consumer takes every message. */
  private matching: Matching | null = null;
  readonly id: number;
  readonly name: string;
  readonly options: QueueOptions;
  /** The session it is exclusive to, or null. */
  readonly exclusiveTo: object | null;
  /** What it does with its messages: what it was declared with, and an operator's policy merged into that. */
  settings: QueueSettings;
  origin: string;
  direct: DirectSink | null = null;
  /** The direct subscriber did not drain in time: publishers do not wait for it. */
  slow = false;
  deleted = false;
  readonly consumers: QueueConsumer[] = [];
  /** Whatever was to be recovered has been. */
  private begun = false;
  /** Messages may have groups. */
  grouped = false;
  private readonly levels: Levels | null;
  private lease: Lease | null = null;
  /** Null where all consumers are alike. */
  private turns: Turns | null = null;
  // Most queues are idle most of the time: what they do not need yet is shared by all of them, and never written to.
  private returned = NO_RETURNED;
  private deliveries = NO_DELIVERIES;
  /**
   * Neither waiting nor held: exactly-once messages that are not safe yet, dead letters being read back, messages that
   * cannot be read. They are nobody's to take, and not to be forgotten.
   */
  private aside: Map<number, number> = NO_ASIDE;
  /** Of those that are aside: what they have died of, while that is still to be carried out. */
  private dying: Map<number, DeathReason> = NO_DYING;
  /** Of those that are aside: when they are to be tried again, epoch milliseconds. */
  private retrying: Map<number, number> = NO_RETRYING;
  private readonly declared: QueueSettings;
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
    settings: QueueSettings,
    exclusiveTo: object | null,
  ) {
    this.owner = owner;
    this.id = id;
    this.name = name;
    this.durable = options.durable;
    this.options = options;
    this.declared = settings;
    this.settings = settings;
    this.exclusiveTo = exclusiveTo;
    this.directMode = options.atMostOnce === 'direct';
    this.origin = name;
    this.levels = settings.priorityMax < 0 ? null : new Levels(owner.slab);
    this.ready = this.levels ?? new Positions(owner.slab);
    if (settings.singleActiveConsumer) this.turns = new Turns(true, []);
    this.takeOn(settings);
  }

  /** Merges an operator's policy into what the queue was declared with; null takes it out again. */
  apply(policy: PolicySettings | null): void {
    const given = this.options.arguments.map(({ name }) => name);
    const before = this.settings;
    this.settings = withPolicy(this.declared, given, policy);
    this.takeOn(this.settings);
    if (before.bytesMax === Number.POSITIVE_INFINITY) this.terms?.begin();
    if (before.expiresMs !== this.settings.expiresMs) {
      this.lease?.hold();
      this.lease = null;
      this.takeLease();
    }
    this.wake();
  }

  private takeOn(settings: QueueSettings): void {
    const { messageTtlMs, lengthMax, bytesMax } = settings;
    const bounded = lengthMax !== Number.POSITIVE_INFINITY || bytesMax !== Number.POSITIVE_INFINITY;
    this.plain = !this.directMode && this.levels === null && messageTtlMs < 0 && !bounded;
    this.rejects = bounded && settings.overflow !== 'drop-head';
    if (this.terms !== null) this.terms.apply(settings);
    else if (messageTtlMs >= 0 || bounded) this.makeTerms();
    this.noteAttended();
  }

  private makeTerms(): Terms {
    this.terms ??= new Terms(this, this.settings, this.owner);
    this.noteAttended();
    return this.terms;
  }

  private noteAttended(): void {
    this.attended = this.consumers.length > 0 || (this.terms !== null && this.begun);
  }

  /** It was declared, or has been recovered: from now on it does what its settings say by itself. */
  begin(): void {
    this.begun = true;
    if (this.grouped) this.match();
    this.noteAttended();
    this.terms?.begin();
    this.takeLease();
    for (const [seq, dueMs] of this.retrying) this.owner.tryAgainAt(this, seq, dueMs);
    for (const [seq, reason] of this.dying) {
      const word = this.aside.get(seq)!;
      this.owner.died(this, seq, word, deathBy(this.settings, attemptsOf(word), reason));
    }
    this.wake();
  }

  private takeLease(): void {
    const { expiresMs } = this.settings;
    if (expiresMs < 0 || this.deleted) return;
    this.lease ??= new Lease(this.owner.clock, expiresMs, () => this.owner.unused(this));
    if (this.consumers.length === 0) this.lease.renew();
  }

  /** Somebody has declared it again, or asked it for a message. */
  touch(): void {
    if (this.lease !== null && this.consumers.length === 0) this.lease.renew();
  }

  /** What is too old or too much goes now, before somebody looks at how much there is. */
  upToDate(): this {
    if (this.terms === null || this.loading || this.deleted) return this;
    if (this.matching !== null || this.nextReady() === null) this.terms.tend();
    return this;
  }

  /** A message may expire here: remembered in the log, where a checkpoint names no times. */
  get mayExpire(): boolean {
    return this.terms?.mayExpire === true;
  }

  expectExpiry(): void {
    this.makeTerms().mayExpire = true;
  }

  /** Whether one more message of so many bytes is one too many, and its publisher to be told. */
  refuses(bytes: number): boolean {
    return this.terms?.refuses(bytes) === true;
  }

  /** For a queue that is not plain, or a message with a time to live, before `push` or `pushAside`; returns its word. */
  prepare(seq: number, word: number, draft: Draft): number {
    if (draft.ttlMs >= 0) this.makeTerms();
    if (draft.grouped) this.expectGroups();
    if (this.terms !== null) return this.terms.prepare(seq, word, draft);
    return this.wordAt(word, draft.priority);
  }

  expectGroups(): void {
    this.grouped = true;
    if (this.begun) this.match();
  }

  /** From now on not every consumer takes every message. */
  private match(): Matching {
    if (this.matching !== null) return this.matching;
    if (this.levels !== null) this.levels.makeHoles();
    else this.ready = new Holed(this.ready as Positions);
    this.turns ??= new Turns(false, this.consumers);
    this.matching = new Matching(this, this.owner.turn, this.consumers);
    return this.matching;
  }

  /** The word of a message of this priority. */
  wordAt(word: number, priority: number): number {
    return this.levels === null ? word : withLevel(word, priority, this.settings.priorityMax);
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
    if (this.terms !== null) this.terms.arrived(seq);
    if (this.matching !== null) this.matching.arrived(this.levelOf(word), seq);
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

  private levelOf(word: number): number {
    return this.levels === null ? 0 : levelOf(word);
  }

  private addReturned(seq: number, word: number): void {
    if (this.matching !== null) this.matching.arrived(this.levelOf(word), seq);
    if (this.levels !== null) {
      this.levels.push(seq, word);
      return;
    }
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
    if (this.terms === null) return;
    this.terms.offered();
    if (!this.loading && !this.deleted) this.terms.tend();
  }

  // ------------------------------------------------------------------------------------------------- handing out

  private pump(): void {
    if (this.loading || this.deleted) return;
    if (this.replaying && !this.replayAll()) return;
    if (this.matching !== null) {
      this.handOutMatching(this.matching);
      return;
    }
    let expired = 0;
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
      if (this.terms?.isOver(seq, this.owner.deliveryView)) {
        this.expire(seq, word);
        if (++expired < ENDED_A_TURN) continue;
        this.terms.again();
        return;
      }
      if (this.turns === null) this.nextConsumer++;
      else this.turns.served(consumer);
      this.handOut(consumer, seq, word);
    }
  }

  /** The same where consumers do not all take every message. */
  private handOutMatching(matching: Matching): void {
    const turns = this.turns!;
    const { deliveryView: view, store } = this.owner;
    matching.begin();
    for (;;) {
      const consumer = matching.next(turns.order);
      if (consumer === null) return;
      const { seq, word } = matching;
      // It is in memory: it has just been looked at.
      if (!store.view(seq, word, view) || !this.takeOut(seq, word)) return;
      matching.taken(consumer, view);
      turns.served(consumer);
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
    if (this.terms !== null) this.terms.left(seq, this.owner.deliveryView, !consumer.settled);
    if (this.levels !== null) this.owner.deliveryView.subscriptionData = 0;
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
    if (this.turns !== null) return this.turns.next();
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
      if (error !== undefined) this.skipUnreadable(seq, word, error);
      // Straight on: the block that was loaded may be evicted again by the turn's end.
      this.endOfTurn();
    });
  }

  /** It stays in the log, unsettled, for whoever repairs it; the queue goes on without it. */
  private skipUnreadable(seq: number, word: number, error: Error): void {
    if (this.matching !== null) {
      if (this.takeOut(seq, word)) this.setAside(seq, word);
    } else if (this.returned.length > 0 && this.returned.headSeq() === seq) {
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

  // ------------------------------------------------------------------------------------------------ for its terms

  headSeq(): number {
    return this.returnedFirst() ? this.returned.headSeq() : this.ready.headSeq();
  }

  private headWord(): number {
    return this.returnedFirst() ? this.returned.headWord() : this.ready.headWord();
  }

  look(): MessageView | null {
    const seq = this.headSeq();
    const word = this.headWord();
    if (this.owner.store.view(seq, word, this.owner.deliveryView)) return this.owner.deliveryView;
    this.load(seq, word);
    return null;
  }

  endHead(reason: DeathReason): void {
    const seq = this.headSeq();
    const word = this.headWord();
    if (this.returnedFirst()) this.returned.shift();
    else this.ready.shift();
    this.end(seq, word, reason);
  }

  get hollow(): boolean {
    return this.messages + this.deliveries.size + this.aside.size === 0;
  }

  get vacancies(): number {
    if (this.matching !== null) return 0; // who knows what they would take
    let room = 0;
    for (const consumer of this.consumers) {
      if (consumer.ready() && this.turns?.waits(consumer) !== true) room += consumer.room;
    }
    return room;
  }

  sizeOf(seq: number, word: number, done: (bytes: number) => void): void {
    const { store, deliveryView: view } = this.owner;
    if (store.view(seq, word, view)) done(view.bodyLength);
    else {
      store.load(seq, word, (error) => {
        done(error === undefined && store.view(seq, word, view) ? view.bodyLength : -1);
      });
    }
  }

  // --------------------------------------------------------------------------------------------- for matching

  levelsInUse(): readonly number[] {
    return this.levels === null ? ONE_LEVEL : this.levels.levels();
  }

  readAfter(level: number, after: number, max: number, visit: (seq: number, word: number) => void): void {
    if (this.levels === null) (this.ready as Holed).readAfter(after, max, visit);
    else this.levels.readAfter(level, after, max, visit);
  }

  readReturned(level: number, after: number, max: number, visit: (seq: number, word: number) => void): void {
    if (this.levels === null) this.returned.readAfter(after, max, visit);
    else this.levels.readReturned(level, after, max, visit);
  }

  show(seq: number, word: number): MessageView | null {
    const { store, deliveryView: view } = this.owner;
    if (store.view(seq, word, view)) return view;
    this.load(seq, word);
    return null;
  }

  properties(view: MessageView): Properties {
    return this.owner.properties(view);
  }

  isOver(seq: number, word: number): boolean {
    if (this.terms === null || !this.terms.isOver(seq, this.owner.deliveryView)) return false;
    if (this.takeOut(seq, word)) this.expire(seq, word);
    return true;
  }

  /** From wherever it waits; false if it does not wait any more. */
  private takeOut(seq: number, word: number): boolean {
    if (this.levels !== null) return this.levels.takeOut(seq, word);
    return (this.ready as Holed).takeOut(seq) || (this.returned.length > 0 && this.returned.bury(seq));
  }

  forEachReady(visit: (seq: number, word: number) => void): void {
    this.returned.forEach(visit);
    this.ready.forEach(visit);
  }

  /** Taken out of its place, and nobody gets it any more. `view` shows it. */
  private expire(seq: number, word: number): void {
    this.terms!.left(seq, this.owner.deliveryView, false);
    this.end(seq, word, 'expired');
  }

  private end(seq: number, word: number, reason: DeathReason): void {
    this.setAside(seq, word);
    this.owner.died(this, seq, word, deathBy(this.settings, attemptsOf(word), reason));
  }

  /** It has died, and what becomes of it must be read first: neither a crash nor a restart brings it back to its place. */
  setDying(seq: number, word: number, reason: DeathReason): void {
    if (this.dying.has(seq)) return;
    if (this.dying === NO_DYING) this.dying = new Map();
    this.dying.set(seq, reason);
    if (this.durable && (word & WORD_DURABLE) !== 0) this.owner.logDying(this, seq, word, reason);
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
    const decision = decide(this.settings, attemptsOf(word), outcome);
    if (decision.action === DONE) this.bury(seq, word);
    else if (decision.action === REQUEUE) {
      const back = withAttempts(word, decision.attempts);
      if (back !== word && (word & WORD_DURABLE) !== 0 && this.durable) this.owner.logReturned(this, seq, back);
      this.owner.counters.requeued++;
      this.addReturned(seq, back);
      if (this.terms !== null) this.terms.returned(seq);
    } else if (decision.action === RETRY) {
      const back = withAttempts(word, decision.attempts);
      const dueMs = this.owner.nowMs() + backoffMs(this.settings.backoff!, decision.attempts, seq);
      if ((word & WORD_DURABLE) !== 0 && this.durable) this.owner.logRetry(this, seq, back, dueMs);
      this.owner.counters.requeued++;
      this.awaitRetry(seq, back, dueMs);
      this.owner.tryAgainAt(this, seq, dueMs);
    } else {
      this.setAside(seq, word);
      this.owner.died(this, seq, word, decision);
    }
  }

  private awaitRetry(seq: number, word: number, dueMs: number): void {
    this.setAside(seq, word);
    if (this.retrying === NO_RETRYING) this.retrying = new Map();
    this.retrying.set(seq, dueMs);
  }

  /** Its time has come: back to its place, unless something else became of it. */
  retry(seq: number, dueMs: number): void {
    if (this.deleted || this.retrying.get(seq) !== dueMs) return;
    const word = this.aside.get(seq)!;
    this.retrying.delete(seq);
    this.aside.delete(seq);
    this.addReturned(seq, word);
    if (this.terms !== null) this.terms.returned(seq);
    this.wake();
  }

  /** The message is done with in this queue: its settlement is logged with the turn's others, its reference goes. */
  bury(seq: number, word: number): void {
    if (this.aside.size > 0) {
      this.aside.delete(seq);
      if (this.dying.size > 0) this.dying.delete(seq);
    }
    if (this.terms !== null) this.terms.gone(seq);
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
    const alone = options.exclusive && (this.consumers.length > 0 || this.settings.singleActiveConsumer);
    if (alone || this.consumers.some((c) => c.exclusive)) {
      throw new BrokerError('access-refused', `queue '${this.name}' in vhost '${this.owner.vhost}' in exclusive use`);
    }
    const consumer = new QueueConsumer(this, options, sink, output);
    const selects = options.selector !== undefined && options.selector.trim() !== '';
    if (selects || this.matching !== null) this.match().add(consumer, options.selector);
    if (consumer.priority !== 0) this.turns ??= new Turns(false, this.consumers);
    this.consumers.push(consumer);
    this.turns?.add(consumer);
    this.lease?.hold();
    this.attended = true;
    this.wake();
    return consumer;
  }

  cancelConsumer(consumer: QueueConsumer, outcome?: Outcome): void {
    if (consumer.active) {
      consumer.active = false;
      const at = this.consumers.indexOf(consumer);
      if (at >= 0) this.consumers.splice(at, 1);
      this.turns?.remove(consumer);
      this.matching?.remove(consumer);
      this.noteAttended();
      if (!consumer.passive) {
        this.touch();
        if (this.turns !== null) this.wake(); // it is another's turn now
      }
    }
    if (outcome !== undefined && consumer.held > 0 && !this.deleted) this.settleAll(consumer, outcome);
    const last = this.consumers.length === 0 && !consumer.passive;
    if (last && this.options.autoDelete && !this.deleted) this.owner.unused(this);
  }

  /** Takes one message for `holder`, if there is one; `done` is called with undefined if not. */
  get(holder: QueueConsumer, done: (result: GetResult | undefined, consumer: Consumer) => void): void {
    this.touch();
    const { store, deliveryView: view } = this.owner;
    while (!this.deleted && this.messages > 0) {
      const seq = this.headSeq();
      const word = this.headWord();
      if (!store.view(seq, word, view)) {
        store.load(seq, word, (error) => {
          if (error !== undefined) this.skipUnreadable(seq, word, error);
          this.get(holder, done);
        });
        return;
      }
      if (this.returnedFirst()) this.returned.shift();
      else this.ready.shift();
      if (this.terms?.isOver(seq, view)) this.expire(seq, word);
      else {
        this.handOut(holder, seq, word);
        done({ remaining: this.messages }, holder);
        return;
      }
    }
    done(undefined, holder);
  }

  /** Removes what waits; returns how many. */
  purge(): number {
    const messages = this.messages;
    const gone = (seq: number, word: number): void => this.bury(seq, word);
    this.returned.forEach(gone);
    this.ready.forEach(gone);
    this.returned = NO_RETURNED;
    this.ready.clear();
    this.terms?.emptied();
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
    this.dying = NO_DYING;
    this.retrying = NO_RETRYING;
    this.terms?.disarm();
    this.lease?.hold();
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
    if (this.dying.delete(seq) || this.retrying.delete(seq)) this.aside.delete(seq);
    else if (!this.ready.bury(seq) && this.returned.length > 0) this.returned.bury(seq);
  }

  recoverReturned(seq: number, word: number): void {
    if (this.retrying.delete(seq)) {
      this.aside.delete(seq);
      this.addReturned(seq, word);
      return;
    }
    if (!this.ready.amend(seq, word)) this.returned.amend(seq, word);
  }

  /** It has died, and what it was to become is not in the log. */
  /** It failed and was to be tried again at a time, which may be past by now. */
  recoverRetry(seq: number, word: number, dueMs: number): void {
    this.recoverSettled(seq);
    this.awaitRetry(seq, word, dueMs);
  }

  recoverDying(seq: number, word: number, reason: DeathReason): void {
    this.recoverSettled(seq);
    this.setAside(seq, word);
    if (this.dying === NO_DYING) this.dying = new Map();
    this.dying.set(seq, reason);
  }

  /** Its positions, which were never counted, are forgotten. */
  discard(): void {
    this.returned = NO_RETURNED;
    this.aside = NO_ASIDE;
    this.dying = NO_DYING;
    this.retrying = NO_RETRYING;
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
    this.levels?.forEachReturned(visit);
    this.returned.forEach(visit);
    this.deliveries.forEach(visit);
    this.aside.forEach((word, seq) => {
      visit(seq, word);
    });
  }

  /** Those aside that have died, and what of. */
  forEachRetrying(visit: (seq: number, word: number, dueMs: number) => void): void {
    for (const [seq, dueMs] of this.retrying) visit(seq, this.aside.get(seq)!, dueMs);
  }

  forEachDying(visit: (seq: number, word: number, reason: DeathReason) => void): void {
    for (const [seq, reason] of this.dying) visit(seq, this.aside.get(seq)!, reason);
  }

  /** Everything it needs of the messages `first` to `last`. */
  forEachIn(first: number, last: number, visit: (seq: number, word: number) => void): void {
    this.ready.forEachIn(first, last, visit);
    this.forEachHeld((seq, word) => {
      if (seq >= first && seq <= last) visit(seq, word);
    });
  }
}

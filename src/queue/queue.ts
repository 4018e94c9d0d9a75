/**
 * A queue: each message goes to one consumer, and leaves when it is settled. What waits is in `backlog.ts`, what is held or
 * aside and how it ends in `custody.ts`; here are its consumers, the handing out, and what it does by itself.
 *
 * ```
 *            push                    pump                    settle: accepted
 * publisher ------> ready (ring) -----------> held (slots) ------------------> gone
 *                   returned (ordered) <------------------- released, failed
 *                                                          rejected ---------> dead letter, or dropped
 * ```
 *
 * What arrives, comes back or gets credit marks the queue, and one pump at the turn's end serves it. In the middle of a turn
 * that happens only for somebody who looks at the queue, takes from it or deletes it, and for a publisher that would be
 * refused: `catchUp` does first what the turn's end would do, so that nobody can tell when that is. The queue decides
 * nothing about retries (`settlement/`) and writes no record itself: its owner, the vhost, does.
 */
import type {
  Backpressure,
  ConsumeOptions,
  Consumer,
  DeliverySink,
  DirectSink,
  GetResult,
  Outcome,
} from '../api/consume.ts';
import type { QueueOptions } from '../api/topology.ts';
import { PHASE_GATHER, type TurnTask } from '../clock/turn.ts';
import type { Share, Work } from '../clock/work.ts';
import type { DeathReason } from '../message/annotations.ts';
import { BrokerError } from '../message/errors.ts';
import type { Draft, MessageView } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { RouteTarget } from '../routing/binding.ts';
import { deathBy } from '../settlement/decide.ts';
import { QueueConsumer } from './dispatch/consumer.ts';
import { Turns } from './dispatch/consumer-rotation.ts';
import { type HeldPublisher, QueuePace, WAITING_MIN } from './dispatch/publisher-pace.ts';
import { Matching, type Readable } from './dispatch/selective-dispatch.ts';
import { attemptsOf } from './entry-flags.ts';
import { Lease } from './limits/idle-expiry.ts';
import { ENDED_A_TURN, type Tended, Terms } from './limits/queue-limits.ts';
import { type PolicySettings, type QueueSettings, withPolicy } from './limits/settings.ts';
import type { QueueOwner } from './queue-services.ts';
import { Custody } from './unsettled/custody.ts';

/** How far handing out has come. It waits when something must be fetched first, or so much has expired that it is enough. */
const DONE = 0;
const WAITS = 1;
const TIME_UP = 2;
type Pumped = typeof DONE | typeof WAITS | typeof TIME_UP;
/** Properties and body of a message that takes its time. */
export const LONG_BYTES = 4 * 1024;
/** So many messages are handed out at once, though a turn's time is up. */
const LITTLE = 16;

interface PendingGet {
  readonly holder: QueueConsumer;
  readonly done: (result: GetResult | undefined, consumer: Consumer) => void;
}

export class Queue extends Custody implements RouteTarget, TurnTask, Tended, Readable {
  /** The session it is exclusive to, or null. */
  readonly exclusiveTo: object | null;
  origin: string;
  /** Whoever made it has done with it: it goes with its last consumer, until it is declared again. */
  released = false;
  direct: DirectSink | null = null;
  /** The direct subscriber did not drain in time: publishers do not wait for it. */
  slow = false;
  readonly consumers: QueueConsumer[] = [];
  /** Whatever was to be recovered has been. */
  private begun = false;
  /** Messages may have groups. */
  grouped = false;
  private lease: Lease | null = null;
  /** Null while no more waits than always may. */
  private pace: QueuePace | null = null;
  /** Null where all consumers are alike. */
  private turns: Turns | null = null;
  private readonly declared: QueueSettings;
  private nextConsumer = 0;
  private loading = false;
  /** A consumer has deliveries to be made again. */
  private replaying = false;
  /** A consumer that shares a limit with others could take more. */
  shares = false;
  private catchingUp = false;
  /** Who asked for a message and is not answered yet: something must be fetched, or is to be done, first. */
  private readonly gets: PendingGet[] = [];

  constructor(
    owner: QueueOwner,
    id: number,
    name: string,
    options: QueueOptions,
    settings: QueueSettings,
    exclusiveTo: object | null,
  ) {
    super(owner, id, name, options, settings);
    this.declared = settings;
    this.exclusiveTo = exclusiveTo;
    this.origin = name;
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
      const flags = this.aside.get(seq)!;
      this.owner.died(this, seq, flags, deathBy(this.settings, attemptsOf(flags), reason));
    }
    this.wake();
  }

  private takeLease(): void {
    const { expiresMs } = this.settings;
    if (expiresMs < 0 || this.deleted) return;
    this.lease ??= new Lease(this.owner.clock, expiresMs, () => this.owner.unused(this));
    if (this.consumers.length === 0) this.lease.renew();
  }

  /** Somebody has asked for it, or asked it for a message. */
  touch(): void {
    if (this.lease !== null && this.consumers.length === 0) this.lease.renew();
  }

  /**
   * What a turn's end does, now: before somebody looks at how much there is, takes a message or leaves. Consumers get what
   * they can take, and what is too old or too much goes. False if something of that must wait.
   * @param asked somebody wants to know: what is over ends even if the turn has taken long enough
   */
  catchUp(asked = false): boolean {
    if (this.catchingUp) return false; // a message that has died here has come round
    if (this.deleted || !this.begun) return true;
    this.catchingUp = true;
    try {
      const pumped = this.handOutAll();
      let done = pumped === DONE && this.shareOut();
      // What the time has not reached for was not offered to anyone yet.
      // When the broker stops, what is too much stays for the next start.
      if (this.terms !== null && pumped !== TIME_UP && !this.owner.stopping) {
        this.terms.offered();
        done = done && this.terms.tend(asked);
      }
      return done;
    } finally {
      // Whatever a consumer's side has thrown, the queue goes on.
      this.catchingUp = false;
    }
  }

  /** How many wait, as the queue's terms allow it: more than that may be there until the turn has time to end them. */
  get count(): number {
    const { overflow, lengthMax } = this.settings;
    return overflow === 'drop-head' ? Math.min(this.messages, lengthMax) : this.messages;
  }

  private handOutAll(): Pumped {
    const pumped = this.pump();
    if (pumped === TIME_UP) this.owner.turn.addLater(PHASE_GATHER, this);
    return pumped;
  }

  /** What consumers may take is up to others, too. */
  private shareOut(): boolean {
    if (!this.shares) return true;
    this.shares = false;
    for (const consumer of [...this.consumers]) consumer.serveShared();
    return !this.loading;
  }

  /** @internal a limit that consumers share may have room for one of this queue's */
  offer(): void {
    this.handOutAll();
    if (this.terms !== null) this.wake();
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

  /** For a queue that is not plain, or a message with a time to live, before `push` or `pushAside`; returns its flags. */
  prepare(seq: number, flags: number, draft: Draft): number {
    if (draft.ttlMs >= 0) this.makeTerms();
    if (draft.grouped) this.expectGroups();
    if (this.terms !== null) return this.terms.prepare(seq, flags, draft);
    return this.withPriority(flags, draft.priority);
  }

  expectGroups(): void {
    this.grouped = true;
    if (this.begun) this.match();
  }

  /** From now on not every consumer takes every message. */
  private match(): Matching {
    if (this.matching !== null) return this.matching;
    this.makeHoles();
    this.turns ??= new Turns(false, this.consumers);
    this.matching = new Matching(this, this.owner.turn, this.consumers);
    return this.matching;
  }

  /** Something may be deliverable: look at the end of this turn. */
  override wake(): void {
    if (this.attended && !this.inTurn) this.owner.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    const { counters } = this.owner;
    const before = counters.delivered;
    this.catchUp();
    if (this.pace !== null || this.messages > WAITING_MIN) this.keepPace(counters.delivered - before);
    if (this.gets.length > 0) this.answerGets();
  }

  // ------------------------------------------------------------------------------------------------------- its pace

  /** @param left messages that have just been handed out */
  private keepPace(left: number): void {
    if (this.consumers.length === 0 || this.deleted) {
      this.endPace();
      return;
    }
    const { clock, deliveryView } = this.owner;
    const nowMs = clock.monotonicMs();
    this.pace ??= new QueuePace(clock, nowMs, this.messages, () => this.paceChanged());
    this.pace.look(nowMs, this.messages, left, left > 0 ? deliveryView.bodyLength : 0);
    this.paceChanged();
  }

  private paceChanged(): void {
    const { pace } = this;
    if (pace === null) return;
    this.ahead = pace.ahead;
    if (pace.idle) this.endPace();
  }

  private endPace(): void {
    this.ahead = false;
    this.pace?.close();
    this.pace = null;
  }

  /** This publisher waits until consumers have caught up with it, or have stopped asking. */
  holdPublisher(publisher: HeldPublisher): void {
    this.pace!.hold(publisher);
  }

  // ------------------------------------------------------------------------------------------------- handing out

  private pump(): Pumped {
    if (this.loading || this.deleted) return WAITS;
    if (this.messages === 0 && !this.replaying) return DONE;
    const { work } = this.owner.turn;
    if (this.replaying && !this.replayAll()) return work.over ? TIME_UP : WAITS;
    if (this.matching !== null) return this.handOutMatching(this.matching);
    let expired = 0;
    for (;;) {
      const fromReturned = this.returnedFirst();
      if (!fromReturned && this.ready.length === 0) return DONE;
      const consumer = this.nextReady();
      if (consumer === null) return DONE;
      const seq = fromReturned ? this.returned.headSeq() : this.ready.headSeq();
      const flags = fromReturned ? this.returned.headFlags() : this.ready.headFlags();
      if (!this.owner.store.view(seq, flags, this.owner.deliveryView)) {
        this.load(seq, flags);
        return WAITS;
      }
      if (fromReturned) this.returned.shift();
      else this.ready.shift();
      if (this.terms?.isOver(seq, this.owner.deliveryView)) {
        this.expire(seq, flags);
        if (++expired < ENDED_A_TURN) continue;
        this.terms.again();
        return WAITS;
      }
      if (this.turns === null) this.nextConsumer++;
      else this.turns.served(consumer);
      this.handOut(consumer, seq, flags);
      this.countHandedOut();
      if (work.over && this.mustStop(work)) return TIME_UP;
    }
  }

  /** The time is up; but a queue with little to hand out is not to wait behind a hundred long ones. */
  private mustStop(work: Work): boolean {
    return this.messages > LITTLE || !work.spare();
  }

  /** The same where consumers do not all take every message. */
  private handOutMatching(matching: Matching): Pumped {
    const { work } = this.owner.turn;
    const turns = this.turns!;
    const { deliveryView: view, store } = this.owner;
    matching.begin();
    for (;;) {
      const consumer = matching.next(turns.order);
      if (consumer === null) return this.loading ? WAITS : DONE;
      const { seq, flags } = matching;
      // It is in memory: it has just been looked at.
      if (!store.view(seq, flags, view) || !this.takeOut(seq, flags)) return DONE;
      matching.taken(consumer, view);
      turns.served(consumer);
      this.handOut(consumer, seq, flags);
      this.countHandedOut();
      if (work.over && this.mustStop(work)) return TIME_UP;
    }
  }

  /** What a long message costs depends on what it is made into for its reader, which nobody knows. */
  private countHandedOut(): void {
    const { deliveryView: view, turn } = this.owner;
    if (view.propsEnd - view.propsStart + view.bodyLength > LONG_BYTES) turn.work.look();
    else turn.work.spend(1);
  }

  /** `view` shows the message. */
  private handOut(consumer: QueueConsumer, seq: number, flags: number): void {
    const counters = this.owner.counters;
    if (this.terms !== null) this.terms.left(seq, this.owner.deliveryView, !consumer.settled);
    if (this.levels !== null) this.owner.deliveryView.subscriptionData = 0;
    counters.delivered++;
    if (this.owner.deliveryView.redelivered) counters.redelivered++;
    if (consumer.settled) {
      consumer.sink.deliver(this.owner.deliveryView, -1);
      counters.acknowledged++;
      this.bury(seq, flags);
      return;
    }
    const slot = this.hold(seq, flags, consumer);
    consumer.sink.deliver(this.owner.deliveryView, slot);
  }

  /** What resumed consumers hold comes before anything new. False if something must be loaded first. */
  private replayAll(): boolean {
    const { work } = this.owner.turn;
    let left = false;
    for (const consumer of this.consumers) {
      while (consumer.replay.length > 0 && consumer.ready()) {
        if (!this.replayOne(consumer)) return false;
        if (work.over) return false;
      }
      if (consumer.replay.length > 0) left = true;
    }
    this.replaying = left;
    return true;
  }

  private replayOne(consumer: QueueConsumer): boolean {
    const slot = consumer.replay[0]!;
    if (this.deliveries.holder(slot) === consumer) {
      const seq = this.deliveries.seq(slot);
      const flags = this.deliveries.flags(slot);
      if (!this.owner.store.view(seq, flags, this.owner.deliveryView)) {
        this.load(seq, flags);
        return false;
      }
      consumer.replay.shift();
      this.owner.counters.delivered++;
      this.owner.counters.redelivered++;
      consumer.sink.deliver(this.owner.deliveryView, slot);
      this.countHandedOut();
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

  private load(seq: number, flags: number): void {
    this.loading = true;
    this.owner.store.load(seq, flags, (error) => {
      this.loading = false;
      if (this.deleted) return;
      if (error !== undefined) this.skipUnreadable(seq, flags, error);
      // Straight on: the block that was loaded may be evicted again by the turn's end. Where it came at once, whoever asked
      // for it is still at work.
      if (!this.catchingUp) this.endOfTurn();
      else if (!this.inTurn) this.owner.turn.add(PHASE_GATHER, this);
    });
  }

  /** It stays in the log, unsettled, for whoever repairs it; the queue goes on without it. */
  private skipUnreadable(seq: number, flags: number, error: Error): void {
    if (this.matching !== null) {
      if (this.takeOut(seq, flags)) this.setAside(seq, flags);
    } else if (this.returned.length > 0 && this.returned.headSeq() === seq) {
      this.setAside(seq, this.returned.headFlags());
      this.returned.shift();
    } else if (this.ready.length > 0 && this.ready.headSeq() === seq) {
      this.setAside(seq, this.ready.headFlags());
      this.ready.shift();
    }
    for (const consumer of this.consumers) {
      consumer.replay = consumer.replay.filter((slot) => this.deliveries.seq(slot) !== seq);
    }
    this.owner.unreadable(this, seq, error);
  }

  // ------------------------------------------------------------------------------------------------ for its terms

  look(): MessageView | null {
    const seq = this.headSeq();
    const flags = this.headFlags();
    if (this.owner.store.view(seq, flags, this.owner.deliveryView)) return this.owner.deliveryView;
    this.load(seq, flags);
    return null;
  }

  endHead(reason: DeathReason): void {
    const seq = this.headSeq();
    const flags = this.headFlags();
    this.shiftHead();
    this.end(seq, flags, reason);
  }

  sizeOf(seq: number, flags: number, done: (bytes: number) => void): void {
    const { store, deliveryView: view } = this.owner;
    if (store.view(seq, flags, view)) done(view.bodyLength);
    else {
      store.load(seq, flags, (error) => {
        done(error === undefined && store.view(seq, flags, view) ? view.bodyLength : -1);
      });
    }
  }

  // --------------------------------------------------------------------------------------------- for matching

  show(seq: number, flags: number): MessageView | null {
    const { store, deliveryView: view } = this.owner;
    if (store.view(seq, flags, view)) return view;
    this.load(seq, flags);
    return null;
  }

  properties(view: MessageView): Properties {
    return this.owner.properties(view);
  }

  isOver(seq: number, flags: number): boolean {
    if (this.terms === null || !this.terms.isOver(seq, this.owner.deliveryView)) return false;
    if (this.takeOut(seq, flags)) this.expire(seq, flags);
    return true;
  }

  /** Taken out of its place, and nobody gets it any more. `view` shows it. */
  private expire(seq: number, flags: number): void {
    this.terms!.left(seq, this.owner.deliveryView, false);
    this.end(seq, flags, 'expired');
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
    // Who keeps what he holds is given first what came while he was there.
    if (outcome === undefined && this.inTurn && consumer.ready()) this.catchUp();
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
    if (outcome !== undefined && consumer.held > 0 && !this.deleted) {
      this.settleAll(consumer, outcome, () => this.cancelled(consumer));
    } else this.cancelled(consumer);
  }

  private cancelled(consumer: QueueConsumer): void {
    const last = this.consumers.length === 0 && !consumer.passive;
    if (last) this.endPace();
    if (last && (this.options.autoDelete || this.released) && !this.deleted) this.owner.unused(this);
  }

  /**
   * Takes one message for `holder`, if there is one left when consumers have got theirs; `done` is called with undefined if
   * not. @throws resource-locked
   */
  get(holder: QueueConsumer, done: PendingGet['done']): void {
    const { type, singleActiveConsumer } = this.settings;
    if (singleActiveConsumer && type === 'quorum') {
      throw new BrokerError(
        'resource-locked',
        `cannot obtain access to locked queue '${this.name}' in vhost '${this.owner.vhost}'. basic.get operations are not supported by quorum queues with single active consumer`,
      );
    }
    this.touch();
    this.gets.push({ holder, done });
    this.answerGets();
  }

  /** Takes for whoever asked, in order; what must be fetched first brings the queue back here by itself. */
  private answerGets(): void {
    for (;;) {
      const next = this.gets[0];
      if (next === undefined) break;
      if (next.holder.active && !this.deleted) {
        if (!this.catchUp(true)) return;
        if (this.messages > 0) {
          const seq = this.headSeq();
          const flags = this.headFlags();
          if (!this.owner.store.view(seq, flags, this.owner.deliveryView)) {
            this.load(seq, flags);
            return;
          }
          this.shiftHead();
          this.gets.shift();
          this.handOut(next.holder, seq, flags);
          this.headLeft();
          next.done({ remaining: this.count }, next.holder);
          continue;
        }
      }
      this.gets.shift();
      next.done(undefined, next.holder);
    }
  }

  /** There is another head now, with a time of its own: it may be over, and does not count as waiting then. */
  private headLeft(): void {
    if (this.terms === null || this.owner.stopping) return;
    this.catchingUp = true;
    this.terms.tend(true);
    this.catchingUp = false;
  }

  /**
   * Removes what waits: in parts, if it is much. What is over by now ends as it should first, and what consumers take
   * meanwhile is theirs.
   * @param done is told how many it removed
   */
  purge(share: Share, done: (messages: number) => void): void {
    const { work } = share;
    let waiting = -1;
    let purged = 0;
    const step = (): boolean => {
      if (waiting < 0) {
        // What must be fetched first goes with the rest.
        if (!this.catchUp(true) && !this.loading) return false;
        waiting = this.messages;
        if (this.terms?.countsBytes === true) {
          purged = this.purgeAtOnce();
          return true;
        }
      }
      while (purged < waiting && this.messages > 0 && !this.deleted) {
        const seq = this.headSeq();
        const flags = this.headFlags();
        this.shiftHead();
        this.bury(seq, flags);
        purged++;
        work.spend(1);
        if (work.over) return false;
      }
      this.flushSettled();
      return true;
    };
    share.run(step, () => done(purged));
  }

  /** A queue whose bytes are counted is bounded, and counts anew when it is empty. */
  private purgeAtOnce(): number {
    const messages = this.messages;
    this.forEachReady((seq, flags) => this.bury(seq, flags));
    this.empty();
    this.terms?.emptied();
    this.flushSettled();
    return messages;
  }

  /**
   * Lets go of everything: in parts, if it is much. The owner has logged that the queue is gone. Returns how many messages
   * waited.
   */
  delete(share: Share, gone: () => void = () => {}): number {
    const messages = this.count;
    this.deleted = true;
    this.terms?.disarm();
    this.lease?.hold();
    this.endPace();
    const consumers = this.consumers.splice(0);
    for (const consumer of consumers) consumer.active = false;
    let { direct } = this;
    this.direct = null;
    let next = 0;
    share.run(() => {
      while (next < consumers.length) {
        consumers[next++]!.sink.cancelled('queue-deleted');
        share.work.spend(4);
        if (share.work.over) return false;
      }
      direct?.queueDeleted?.(this.name);
      direct = null;
      return this.letGo(share.work);
    }, gone);
    this.answerGets();
    return messages;
  }
}

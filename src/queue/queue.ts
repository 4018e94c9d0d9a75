/**
 * A queue: each message goes to one consumer, and leaves when it is settled. Here are its declaration, its settings and its
 * life; its messages are in one of three parts at a time, and the dispatcher hands them out.
 *
 * ```
 *            push            dispatcher                  settle: accepted
 * publisher ------> ready ----------------> unsettled -----------------------> removed
 *                     ^  <---------------------- | released, failed
 *                     |                          | rejected, to be tried later
 *                     +--------------- parked <--+ -------------------------> removed, dead-lettered
 * ```
 *
 * What arrives, comes back or gets credit marks the queue, and one pump at the turn's end serves it. In the middle of a turn
 * that happens only for somebody who looks at the queue, takes from it or deletes it, and for a publisher that would be
 * refused: `catchUp` does first what the turn's end would do, so that nobody can tell when that is. The queue decides
 * nothing about retries (`settlement/`) and writes no record itself: its vhost does (`queue-services.ts`).
 */
import type {
  Backpressure,
  ConsumeOptions,
  DeferralTime,
  DeliverySink,
  DirectSink,
  EndReason,
  Outcome,
} from '../api/consume.ts';
import type { QueueOptions } from '../api/topology.ts';
import { PHASE_GATHER, type TurnTask } from '../clock/turn.ts';
import type { Share } from '../clock/work.ts';
import { queueWindow } from '../deduplication/settings.ts';
import { DeduplicationWindow } from '../deduplication/window.ts';
import type { ReadOrder } from '../log/store.ts';
import type { DeathReason } from '../message/deaths/deaths.ts';
import { BrokerError } from '../message/errors.ts';
import type { Draft, MessageView } from '../message/message.ts';
import { type DeliveryCounts, UNCOUNTED } from '../metrics/traffic.ts';
import type { RouteTarget } from '../routing/binding.ts';
import type { Arrivals } from './arrivals.ts';
import type { DeliveryGuard, QueueConsumer } from './dispatch/consumer.ts';
import { type DispatchedQueue, Dispatcher, DONE, type Pumped, TIME_UP, WAITS } from './dispatch/dispatcher.ts';
import type { GetDone } from './dispatch/pending-gets.ts';
import type { HeldPublisher } from './dispatch/publisher-pace.ts';
import type { SelectiveDispatch } from './dispatch/selective-dispatch.ts';
import { FLAG_DURABLE, levelOf, type QueueEntryFlags, type VisitEntry, withLevel } from './entry-flags.ts';
import { IdleExpiry } from './limits/idle-expiry.ts';
import { type LimitedQueue, QueueLimits } from './limits/queue-limits.ts';
import { type PolicySettings, type QueueSettings, withPolicy } from './limits/settings.ts';
import { GROUPS_ONLY, type OrderSettings, orderSettings, sameLanes } from './order/order-words.ts';
import { QueueOrder } from './order/queue-order.ts';
import { type ContainingQueue, QueueContents } from './queue-contents.ts';
import type { QueueServices } from './queue-services.ts';
import { PriorityLevels } from './ready/priority-levels.ts';
import { NOT_AT_HEAD, type ReadyMessages } from './ready/ready-messages.ts';
import { SingleLevel } from './ready/single-level.ts';
import { QueueTraffic } from './traffic.ts';
import { DEFERRED_MAX, DEFERRED_UNTIL_MAX_MS } from './unsettled/deferred-messages.ts';
import type { DeliverySlots } from './unsettled/delivery-slots.ts';

/** The order in which the durable messages of a level are read: they are handed out in no other. */
class LevelOrder implements ReadOrder {
  readonly level: number;
  private readonly ready: ReadyMessages;

  constructor(ready: ReadyMessages, level: number) {
    this.ready = ready;
    this.level = level;
  }

  readAfter(after: number, max: number, visit: (seq: number) => void): void {
    this.ready.readAfter(this.level, after, max, (seq, flags) => {
      if ((flags & FLAG_DURABLE) !== 0) visit(seq);
    });
  }
}

/** Shared by all queues that have none, and never written to. */
const NO_CONSUMERS: readonly QueueConsumer[] = [];

export class Queue implements RouteTarget, TurnTask, DispatchedQueue, LimitedQueue, ContainingQueue<Queue> {
  // What each publish looks at comes first, so that it lies together.
  inTurn = false;
  readonly durable: boolean;
  /** At-most-once messages go to the queue's direct subscriber rather than into the queue. */
  readonly directMode: boolean;
  /** It takes every message as it comes: nothing to be asked or noted before `push`. */
  plain = true;
  /** It goes by what each message says of itself: `prepare` has to see it, whoever stores it and when. */
  looksAtEach = false;
  /** When it is full it takes no more, and says so. */
  rejects = false;
  /** Its publishers are to wait for its consumers (`dispatch/publisher-pace.ts`). */
  ahead = false;
  /** It has consumers, or limits: there is something to do at a turn's end. */
  private attended = false;
  readonly ready: ReadyMessages;
  /** Null for a queue that does nothing by itself. */
  limits: QueueLimits | null = null;
  /** What it has taken before; null: it takes everything. The router must be told when it comes or goes. */
  window: DeduplicationWindow | null = null;
  /** Null where every consumer takes every message. */
  selective: SelectiveDispatch | null = null;
  /** Null where messages are handed out as they came. */
  order: QueueOrder | null = null;
  /** One of the two is told of each message that arrives. */
  private followed = false;
  readonly services: QueueServices<Queue>;
  // What each delivery looks at.
  loading = false;
  deleted = false;
  /** It hands nothing out until it is resumed. */
  paused = false;
  /** Null until it had a message. */
  traffic: QueueTraffic | null = null;
  readonly contents: QueueContents<Queue>;
  /** Null until it has a consumer, or was asked for a message. */
  private dispatcher: Dispatcher | null = null;
  private catchingUp = false;
  /** What the limits end next is what `order` has found. */
  private surplus = false;
  /** Whatever was to be recovered has been. */
  private begun = false;
  grouped = false;
  readonly id: number;
  readonly name: string;
  readonly options: QueueOptions;
  /** What it does with its messages: what it was declared with, and an operator's policy merged into that. */
  settings: QueueSettings;
  private readonly declared: QueueSettings;
  private idleExpiry: IdleExpiry | null = null;
  /** The session it is exclusive to, or null. */
  readonly exclusiveTo: object | null;
  origin: string;
  /** The session that it was exclusive to has gone: whoever looks for it finds it deleted. */
  abandoned = false;
  /** Whoever made it has done with it: it goes with its last consumer, until it is declared again. */
  released = false;
  direct: DirectSink | null = null;
  /** Counts what its direct subscriber gets, and what the last one did not. */
  directCounts: DeliveryCounts = UNCOUNTED.deliveries.classic;
  /** What the direct subscriber may be handed; null: everything. */
  directGuard: DeliveryGuard | null = null;
  /** Null as long as no consumer may be refused messages by their addresses. */
  arrivals: Arrivals | null = null;
  /** The direct subscriber did not drain in time: publishers do not wait for it. */
  slow = false;
  /** Null until something had to be read back. */
  private reads: LevelOrder | null = null;

  /** @param exclusiveTo the session that it is exclusive to */
  constructor(
    services: QueueServices<Queue>,
    id: number,
    name: string,
    options: QueueOptions,
    settings: QueueSettings,
    exclusiveTo: object | null,
  ) {
    this.durable = options.durable;
    this.directMode = options.atMostOnce === 'direct';
    this.ready = settings.priorityMax < 0 ? new SingleLevel(services.arena) : new PriorityLevels(services.arena);
    this.services = services;
    this.contents = new QueueContents<Queue>(this);
    this.id = id;
    this.name = name;
    this.options = options;
    this.settings = settings;
    this.declared = settings;
    this.exclusiveTo = exclusiveTo;
    this.origin = name;
    this.takeOn(settings);
  }

  // --------------------------------------------------------------------------------------------------- its settings

  /** Merges an operator's policy into what the queue was declared with; null takes it out again. */
  apply(policy: PolicySettings | null): void {
    const given = this.options.arguments.map(({ name }) => name);
    const before = this.settings;
    const settings = withPolicy(this.declared, given, policy);
    // No policy, as before: of very many queues most are none's.
    if (settings === before) return;
    this.settings = settings;
    this.takeOn(this.settings);
    if (before.bytesMax === Number.POSITIVE_INFINITY) this.limits?.begin();
    if (before.expiresMs !== this.settings.expiresMs) {
      this.idleExpiry?.stop();
      this.idleExpiry = null;
      this.startIdleExpiry();
    }
    if (before.leaseMs !== this.settings.leaseMs || before.consumerTimeoutMs !== this.settings.consumerTimeoutMs) {
      for (const consumer of this.consumers) this.contents.limitHolding(consumer);
    }
    this.wake();
  }

  private takeOn(settings: QueueSettings): void {
    const { messageTtlMs, lengthMax, bytesMax } = settings;
    const bounded = lengthMax !== Number.POSITIVE_INFINITY || bytesMax !== Number.POSITIVE_INFINITY;
    const order = orderSettings(settings.order);
    this.looksAtEach = settings.passport || order !== null;
    this.plain = !this.directMode && settings.priorityMax < 0 && messageTtlMs < 0 && !bounded && !this.looksAtEach;
    this.rejects = bounded && settings.overflow !== 'drop-head';
    if (this.limits !== null) this.limits.apply(settings);
    else if (messageTtlMs >= 0 || bounded) this.makeLimits();
    this.takeWindow(settings);
    this.takeOrder(order ?? (this.grouped ? GROUPS_ONLY : null));
    this.noteAttended();
  }

  private takeOrder(settings: OrderSettings | null): void {
    const { order } = this;
    if (order !== null && settings !== null && sameLanes(order.settings, settings)) order.apply(settings);
    else if (settings !== null && (this.selective === null || settings.asked)) {
      order?.close();
      this.order = new QueueOrder(this, settings);
      this.selective = null;
      this.dispatcher?.inOrder();
    } else {
      order?.close();
      this.order = null;
    }
    this.noteFollowed();
  }

  /** @throws BrokerError precondition-failed: order was asked for, and a selector would pass over messages */
  leaveOrder(): void {
    const { order } = this;
    if (order === null) return;
    if (order.settings.asked) {
      const words = Object.keys(this.settings.order ?? {}).length > 0 ? 'keeps an order' : 'has groups';
      throw new BrokerError(
        'precondition-failed',
        `queue '${this.name}' in vhost '${this.services.vhost}' ${words} (x-group-by, x-strict-order or x-fair-by): a consumer with a selector cannot read it`,
      );
    }
    order.close();
    this.order = null;
    this.noteFollowed();
  }

  /** @internal */
  noteFollowed(): void {
    this.followed = this.selective !== null || this.order !== null;
  }

  private takeWindow({ deduplication }: QueueSettings): void {
    const settings = deduplication === null ? null : queueWindow(deduplication, null);
    if (settings === null) {
      this.window?.close();
      this.window = null;
    } else if (this.window === null) {
      const durable = this.durable && !this.options.exclusive;
      this.window = new DeduplicationWindow(settings, this.services.windowMemory, durable);
    } else this.window.apply(settings);
  }

  private makeLimits(): QueueLimits {
    this.limits ??= new QueueLimits(this, this.settings, this.services);
    this.noteAttended();
    return this.limits;
  }

  private noteAttended(): void {
    this.attended = this.consumers.length > 0 || (this.limits !== null && this.begun);
  }

  /** It was declared, or has been recovered: from now on it does what its settings say by itself. */
  begin(): void {
    this.begun = true;
    this.noteAttended();
    this.limits?.begin();
    this.startIdleExpiry();
    this.contents.begin();
    this.wake();
  }

  private startIdleExpiry(): void {
    const { expiresMs } = this.settings;
    if (expiresMs < 0 || this.deleted) return;
    this.idleExpiry ??= new IdleExpiry(this.services.clock, expiresMs, () => this.services.unused(this));
    this.touch();
  }

  /** Somebody has asked for it, or asked it for a message. */
  touch(): void {
    if (this.idleExpiry !== null && this.consumers.length === 0) this.idleExpiry.restart();
  }

  // ---------------------------------------------------------------------------------------------- messages come in

  /** Takes a message whose reference has been counted. @param route null: it comes from elsewhere than a publisher */
  push(seq: number, flags: QueueEntryFlags, route: object | null = null): void {
    this.counted.published++;
    if (this.arrivals !== null) this.arrivals.came(seq, 1, route);
    this.ready.push(seq, flags);
    if (this.limits !== null) this.limits.arrived(seq);
    if (this.followed) this.noteArrived(seq, flags);
    this.wake();
  }

  /** The same for so many whose numbers follow one another, and whose flags are the same. */
  pushRun(first: number, count: number, flags: QueueEntryFlags, route: object | null = null): void {
    const { ready, limits, followed } = this;
    this.counted.published += count;
    if (this.arrivals !== null) this.arrivals.came(first, count, route);
    ready.pushRun(first, count, flags);
    for (let seq = first; seq < first + count && (limits !== null || followed); seq++) {
      if (limits !== null) limits.arrived(seq);
      if (followed) this.noteArrived(seq, flags);
    }
    this.wake();
  }

  get counted(): QueueTraffic {
    this.traffic ??= new QueueTraffic();
    return this.traffic;
  }

  /** Takes a message that comes back to its place. */
  giveBack(seq: number, flags: QueueEntryFlags): void {
    if (this.order !== null) this.order.returned(seq, flags);
    else if (this.selective !== null) this.noteArrived(seq, flags);
    this.ready.giveBack(seq, flags);
    if (this.limits !== null) this.limits.returned(seq);
  }

  private noteArrived(seq: number, flags: QueueEntryFlags): void {
    if (this.order !== null) this.order.arrived(seq, flags);
    else this.selective!.arrived(this.settings.priorityMax < 0 ? 0 : levelOf(flags), seq);
  }

  /** For a queue that is not plain, or a message with a time to live, before `push` or `contents.park`; returns its flags. */
  prepare(seq: number, flags: QueueEntryFlags, draft: Draft): QueueEntryFlags {
    if (draft.ttlMs >= 0) this.makeLimits();
    if (draft.grouped && !this.grouped) this.expectGroups();
    if (this.order !== null) this.order.prepare(seq, flags, draft);
    if (this.settings.passport) this.services.passports.arrived(this, seq, flags, draft);
    if (this.limits !== null) return this.limits.prepare(seq, flags, draft);
    return this.withPriority(flags, draft.priority);
  }

  /** The flags of a message of this priority. */
  withPriority(flags: QueueEntryFlags, priority: number): QueueEntryFlags {
    return this.settings.priorityMax < 0 ? flags : withLevel(flags, priority, this.settings.priorityMax);
  }

  /** Messages may have groups from now on. */
  expectGroups(): void {
    this.grouped = true;
    if (this.order === null) this.takeOrder(GROUPS_ONLY);
  }

  /** A message may expire here: remembered in the log, where a checkpoint names no times. */
  get mayExpire(): boolean {
    return this.limits?.mayExpire === true;
  }

  expectExpiry(): void {
    this.makeLimits().mayExpire = true;
  }

  /** Whether one more message of so many bytes is one too many, and its publisher to be told. */
  refuses(bytes: number): boolean {
    return this.limits?.refuses(bytes) === true;
  }

  // -------------------------------------------------------------------------------------------------- how many there are

  /** Ready messages: they wait, and nobody holds them. */
  get messages(): number {
    return this.ready.length;
  }

  /** How many wait, as the queue's limits allow it: more than that may be there until the turn has time to end them. */
  get count(): number {
    const { overflow, lengthMax } = this.settings;
    return overflow === 'drop-head' ? Math.min(this.messages, lengthMax) : this.messages;
  }

  /** What consumers hold; null: they have held nothing yet. */
  get unsettledDeliveries(): DeliverySlots | null {
    return this.contents.unsettled;
  }

  /** Messages that consumers hold. */
  get unsettledCount(): number {
    return this.contents.unsettledCount;
  }

  get isEmpty(): boolean {
    return this.contents.isEmpty;
  }

  get consumers(): readonly QueueConsumer[] {
    return this.dispatcher === null ? NO_CONSUMERS : this.dispatcher.consumers;
  }

  /** The share of time in which they could take a message at once, 0 to 1; 0 without any. */
  consumerCapacity(nowMs: number): number {
    return this.dispatcher === null ? 0 : this.dispatcher.consumerCapacity(nowMs);
  }

  get singleActive(): QueueConsumer | null {
    return this.dispatcher === null ? null : this.dispatcher.singleActive;
  }

  // ------------------------------------------------------------------------------------------------- a turn's end

  /** Something may be deliverable: look at the end of this turn. */
  wake(): void {
    if (this.attended && !this.inTurn) this.services.turn.addDelivery(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    const { counters } = this.services;
    const before = counters.delivered;
    this.catchUp();
    const { dispatcher } = this;
    if (dispatcher === null) return;
    dispatcher.keepPace(counters.delivered - before);
    dispatcher.answerGets();
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
      const pumped = this.pump();
      let done = pumped === DONE && this.dispatcher?.serveSharedCredit() !== false;
      // What the time has not reached for was not offered to anyone yet.
      // When the broker stops, what is too much stays for the next start.
      if (this.limits !== null && pumped !== TIME_UP && !this.services.stopping) {
        this.limits.offered();
        done = done && this.limits.enforce(asked);
      }
      return done;
    } finally {
      // Whatever a consumer's side has thrown, the queue goes on.
      this.catchingUp = false;
    }
  }

  private pump(): Pumped {
    if (this.dispatcher === null) return this.loading ? WAITS : DONE;
    const pumped = this.dispatcher.pump();
    if (pumped === TIME_UP) this.services.turn.addLater(PHASE_GATHER, this);
    return pumped;
  }

  // --------------------------------------------------------------------------------------------- messages are shown

  /** Shows a message in `services.deliveryView`; false if it must be fetched first, and then the queue comes back by itself. */
  show(seq: number, flags: QueueEntryFlags): boolean {
    const { store, deliveryView } = this.services;
    if (store.view(seq, flags, deliveryView)) return true;
    this.load(seq, flags);
    return false;
  }

  private load(seq: number, flags: QueueEntryFlags): void {
    this.loading = true;
    const level = this.settings.priorityMax < 0 ? 0 : levelOf(flags);
    const order = this.readOrder(level);
    const loaded = (error: Error | undefined): void => {
      this.loading = false;
      if (this.deleted) return;
      if (error !== undefined) this.skipUnreadable(seq, flags, error);
      // Straight on: the block that was loaded may be evicted again by the turn's end. Where it came at once, whoever asked
      // for it is still at work.
      if (!this.catchingUp) this.endOfTurn();
      else if (!this.inTurn) this.services.turn.add(PHASE_GATHER, this);
    };
    this.services.store.load(seq, flags, loaded, order);
  }

  /** What is read next of a level. */
  private readOrder(level: number): ReadOrder {
    // Who serves tenants in turn reads ahead in the lane at hand: the queue's own next is another's.
    if (this.order !== null && this.order.settings.fair !== null && this.order.lane !== null) {
      const { lane } = this.order;
      lane.reads ??= new LevelOrder(lane.waiting, level);
      return lane.reads;
    }
    if (this.reads?.level !== level) this.reads = new LevelOrder(this.ready, level);
    return this.reads;
  }

  /** It stays in the log, unsettled, for whoever repairs it; the queue goes on without it. */
  private skipUnreadable(seq: number, flags: QueueEntryFlags, error: Error): void {
    if (this.followed) {
      if (this.ready.removeAt(seq, flags)) {
        this.order?.leftElsewhere(seq);
        this.contents.park(seq, flags);
      }
    } else {
      const shifted = this.ready.shiftIf(seq);
      if (shifted !== NOT_AT_HEAD) this.contents.park(seq, shifted);
    }
    this.dispatcher?.forgetReplays(seq);
    this.services.unreadable(this, seq, error);
  }

  /**
   * Takes a message that waits out of its place, wherever that is, for an operator: it is shown in `view`. False: it does not wait any
   * more. What becomes of it is the caller's: `contents.remove`, or `giveBack`.
   */
  takeOut(seq: number, flags: QueueEntryFlags, view: MessageView): boolean {
    if (this.followed || this.ready.shiftIf(seq) === NOT_AT_HEAD) {
      this.ready.allowRemoval();
      if (!this.ready.removeAt(seq, flags)) return false;
      this.order?.leftElsewhere(seq);
    }
    if (this.limits !== null) {
      this.limits.left(seq, view, true);
      this.wake(); // for who comes to the head, and has a time of its own
    }
    return true;
  }

  /** What failed or died would have to wait, and no more may: nothing is handed out until some of what waits has been tried. */
  get standsStill(): boolean {
    if (this.paused || (this.settings.backoff !== null && this.services.awaitsRoomForRetries(this))) return true;
    return this.keepsDead;
  }

  /**
   * What dies here might find no room where it goes, and no more may wait for that. Not where the queue itself refuses what is too much: others
   * may wait for room in it, and two such queues would wait for one another.
   */
  get keepsDead(): boolean {
    if (this.rejects || (this.settings.deadLetterExchange === null && !this.services.keepsAllDead)) return false;
    return this.services.awaitsRoomForDeadLetters(this);
  }

  roomForRetries(): void {
    this.wake();
    this.dispatcher?.answerGets();
  }

  roomForDeadLetters(): void {
    this.roomForRetries();
  }

  /** Nothing is handed out from now on. */
  pause(): void {
    this.paused = true;
    this.dispatcher?.endPace();
  }

  resume(): void {
    this.paused = false;
    this.wake();
    this.dispatcher?.answerGets();
  }

  // ------------------------------------------------------------------------------------------------- for its limits

  forEachReady(visit: VisitEntry): void {
    this.ready.forEach(visit);
  }

  headSeq(): number {
    return this.surplus ? this.order!.seq : this.ready.headSeq();
  }

  showHead(): MessageView | null {
    const { order, ready } = this;
    const shown = this.surplus ? this.show(order!.seq, order!.flags) : this.show(ready.headSeq(), ready.headFlags());
    if (!shown) this.surplus = false;
    return shown ? this.services.deliveryView : null;
  }

  /** Of tenants that who has most gives the oldest of its own. */
  chooseSurplus(): void {
    this.surplus = this.order?.findSurplus() === true;
  }

  endHead(reason: DeathReason): void {
    const { order, ready } = this;
    let seq = ready.headSeq();
    let flags = ready.headFlags();
    if (this.surplus) {
      this.surplus = false;
      ({ seq, flags } = order!);
      ready.allowRemoval();
      order!.drop();
      ready.removeAt(seq, flags);
    } else {
      ready.shift();
      order?.leftElsewhere(seq);
    }
    this.contents.end(seq, flags, reason);
  }

  /** There is another head now, with a time of its own: it may be over, and does not count as waiting then. */
  headLeft(): void {
    if (this.limits === null || this.services.stopping) return;
    this.catchingUp = true;
    this.limits.enforce(true);
    this.catchingUp = false;
  }

  sizeOf(seq: number, flags: QueueEntryFlags, done: (bytes: number) => void): void {
    const { store, deliveryView: view } = this.services;
    if (store.view(seq, flags, view)) done(view.bodyLength);
    else {
      store.load(seq, flags, (error) => {
        done(error === undefined && store.view(seq, flags, view) ? view.bodyLength : -1);
      });
    }
  }

  endIfExpired(seq: number, flags: QueueEntryFlags): boolean {
    if (this.limits === null || !this.limits.isOver(seq, this.services.deliveryView)) return false;
    // It ends at the head, once there is room.
    if (this.keepsDead) return true;
    if (this.ready.removeAt(seq, flags)) {
      this.order?.leftElsewhere(seq);
      this.expire(seq, flags);
    }
    return true;
  }

  /** Taken out of its place, and nobody gets it any more. It is shown. */
  expire(seq: number, flags: QueueEntryFlags): void {
    this.limits!.left(seq, this.services.deliveryView, false);
    this.contents.end(seq, flags, 'expired');
  }

  // --------------------------------------------------------------------------------------------------- consumers

  settle(consumer: QueueConsumer, slot: number, outcome: Outcome): void {
    this.contents.unsettled!.settle(consumer, slot, outcome);
  }

  endFor(consumer: QueueConsumer, slot: number, outcome: Outcome, why: EndReason): void {
    this.contents.unsettled!.endFor(consumer, slot, outcome, why);
  }

  /** @throws BrokerError access-refused while it is in exclusive use; invalid for a selector that cannot be read */
  addConsumer(options: ConsumeOptions, sink: DeliverySink, output: Backpressure): QueueConsumer {
    const consumer = this.makeDispatcher().add(options, sink, output);
    this.contents.limitHolding(consumer);
    if (options.deferralTokens !== undefined) this.claim(consumer, options.deferralTokens);
    this.idleExpiry?.stop();
    this.attended = true;
    this.wake();
    return consumer;
  }

  private makeDispatcher(): Dispatcher {
    this.dispatcher ??= new Dispatcher(this);
    return this.dispatcher;
  }

  renew(consumer: QueueConsumer, slot: number): boolean {
    const { unsettled } = this.contents;
    if (unsettled === null || this.deleted || unsettled.holder(slot) !== consumer) return false;
    unsettled.renew(slot);
    this.services.counters.leasesRenewed++;
    return true;
  }

  renewAll(consumer: QueueConsumer): void {
    const { unsettled } = this.contents;
    if (unsettled === null || this.deleted) return;
    unsettled.renewAll(consumer);
    this.services.counters.leasesRenewed += consumer.held;
  }

  defer(consumer: QueueConsumer, slot: number, token: string, { dueMs, delayMs }: DeferralTime): boolean {
    const { unsettled, deferred } = this.contents;
    if (unsettled === null || (token !== '' && deferred !== null && deferred.size >= DEFERRED_MAX)) return false;
    const atMs = dueMs >= 0 ? dueMs : this.services.nowMs() + Math.max(0, delayMs);
    return unsettled.defer(consumer, slot, Math.min(atMs, DEFERRED_UNTIL_MAX_MS), token);
  }

  claim(consumer: QueueConsumer, tokens: readonly string[]): number {
    const { deferred } = this.contents;
    if (deferred === null || this.deleted) return 0;
    const seqs = tokens.flatMap((token) => deferred.claim(token));
    if (seqs.length > 0) this.makeDispatcher().deliverClaimed(consumer, seqs);
    this.wake();
    return seqs.length;
  }

  settledLate(count: number): void {
    this.services.counters.settledLate += count;
  }

  cancelConsumer(consumer: QueueConsumer, outcome?: Outcome): void {
    // Who keeps what he holds is given first what came while he was there.
    if (outcome === undefined && this.inTurn && consumer.ready()) this.catchUp();
    if (consumer.active) {
      if (consumer.claims.length > 0) this.contents.deferred?.release(consumer.claims.splice(0));
      this.contents.holdLimits?.detach(consumer);
      consumer.ended();
      const another = this.dispatcher?.remove(consumer) === true;
      this.noteAttended();
      if (!consumer.passive) {
        this.touch();
        if (another) this.wake();
      }
    }
    if (outcome !== undefined && consumer.held > 0 && !this.deleted) {
      this.contents.settleAll(consumer, outcome, () => this.cancelled(consumer));
    } else this.cancelled(consumer);
  }

  private cancelled(consumer: QueueConsumer): void {
    if (consumer.passive) return;
    if (this.consumers.length === 0) this.dispatcher?.endPace();
    if (consumer.passing || this.consumers.some(({ passing }) => !passing)) return;
    if ((this.options.autoDelete || this.released) && !this.deleted) this.services.unused(this);
  }

  whenServed(consumer: QueueConsumer, done: () => void): void {
    this.dispatcher!.whenServed(consumer, done);
  }

  replay(consumer: QueueConsumer): void {
    this.dispatcher?.replay(consumer);
    this.wake();
  }

  /** @internal a limit that consumers share may have room for one of this queue's */
  offer(): void {
    this.pump();
    if (this.limits !== null) this.wake();
  }

  /** @internal */
  awaitSharedCredit(): void {
    this.dispatcher?.awaitSharedCredit();
  }

  /**
   * Takes one message for `holder`, if there is one left when consumers have got theirs; `done` is called with undefined if
   * not. @throws BrokerError resource-locked
   */
  get(holder: QueueConsumer, done: GetDone): void {
    const { type, singleActiveConsumer } = this.settings;
    if (singleActiveConsumer && type === 'quorum') {
      throw new BrokerError(
        'resource-locked',
        `cannot obtain access to locked queue '${this.name}' in vhost '${this.services.vhost}'. basic.get operations are not supported by quorum queues with single active consumer`,
      );
    }
    this.touch();
    this.contents.limitHolding(holder);
    this.makeDispatcher().get(holder, done);
  }

  /** This publisher waits until consumers have caught up with it, or have stopped asking. */
  holdPublisher(publisher: HeldPublisher): void {
    this.dispatcher!.holdPublisher(publisher);
  }

  // ------------------------------------------------------------------------------------------------ purge and delete

  /**
   * Removes what waits: in parts, if it is much. What is over by now ends as it should first, and what consumers take
   * meanwhile is theirs.
   * @param done is told how many it removed
   */
  purge(share: Share, done: (messages: number) => void): void {
    const { work } = share;
    const { ready } = this;
    let waiting = -1;
    let purged = 0;
    const step = (): boolean => {
      if (waiting < 0) {
        // What must be fetched first goes with the rest.
        if (!this.catchUp(true) && !this.loading) return false;
        waiting = ready.length;
        if (this.limits?.countsBytes === true) {
          purged = this.purgeAtOnce();
          return true;
        }
      }
      while (purged < waiting && ready.length > 0 && !this.deleted) {
        const seq = ready.headSeq();
        const flags = ready.headFlags();
        ready.shift();
        this.order?.leftElsewhere(seq);
        this.contents.removeAsked(seq, flags);
        purged++;
        work.spend(1);
        if (work.over) return false;
      }
      this.contents.flushSettled();
      return true;
    };
    share.run(step, () => done(purged));
  }

  /** A queue whose bytes are counted is bounded, and counts anew when it is empty. */
  private purgeAtOnce(): number {
    const messages = this.ready.length;
    this.ready.forEach((seq, flags) => {
      this.contents.removeAsked(seq, flags);
    });
    this.ready.clear();
    this.order?.leftElsewhere(-1);
    this.limits?.emptied();
    this.contents.flushSettled();
    return messages;
  }

  /**
   * Lets go of everything: in parts, if it is much. The vhost has logged that the queue is gone. Returns how many messages
   * waited.
   */
  delete(share: Share, gone: () => void = () => {}): number {
    const messages = this.count;
    this.deleted = true;
    this.window?.close();
    this.order?.close();
    this.limits?.disarm();
    this.contents.holdLimits?.stop();
    this.idleExpiry?.stop();
    const consumers = this.dispatcher?.removeAll() ?? [];
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
      return this.contents.releaseAll(share.work);
    }, gone);
    this.dispatcher?.answerGets();
    return messages;
  }
}

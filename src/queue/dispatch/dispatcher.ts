/**
 * The dispatcher of a queue: its consumers, and the pump that hands ready messages out to them. A queue makes one when it gets
 * its first consumer, or is asked for a message.
 *
 * Each consumer gets a message in turn while it can take more. Two things take other ways: consumers that are not all alike
 * (`consumer-rotation.ts`), and messages that not every consumer takes (`selective-dispatch.ts`).
 */
import type { Backpressure, ConsumeOptions, DeliverySink } from '../../api/consume.ts';
import type { Work } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { MessageView } from '../../message/message.ts';
import { Arrivals } from '../arrivals.ts';
import { attemptsOf, type QueueEntryFlags } from '../entry-flags.ts';
import { ENDED_PER_TURN_MAX, type QueueLimits } from '../limits/queue-limits.ts';
import type { QueueSettings } from '../limits/settings.ts';
import type { QueueOrder } from '../order/queue-order.ts';
import { NOTE_ACCEPTED, NOTE_DELIVERED, NOTE_FORBIDDEN, NOTE_LOSSY } from '../passport-notes.ts';
import type { QueueEnvironment } from '../queue-services.ts';
import type { ReadyMessages } from '../ready/ready-messages.ts';
import type { QueueTraffic } from '../traffic.ts';
import type { HoldLimits } from '../unsettled/hold-limits.ts';
import type { UnsettledMessages } from '../unsettled/unsettled-messages.ts';
import { type ConsumedQueue, type DeliveryGuard, QueueConsumer } from './consumer.ts';
import { ConsumerCapacity } from './consumer-capacity.ts';
import { ConsumerRotation } from './consumer-rotation.ts';
import { type AskedQueue, type GetDone, PendingGets } from './pending-gets.ts';
import { type HeldPublisher, PublisherPace, waitingMin } from './publisher-pace.ts';
import { type SelectableQueue, SelectiveDispatch } from './selective-dispatch.ts';

/** How far handing out has come. It waits when something must be fetched first, or so much has expired that it is enough. */
export const DONE = 0;
export const WAITS = 1;
export const TIME_UP = 2;
export type Pumped = typeof DONE | typeof WAITS | typeof TIME_UP;

/** Properties and body of a message that takes its time. */
const LONG_BYTES = 4 * 1024;
/** So many messages are handed out at once, though a turn's time is up. */
const LITTLE = 16;

/** The queue, as its dispatcher sees it. */
export interface DispatchedQueue extends ConsumedQueue, SelectableQueue, AskedQueue {
  readonly id: number;
  readonly durable: boolean;
  readonly services: QueueEnvironment;
  readonly settings: QueueSettings;
  readonly ready: ReadyMessages;
  readonly contents: DispatchedContents;
  /** Null for a queue that does nothing by itself. */
  readonly limits: QueueLimits | null;
  /** A message is being fetched: nothing is handed out until then. */
  readonly loading: boolean;
  readonly paused: boolean;
  /** What dies here is to stay for now. */
  readonly keepsDead: boolean;
  /** Null where messages are handed out as they came. */
  readonly order: QueueOrder | null;
  /** A consumer selects: what a queue keeps of groups by itself is left to `selective`. Throws where order was asked for. */
  leaveOrder(): void;
  /** `selective` has come or gone. */
  noteFollowed(): void;
  /** The dispatcher's, once a guard asks by addresses; the queue tells it of each message that arrives. */
  arrivals: Arrivals | null;
  /** Its publishers are to wait for its consumers. */
  ahead: boolean;
  /** What goes through it. */
  readonly counted: QueueTraffic;
  /** Null where every consumer takes every message. The dispatcher's; the queue tells it of each that arrives. */
  selective: SelectiveDispatch | null;
  /** A message that was taken out of its place has waited too long. It is shown. */
  expire(seq: number, flags: QueueEntryFlags): void;
}

/** The queue's contents, as its dispatcher sees them. */
export interface DispatchedContents {
  /** Null until something was delivered. */
  readonly unsettled: UnsettledMessages | null;
  /** Null until a consumer may not hold what it is given for ever. */
  readonly holdLimits: HoldLimits | null;
  /** A consumer holds it from now on; returns the delivery's slot. */
  hold(seq: number, flags: QueueEntryFlags, consumer: QueueConsumer): number;
  /** The flags of one that is deferred still; undefined: it is not. */
  deferredFlags(seq: number): QueueEntryFlags | undefined;
  /** Takes out one that is deferred; returns its token. */
  takeDeferred(seq: number): string;
  /** It is done with. */
  remove(seq: number, flags: QueueEntryFlags): void;
}

export function isLong(view: MessageView): boolean {
  return view.propsEnd - view.propsStart + view.bodyLength > LONG_BYTES;
}

/** An empty list with room for one consumer, which is what nearly every queue has: a literal one makes room for seventeen. */
function roomForOne(): QueueConsumer[] {
  const list: (QueueConsumer | null)[] = [null];
  list.pop();
  return list as QueueConsumer[];
}

export class Dispatcher {
  readonly consumers: QueueConsumer[] = roomForOne();
  /** Null where all consumers are alike. */
  private rotation: ConsumerRotation | null = null;
  private nextConsumer = 0;
  /** A consumer has deliveries to be made again. */
  private replaying = false;
  /** A consumer has asked for parked messages. */
  private claimed = false;
  /** A consumer that shares a limit with others could take more. */
  private creditAwaited = false;
  /** Consumers that have got something that is in no count yet. */
  private readonly uncounted: QueueConsumer[] = [];
  /** Null while no more waits than always may. */
  private pace: PublisherPace | null = null;
  private gets: PendingGets | null = null;
  private readonly capacity: ConsumerCapacity;
  private readonly queue: DispatchedQueue;

  constructor(queue: DispatchedQueue) {
    this.queue = queue;
    this.capacity = new ConsumerCapacity(queue.services.clock.monotonicMs());
    if (queue.settings.singleActiveConsumer) this.rotation = new ConsumerRotation(true, []);
    if (queue.order !== null) this.inOrder();
  }

  // --------------------------------------------------------------------------------------------------- consumers

  /** @throws BrokerError access-refused while it is in exclusive use; invalid for a selector that cannot be read */
  add(options: ConsumeOptions, sink: DeliverySink, output: Backpressure): QueueConsumer {
    const { queue, consumers } = this;
    const alone = options.exclusive && (consumers.length > 0 || queue.settings.singleActiveConsumer);
    if (alone || consumers.some((consumer) => consumer.exclusive)) {
      throw new BrokerError(
        'access-refused',
        `queue '${queue.name}' in vhost '${this.queue.services.vhost}' in exclusive use`,
      );
    }
    const consumer = new QueueConsumer(queue, options, sink, output);
    const selects = options.selector !== undefined && options.selector.trim() !== '';
    if (selects) queue.leaveOrder();
    if (selects || queue.selective !== null) this.selectively().add(consumer, options.selector);
    if (consumer.priority !== 0) this.rotation ??= new ConsumerRotation(false, consumers);
    consumers.push(consumer);
    this.rotation?.add(consumer);
    queue.order?.joined(consumer, !queue.settings.singleActiveConsumer);
    this.noteCapacity(true);
    return consumer;
  }

  /** The consumer that gets everything; null where each gets its part. */
  get singleActive(): QueueConsumer | null {
    return this.rotation?.active ?? null;
  }

  /** Returns whether it may be another's turn now. */
  remove(consumer: QueueConsumer): boolean {
    const at = this.consumers.indexOf(consumer);
    if (at >= 0) this.consumers.splice(at, 1);
    this.rotation?.remove(consumer);
    this.queue.selective?.remove(consumer);
    this.queue.order?.left(consumer);
    return this.rotation !== null;
  }

  /** The queue is deleted: none of them gets anything any more. */
  removeAll(): QueueConsumer[] {
    this.endPace();
    const consumers = this.consumers.splice(0);
    for (const consumer of consumers) consumer.ended();
    return consumers;
  }

  /** From now on not every consumer takes every message. */
  selectively(): SelectiveDispatch {
    const { queue } = this;
    if (queue.selective !== null) return queue.selective;
    this.queue.ready.allowRemoval();
    this.rotation ??= new ConsumerRotation(false, this.consumers);
    queue.selective = new SelectiveDispatch(queue, this.consumers);
    queue.noteFollowed();
    return queue.selective;
  }

  /** From now on the queue's order says what goes out next. */
  inOrder(): void {
    this.queue.ready.allowRemoval();
    this.rotation ??= new ConsumerRotation(false, this.consumers);
  }

  /** A consumer could take more, but for a limit that it shares. */
  awaitSharedCredit(): void {
    this.creditAwaited = true;
  }

  /** Asks for room where limits are shared: what consumers may take is up to others, too. False while a message is fetched. */
  serveSharedCredit(): boolean {
    if (!this.creditAwaited) return true;
    this.creditAwaited = false;
    for (const consumer of [...this.consumers]) consumer.serveShared();
    return !this.queue.loading;
  }

  // -------------------------------------------------------------------------------------------------- handing out

  /** Hands out what consumers can take. */
  pump(): Pumped {
    const pumped = this.pumpSome();
    if (this.uncounted.length > 0) this.countDelivered();
    return pumped;
  }

  /** Adds up what consumers have got, once a pump: a message on its way costs one number of its consumer's. */
  private countDelivered(): void {
    const { counters, traffic } = this.queue.services;
    for (const consumer of this.uncounted) {
      const { fresh, freshRedelivered: redelivered, settled, counts } = consumer;
      consumer.fresh = 0;
      consumer.freshRedelivered = 0;
      counters.delivered += fresh;
      counters.redelivered += redelivered;
      counts.redelivered += redelivered;
      if (settled) {
        counts.consumedSettled += fresh;
        counters.acknowledged += fresh;
      } else counts.consumedUnsettled += fresh;
      this.queue.counted.handedOut(fresh, settled, redelivered);
      traffic.handedOut(fresh, settled, redelivered);
    }
    this.uncounted.length = 0;
  }

  private pumpSome(): Pumped {
    const { queue } = this;
    const { ready, services } = queue;
    if (queue.loading || queue.deleted) return WAITS;
    if (queue.standsStill) return DONE;
    if (ready.length === 0 && !this.replaying && !this.claimed) {
      if (this.capacity.busy) this.noteCapacity(this.someReady());
      return DONE;
    }
    const { work } = services.turn;
    if (this.claimed && !this.handOutClaimed()) return work.over ? TIME_UP : WAITS;
    if (this.replaying && !this.replayAll()) return work.over ? TIME_UP : WAITS;
    if (queue.order !== null) return this.pumpInOrder(queue.order);
    if (queue.selective !== null) return this.pumpSelectively(queue.selective);
    let expired = 0;
    while (ready.length > 0) {
      const consumer = this.nextReady();
      if ((consumer === null) !== this.capacity.busy) this.noteCapacity(consumer !== null);
      if (consumer === null) return DONE;
      const seq = ready.headSeq();
      const flags = ready.headFlags();
      if (!queue.show(seq, flags)) return WAITS;
      ready.shift();
      if (queue.limits?.isOver(seq, services.deliveryView)) {
        queue.expire(seq, flags);
        if (queue.keepsDead) return DONE;
        if (++expired < ENDED_PER_TURN_MAX) continue;
        queue.limits.resumeNextTurn();
        return WAITS;
      }
      if (this.rotation === null) this.nextConsumer++;
      else this.rotation.served(consumer);
      this.handOut(consumer, seq, flags);
      this.countHandedOut();
      if (work.over && this.mustStop(work)) return TIME_UP;
    }
    return DONE;
  }

  /** The time is up; but a queue with little to hand out is not to wait behind a hundred long ones. */
  private mustStop(work: Work): boolean {
    return this.queue.ready.length > LITTLE || isLong(this.queue.services.deliveryView) || !work.spareStep();
  }

  /** The same where consumers do not all take every message. */
  private pumpSelectively(selective: SelectiveDispatch): Pumped {
    const { queue } = this;
    const { ready, services } = queue;
    const { work } = services.turn;
    const rotation = this.rotation!;
    selective.begin();
    for (;;) {
      const consumer = selective.next(rotation.candidates);
      if (consumer === null) {
        // There may be nothing that those want who could take one.
        this.noteCapacity(this.someReady());
        return queue.loading ? WAITS : DONE;
      }
      const { seq, flags } = selective;
      // It is in memory: it has just been looked at.
      if (!services.store.view(seq, flags, services.deliveryView) || !ready.removeAt(seq, flags)) return DONE;
      selective.taken(consumer, services.deliveryView);
      rotation.served(consumer);
      this.handOut(consumer, seq, flags);
      this.countHandedOut();
      if (work.over && this.mustStop(work)) return TIME_UP;
    }
  }

  /** The same where the queue keeps groups in order, or serves tenants in turn. */
  private pumpInOrder(order: QueueOrder): Pumped {
    const { queue } = this;
    const { ready, services } = queue;
    const { work } = services.turn;
    const rotation = this.rotation!;
    let expired = 0;
    order.balance();
    for (;;) {
      const consumer = nextInOrder(rotation.candidates, order);
      if (consumer === null) {
        // What waits may be of groups that others hold.
        this.noteCapacity(this.someReady());
        return DONE;
      }
      const { seq, flags } = order;
      if (!queue.show(seq, flags)) return WAITS;
      ready.removeKnown(seq, flags);
      if (queue.limits?.isOver(seq, services.deliveryView)) {
        order.drop();
        queue.expire(seq, flags);
        if (queue.keepsDead) return DONE;
        if (++expired < ENDED_PER_TURN_MAX) continue;
        queue.limits.resumeNextTurn();
        return WAITS;
      }
      order.take(consumer);
      rotation.served(consumer);
      this.handOut(consumer, seq, flags);
      this.countHandedOut();
      if (work.over && this.mustStop(work)) return TIME_UP;
    }
  }

  /** What a long message costs depends on what it is made into for its reader, which nobody knows. */
  private countHandedOut(): void {
    const { deliveryView: view, turn } = this.queue.services;
    if (isLong(view)) turn.work.checkTime();
    else turn.work.spend(1);
  }

  /** Delivers the message that is shown. */
  private handOut(consumer: QueueConsumer, seq: number, flags: QueueEntryFlags): void {
    const { queue } = this;
    const { counters, deliveryView: view } = queue.services;
    const withheld = consumer.guard !== null && !this.permits(consumer.guard, seq, view);
    if (queue.limits !== null) queue.limits.left(seq, view, !consumer.settled && !withheld);
    if (withheld) {
      counters.droppedForbidden++;
      queue.services.withheld(queue.name, view);
      if (queue.settings.passport) this.note(seq, flags, NOTE_FORBIDDEN, consumer);
      queue.contents.remove(seq, flags);
      return;
    }
    // In the place of subscription data there is a level of priority.
    if (queue.settings.priorityMax >= 0) view.subscriptionData = 0;
    if (consumer.passive) this.countGot(consumer, view);
    else {
      if (consumer.fresh++ === 0) this.uncounted.push(consumer);
      if (view.redelivered) consumer.freshRedelivered++;
    }
    const noted = queue.settings.passport;
    if (noted) {
      this.note(seq, flags, NOTE_DELIVERED, consumer, attemptsOf(flags));
      view.lossy = false;
    }
    const slot = consumer.settled ? -1 : queue.contents.hold(seq, flags, consumer);
    if (consumer.passive) consumer.gotSlot = slot;
    consumer.sink.deliver(view, slot);
    if (noted) this.noteDelivered(consumer, seq, flags);
    if (consumer.settled) queue.contents.remove(seq, flags);
  }

  private permits(guard: DeliveryGuard, seq: number, view: MessageView): boolean {
    const { queue } = this;
    if (queue.arrivals === null) {
      if (guard.byAddress) queue.arrivals = new Arrivals();
      return guard.permits(view);
    }
    const route = queue.arrivals.routeOf(seq);
    return route === null ? guard.permits(view) : guard.permitsAlong(route, view);
  }

  /** What the adapter has said of it; and that there is nothing to settle. */
  private noteDelivered(consumer: QueueConsumer, seq: number, flags: QueueEntryFlags): void {
    const { deliveryView: view } = this.queue.services;
    // It may be another's by now, if the queue was looked at meanwhile: what was noted of that one is its own.
    if (view.lossy) this.note(seq, flags, NOTE_LOSSY, consumer);
    view.lossy = false;
    if (consumer.settled) this.note(seq, flags, NOTE_ACCEPTED, consumer);
  }

  private note(seq: number, flags: QueueEntryFlags, what: number, by: QueueConsumer, detail = 0): void {
    const { queue } = this;
    queue.services.passports.note(queue, seq, flags, what, by, detail);
  }

  /** One that was asked for. */
  private countGot({ counts, settled, watch }: QueueConsumer, view: MessageView): void {
    if (watch !== null) this.queue.contents.holdLimits!.keep(watch);
    const { counters, traffic } = this.queue.services;
    counters.delivered++;
    if (view.redelivered) {
      counters.redelivered++;
      counts.redelivered++;
    }
    if (settled) {
      counts.gotSettled++;
      counters.acknowledged++;
    } else counts.gotUnsettled++;
    this.queue.counted.gotOne(settled, view.redelivered);
    traffic.gotOne(settled, view.redelivered);
  }

  /** The next consumer in turn that can take one; null if none can. Its turn is over once it got something. */
  private nextReady(): QueueConsumer | null {
    if (this.rotation !== null) return this.rotation.next();
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

  // ----------------------------------------------------------------------------------------------------- capacity

  /** The share of time in which consumers could take a message at once, 0 to 1; 0 without any. */
  consumerCapacity(nowMs: number): number {
    return this.consumers.length === 0 ? 0 : this.capacity.at(nowMs);
  }

  private noteCapacity(free: boolean): void {
    const { capacity } = this;
    if (free !== capacity.busy) return;
    const nowMs = this.queue.services.clock.monotonicMs();
    if (free) capacity.becameFree(nowMs);
    else capacity.becameBusy(nowMs);
  }

  private someReady(): boolean {
    const consumers = this.rotation?.candidates ?? this.consumers;
    return consumers.some((consumer) => consumer.ready());
  }

  // ------------------------------------------------------------------------------------------------------ replays

  /** Delivers again what a consumer holds, before anything new. */
  replay(consumer: QueueConsumer): void {
    const { unsettled } = this.queue.contents;
    if (unsettled === null) return;
    consumer.replay = unsettled.heldBy(consumer);
    this.replaying = true;
  }

  /** What resumed consumers hold comes before anything new. False if something must be loaded first. */
  private replayAll(): boolean {
    const { work } = this.queue.services.turn;
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
    const { queue } = this;
    const unsettled = queue.contents.unsettled!;
    const slot = consumer.replay[0]!;
    if (unsettled.holder(slot) === consumer) {
      if (!queue.show(unsettled.seq(slot), unsettled.flags(slot))) return false;
      consumer.replay.shift();
      if (consumer.fresh++ === 0) this.uncounted.push(consumer);
      consumer.freshRedelivered++;
      if (queue.settings.passport) {
        const flags = unsettled.flags(slot);
        this.note(unsettled.seq(slot), flags, NOTE_DELIVERED, consumer, attemptsOf(flags));
      }
      consumer.sink.deliver(queue.services.deliveryView, slot);
      this.countHandedOut();
    } else consumer.replay.shift();
    return true;
  }

  // --------------------------------------------------------------------------------------- what is parked by tokens

  /** This consumer gets these parked messages, in this order, ahead of all others. */
  deliverClaimed(consumer: QueueConsumer, seqs: readonly number[]): void {
    consumer.claims = [...seqs].reverse().concat(consumer.claims);
    this.claimed = true;
  }

  /** False if something must be loaded first, or the time is up. */
  private handOutClaimed(): boolean {
    const { work } = this.queue.services.turn;
    const { singleActive } = this;
    let left = false;
    for (const consumer of this.consumers) {
      if (singleActive === null || singleActive === consumer) {
        while (consumer.claims.length > 0 && consumer.ready()) {
          if (!this.handOutOneClaimed(consumer)) return false;
          if (work.over) return false;
        }
      }
      if (consumer.claims.length > 0) left = true;
    }
    this.claimed = left;
    return true;
  }

  private handOutOneClaimed(consumer: QueueConsumer): boolean {
    const { queue } = this;
    const { contents, limits } = queue;
    const { deliveryView: view } = queue.services;
    const seq = consumer.claims.at(-1)!;
    const flags = contents.deferredFlags(seq);
    if (flags !== undefined && !queue.show(seq, flags)) return false;
    if (flags !== undefined && limits?.isOver(seq, view) && queue.keepsDead) return false;
    consumer.claims.pop();
    if (flags === undefined) return true; // its time has come meanwhile, or it was removed
    const token = contents.takeDeferred(seq);
    limits?.returned(seq);
    if (limits?.isOver(seq, view)) {
      queue.expire(seq, flags);
      return true;
    }
    view.deferralToken = token;
    try {
      this.handOut(consumer, seq, flags);
    } finally {
      view.deferralToken = '';
    }
    this.countHandedOut();
    return true;
  }

  /** A message cannot be read: nobody gets it again. */
  forgetReplays(seq: number): void {
    for (const consumer of this.consumers) {
      if (consumer.claims.length > 0) consumer.claims = consumer.claims.filter((claim) => claim !== seq);
      if (consumer.replay.length === 0) continue;
      consumer.replay = consumer.replay.filter((slot) => this.queue.contents.unsettled!.seq(slot) !== seq);
    }
  }

  // --------------------------------------------------------------------------------------------------------- gets

  private pendingGets(): PendingGets {
    this.gets ??= new PendingGets(this.queue, (consumer, seq, flags) => this.handOut(consumer, seq, flags));
    return this.gets;
  }

  /** Tells this consumer once all have got what they can take. */
  whenServed(consumer: QueueConsumer, done: () => void): void {
    this.pendingGets().awaitServed(consumer, done);
  }

  /** Takes one message for `holder`, if there is one left when consumers have got theirs. */
  get(holder: QueueConsumer, done: GetDone): void {
    this.pendingGets().add(holder, done);
  }

  answerGets(): void {
    this.gets?.answer();
  }

  // --------------------------------------------------------------------------------------------- its publishers' pace

  /** Looks, once a turn, at how publishers and consumers get on. @param left messages that have just been handed out */
  keepPace(left: number): void {
    const { queue } = this;
    const { ready } = queue;
    const { clock, deliveryView } = queue.services;
    const bodyBytes = left > 0 ? deliveryView.bodyLength : 0;
    if (this.pace === null && ready.length <= waitingMin(bodyBytes)) return;
    if (this.consumers.length === 0 || queue.deleted || queue.paused) {
      this.endPace();
      return;
    }
    const nowMs = clock.monotonicMs();
    this.pace ??= new PublisherPace(clock, nowMs, ready.length, () => this.paceChanged());
    this.pace.look(nowMs, ready.length, left, bodyBytes);
    this.paceChanged();
  }

  private paceChanged(): void {
    const { pace } = this;
    if (pace === null) return;
    this.queue.ahead = pace.ahead;
    if (pace.idle) this.endPace();
  }

  endPace(): void {
    this.queue.ahead = false;
    this.pace?.close();
    this.pace = null;
  }

  /** This publisher waits until consumers have caught up with it, or have stopped asking. */
  holdPublisher(publisher: HeldPublisher): void {
    this.pace!.hold(publisher);
  }
}

/** The first of these that can take one, and for whom there is one; `order` has found it. */
function nextInOrder(candidates: readonly QueueConsumer[], order: QueueOrder): QueueConsumer | null {
  for (const consumer of candidates) if (consumer.ready() && order.find(consumer)) return consumer;
  return null;
}

/**
 * At-most-once deliveries: straight from the publisher's own bytes to the subscribers' connections, past their queues.
 *
 * A long message to many subscribers goes in parts, and any message to very many: each of them costs its bytes, or what they have to
 * be made into, so thousands take longer than a turn may last. Its publisher waits meanwhile, as for any long operation of its own, and what it
 * says next comes after it.
 */
import type { Turn } from '../../clock/turn.ts';
import type { TurnClock } from '../../clock/turn-clock.ts';
import { giveBack, takeBuffer } from '../../message/buffer-pool.ts';
import { LentBody } from '../../message/lent-body.ts';
import { AT_MOST_ONCE, type Draft, MessageView } from '../../message/message.ts';
import { REFERENCED_BYTES_MIN } from '../../message/pinned-memory.ts';
import { viewDraft } from '../../message/storage.ts';
import type { DeliveryGuard } from '../../queue/dispatch/consumer.ts';
import { isLong } from '../../queue/dispatch/dispatcher.ts';
import type { Party } from '../../queue/passport-notes.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import { KEEP_RETAIN, targetAssurance, targetData } from '../../routing/target-flags.ts';
import type { Counters } from '../counters.ts';
import type { DroppedMessages } from '../dropped-messages.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import type { PublishBound } from './publish-bound.ts';
import { IN_PARTS_MIN } from './stored-copies.ts';

/** A client that publishes, and can wait until all of a message is delivered. */
export interface PublishingClient {
  /** Who it is, where that is noted. */
  readonly party?: Party;
  /** How much it may have waiting; null: any number. */
  readonly bound?: PublishBound | null;
  /** It waits until `step` has returned true. */
  deliverRest(rest: { step(): boolean }): void;
}

export interface DirectDeliveriesParts {
  readonly store: MessageStore;
  readonly time: TurnClock;
  readonly turn: Turn;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  readonly subscriberFlow: SubscriberFlowControl;
}

export class DirectDeliveries {
  /** Who publishes now; null where nobody could wait. */
  client: PublishingClient | null = null;
  private readonly store: MessageStore;
  private readonly time: TurnClock;
  private readonly turn: Turn;
  private readonly counters: Counters;
  private readonly dropped: DroppedMessages;
  private readonly subscriberFlow: SubscriberFlowControl;
  private readonly view = new MessageView();

  constructor(parts: DirectDeliveriesParts) {
    this.store = parts.store;
    this.time = parts.time;
    this.turn = parts.turn;
    this.counters = parts.counters;
    this.dropped = parts.dropped;
    this.subscriberFlow = parts.subscriberFlow;
  }

  /** Delivers a message to all of the route's targets that take it at most once. */
  publish(route: CompiledRoute<Queue>, draft: Draft): void {
    const { view, client } = this;
    viewDraft(draft, route, this.time.epochMs(), view);
    view.redelivered = false;
    view.attempts = 0;
    view.effectiveAssurance = AT_MOST_ONCE;
    if (view.bodyEnd - view.bodyStart >= REFERENCED_BYTES_MIN) {
      this.publishLent(route, draft);
      return;
    }
    const next = this.deliverAlong(route, 0, view, client !== null && draft.large === null);
    if (next < route.targets.length) client!.deliverRest(new RestOfDeliveries(this, route, view, next));
  }

  /** A long body is copied once, whoever takes it. */
  private publishLent(route: CompiledRoute<Queue>, draft: Draft): void {
    const { view, client } = this;
    const lent = new LentBody(view);
    try {
      const next = this.deliverAlong(route, 0, view, client !== null && draft.large === null);
      if (next < route.targets.length) client!.deliverRest(new RestOfDeliveries(this, route, view, next));
    } finally {
      lent.release();
    }
  }

  /**
   * Hands the message to the route's at-most-once targets from the given one on. Returns which is the next: there is one left
   * if the time is up, it is much and the rest may come later.
   */
  deliverAlong(route: CompiledRoute<Queue>, from: number, view: MessageView, inParts: boolean): number {
    const { targets, targetFlags } = route;
    const { work } = this.turn;
    const long = isLong(view);
    const looks = inParts && (long || targets.length >= IN_PARTS_MIN);
    const always = view.assurance === AT_MOST_ONCE;
    view.serial = this.store.nextSerial();
    for (let i = from; i < targets.length; i++) {
      const target = targets[i]!;
      const flags = targetFlags[i]!;
      if (!target.directMode || !(always || targetAssurance(flags) === AT_MOST_ONCE)) continue;
      view.retained = view.retain && (flags & KEEP_RETAIN) !== 0;
      view.subscriptionData = targetData(flags);
      this.deliver(target, view, route);
      if (target.direct?.output.congested === true) this.subscriberFlow.cause(target);
      if (!looks) continue;
      if (long) work.checkTime();
      else work.spend(1);
      if (work.over) return i + 1;
    }
    return targets.length;
  }

  /** The same for what was left over: one of very many. */
  deliverRest(route: CompiledRoute<Queue>, from: number, view: MessageView): number {
    this.turn.crowd = true;
    const next = this.deliverAlong(route, from, view, true);
    this.turn.crowd = false;
    return next;
  }

  /** Hands the message to this queue's direct subscriber; dropped, counted, if there is none or it has no room. */
  deliver(queue: Queue, view: MessageView, route: CompiledRoute<Queue> | null = null): void {
    const { directGuard } = queue;
    if (directGuard !== null && !permits(directGuard, view, route)) {
      this.counters.droppedForbidden++;
      this.dropped.tell('access-refused', queue.name, view);
    } else if (queue.direct?.deliverDirect(view) === true) {
      this.counters.delivered++;
      queue.directCounts.consumedSettled++;
    } else {
      this.counters.droppedDirect++;
      queue.directCounts.droppedDirect++;
      if (this.dropped.mayTell) this.dropped.tell('slow-subscriber', queue.name, view);
    }
  }
}

function permits(guard: DeliveryGuard, view: MessageView, route: CompiledRoute<Queue> | null): boolean {
  return route === null ? guard.permits(view) : guard.permitsAlong(route, view);
}

/** The targets that a long message has not reached yet, with a copy of it. */
export class RestOfDeliveries {
  private readonly deliveries: DirectDeliveries;
  private readonly route: CompiledRoute<Queue>;
  private readonly view: MessageView;
  private next: number;
  private readonly props: Buffer;
  private readonly lent: LentBody;

  /** @param view shows the publisher's bytes, which are copied */
  constructor(deliveries: DirectDeliveries, route: CompiledRoute<Queue>, view: MessageView, next: number) {
    this.deliveries = deliveries;
    this.route = route;
    this.next = next;
    this.view = Object.assign(new MessageView(), view);
    const propsBytes = view.propsEnd - view.propsStart;
    this.props = takeBuffer(propsBytes);
    view.props.copy(this.props, 0, view.propsStart, view.propsEnd);
    Object.assign(this.view, { props: this.props, propsStart: 0, propsEnd: propsBytes });
    this.lent = new LentBody(this.view);
  }

  /** Delivers to some of them; true when none is left. */
  step(): boolean {
    this.next = this.deliveries.deliverRest(this.route, this.next, this.view);
    if (this.next < this.route.targets.length) return false;
    this.lent.release();
    giveBack(this.props);
    return true;
  }
}

/**
 * The publish pipeline: where a message goes, who gets it at once, and what is stored for whom.
 *
 * ```
 * publish ── asks for a delay ──▶ Delays
 *    │
 *    ├─ taken once ─▶ Deduplication: what knows it is left out
 *    │
 *    ├─ one plain queue ──────────────────────────────▶ store, queue
 *    │
 *    └─ route resolved ── full queues passed by ── at most once: DirectDeliveries
 *                                              └── stored once, for all queues that keep it; retained
 * ```
 */
import { MARK_NOW, MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import type { Route } from '../../api/route.ts';
import type { Turn } from '../../clock/turn.ts';
import type { TurnClock } from '../../clock/turn-clock.ts';
import type { Work } from '../../clock/work.ts';
import type { Log } from '../../log/log.ts';
import type { TransientStore } from '../../log/transient/transient-store.ts';
import type { Dialects } from '../../message/dialect.ts';
import { AT_MOST_ONCE, type Draft, EXACTLY_ONCE, MessageView } from '../../message/message.ts';
import { viewDraft } from '../../message/storage.ts';
import type { RefusalReason } from '../../metrics/traffic.ts';
import { entryFlags, FLAG_DURABLE, FLAG_LARGE, FLAG_RETAINED } from '../../queue/entry-flags.ts';
import { fullTargets } from '../../queue/limits/full-targets.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Router } from '../../routing/router.ts';
import { KEEP_RETAIN, lowerAssurance, targetAssurance } from '../../routing/target-flags.ts';
import type { Decision } from '../../settlement/decide.ts';
import type { Counters } from '../counters.ts';
import type { DroppedMessages } from '../dropped-messages.ts';
import type { PublishFlowControl } from '../flow/publish-flow-control.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import type { Journal } from '../journal/journal.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { Deduplication } from './deduplication.ts';
import type { DirectDeliveries, PublishingClient } from './direct-deliveries.ts';
import { ExactlyOnceGate } from './exactly-once-gate.ts';
import { FullQueues } from './full-queues.ts';
import { CROWD_MIN, MessageRun } from './message-run.ts';
import type { PublishBound } from './publish-bound.ts';
import type { RetainedMessages } from './retained-messages.ts';
import { IN_PARTS_MIN, StoredCopies } from './stored-copies.ts';

export interface PublisherParts {
  readonly vhost: string;
  readonly log: Log;
  readonly transient: TransientStore;
  readonly store: MessageStore;
  readonly journal: Journal;
  readonly exchanges: ReadonlyMap<string, Exchange<Queue>>;
  readonly router: Router<Queue>;
  readonly dialects: Dialects;
  readonly time: TurnClock;
  readonly turn: Turn;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  readonly lifecycle: Lifecycle;
  readonly publishFlow: PublishFlowControl;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly direct: DirectDeliveries;
  readonly retained: RetainedMessages;
  /** Keeps a message that asks for a delay, or to wait for a word of its publisher's; undefined if its time has come already. */
  later(route: CompiledRoute<Queue>, draft: Draft): Mark | undefined;
  /** Carries out what was decided of a message that a full queue did not take. */
  diedUnstored(queue: Queue, decision: Decision, view: MessageView): void;
}

export class Publisher {
  /** Messages that wait in their queues until they are safe. */
  readonly exactlyOnce = new ExactlyOnceGate();
  /** Why the last publish that was refused was. */
  lastRefusal: RefusalReason = 'log';
  /** What an exchange counts, of the default one. */
  readonly toDefault = { publishedIn: 0, publishedOut: 0 };
  private readonly vhost: string;
  private readonly log: Log;
  private readonly transient: TransientStore;
  private readonly store: MessageStore;
  private readonly journal: Journal;
  private readonly router: Router<Queue>;
  private readonly work: Work;
  private readonly turn: Turn;
  private readonly counters: Counters;
  private readonly lifecycle: Lifecycle;
  private readonly publishFlow: PublishFlowControl;
  private readonly subscriberFlow: SubscriberFlowControl;
  private readonly direct: DirectDeliveries;
  private readonly retained: RetainedMessages;
  private readonly parts: PublisherParts;
  private readonly run: MessageRun;
  private readonly full: FullQueues;
  private readonly deduplication: Deduplication;
  private readonly view = new MessageView();
  private bounded: PublishBound | null = null;

  constructor(parts: PublisherParts) {
    this.vhost = parts.vhost;
    this.log = parts.log;
    this.transient = parts.transient;
    this.store = parts.store;
    this.journal = parts.journal;
    this.router = parts.router;
    this.work = parts.turn.work;
    this.turn = parts.turn;
    this.counters = parts.counters;
    this.lifecycle = parts.lifecycle;
    this.publishFlow = parts.publishFlow;
    this.subscriberFlow = parts.subscriberFlow;
    this.direct = parts.direct;
    this.retained = parts.retained;
    this.parts = parts;
    this.run = new MessageRun({ ...parts, countRun: (route, messages) => this.countRun(route, messages) });
    this.full = new FullQueues({
      router: parts.router,
      time: parts.time,
      counters: parts.counters,
      dropped: parts.dropped,
      publishTo: (route, draft) => this.publishTo(route, draft),
      diedUnstored: (queue, decision, view) => parts.diedUnstored(queue, decision, view),
    });
    this.deduplication = new Deduplication({
      ...parts,
      publish: (route, draft, full) => {
        const { only } = route;
        if (only === null || full !== null || !isPlain(only, draft)) return this.publishAlong(route, draft, full);
        const mark = this.publishToOne(route, only, draft);
        if (mark !== MARK_REFUSED) {
          draft.seq = parts.store.nextSeq - 1;
          draft.durably = mark !== MARK_NOW;
        }
        return mark;
      },
    });
  }

  /** Takes a message of a client that can wait; see `Session.publish`. */
  publishFrom(client: PublishingClient, route: Route, draft: Draft): Mark {
    this.direct.client = client;
    const { bound = null } = client;
    if (bound !== null) this.bound = bound;
    try {
      return this.publish(route, draft);
    } finally {
      this.direct.client = null;
      if (bound !== null) this.bound = null;
    }
  }

  /** How much whoever publishes now may have waiting; null: any number. */
  get bound(): PublishBound | null {
    return this.bounded;
  }

  set bound(bound: PublishBound | null) {
    this.bounded = bound;
    this.store.owner = bound === null ? null : bound.owner;
  }

  private get backlogFull(): boolean {
    return this.bounded?.full === true;
  }

  /**
   * Takes a message, with or without a client: nobody waits for what of it is slow.
   * @param due it was kept until its time, which has come
   */
  publish(given: Route, draft: Draft, due = false): Mark {
    if (!this.takes) {
      this.counters.refused++;
      this.lastRefusal = 'log';
      (draft.large as StoredBody | null)?.finish();
      return MARK_REFUSED;
    }
    if (draft.large !== null && (draft.large as StoredBody).refused) return this.refuseTransient(draft);
    let route = given as CompiledRoute<Queue>;
    if (draft.delayMs > 0 || draft.dueMs >= 0 || draft.half !== null || draft.schedule !== null) {
      // A word that ends a half message makes room.
      if (this.backlogFull && (draft.half === null || draft.half.action === 'prepare'))
        return this.refuseBacklog(draft);
      const mark = this.later(route.valid ? route : this.reroute(route), draft);
      if (mark !== undefined) return mark;
    }
    route = this.resolved(route, draft);
    if (route.once) return this.publishOnce(route, draft, due);
    this.countRun(route, 1);
    const { only } = route;
    if (only !== null && isPlain(only, draft)) return this.publishToOne(route, only, draft);
    return this.publishAlong(route, draft);
  }

  private later(route: CompiledRoute<Queue>, draft: Draft): Mark | undefined {
    const window = route.exchange === null ? null : route.exchange.window;
    // A word that ends a half message is no message.
    if (window === null || (draft.half !== null && draft.half.action !== 'prepare'))
      return this.parts.later(route, draft);
    return this.deduplication.delayed(route, draft, () => this.parts.later(route, draft));
  }

  private publishOnce(route: CompiledRoute<Queue>, draft: Draft, due: boolean): Mark {
    this.counters.published++;
    if (route.withheld) this.counters.withheldReserved++;
    const counts = route.exchange ?? this.toDefault;
    counts.publishedIn++;
    const mark = this.deduplication.publish(route, draft, due);
    if (!draft.duplicate) counts.publishedOut += draft.routed;
    return mark;
  }

  /**
   * Takes one of several messages of which nobody sees any before all are taken; `endRun` follows in the same call stack, and
   * until then some of them may be in no queue.
   */
  publishInRun(route: CompiledRoute<Queue>, draft: Draft): Mark {
    if (route.once || this.backlogFull) this.run.end();
    else if (this.takes && this.run.take(route, draft)) return MARK_NOW;
    return this.publish(route, draft);
  }

  endRun(): void {
    this.run.end();
  }

  /** It takes messages: the log has not failed, and the broker does not stop. */
  get takes(): boolean {
    return this.log.failed === undefined && !this.lifecycle.stopping;
  }

  /** What memory and disk have for messages that may be lost is used up. */
  get transientFull(): boolean {
    return this.transient.full;
  }

  /** Counts messages that have gone along a route. */
  countRun(route: CompiledRoute<Queue>, messages: number): void {
    const exchange = route.exchange ?? this.toDefault;
    this.counters.published += messages;
    exchange.publishedIn += messages;
    exchange.publishedOut += messages * route.targets.length;
    if (route.withheld) this.counters.withheldReserved += messages;
  }

  /** Something was stored in both ways, perhaps: publishers must not get too far ahead. */
  watch(): void {
    this.publishFlow.watch(true);
    this.publishFlow.watch(false);
  }

  /**
   * A body that arrives in pieces holds publishers back as whole messages do, before it is whole and without ever being; and
   * one that may be lost is not taken past what such may take up.
   */
  openBody(length: number, durable: boolean): StoredBody {
    return this.store.openBody(length, durable, () => {
      this.publishFlow.watch(durable);
      return durable || !this.transient.full;
    });
  }

  /** Where this message goes, now. */
  resolved(given: CompiledRoute<Queue>, draft: Draft): CompiledRoute<Queue> {
    let route = given;
    if (!route.valid) route = this.reroute(route);
    if (route.perMessage) {
      viewDraft(draft, route, 0, this.view);
      route = this.router.resolve(route, this.parts.dialects.matchProperties(this.view));
      this.work.checkTime();
    }
    if (route.own !== null && draft.origin !== '') route = this.router.withoutOwn(route, draft.origin);
    return route;
  }

  /** The route was resolved before bindings changed; an exchange that is gone takes nothing. */
  private reroute(route: CompiledRoute<Queue>): CompiledRoute<Queue> {
    const exchange = route.exchange === null ? '' : route.exchange.name;
    if (exchange !== '' && !this.parts.exchanges.has(exchange)) return this.router.resolveNowhere(route);
    if (route.keys !== null) return this.router.routeAll(exchange, route.spelling, route.keys, this.vhost);
    return this.router.route(exchange, route.spelling, route.keyBytes, 0, route.keyBytes.length, this.vhost);
  }

  /**
   * To whoever takes it; MARK_REFUSED if one of them does not, though the others do.
   * @param full the targets that do not take it, null for none
   */
  publishAlong(
    route: CompiledRoute<Queue>,
    draft: Draft,
    full: readonly Queue[] | null = fullTargets(route.targets, draft),
  ): Mark {
    if (route.targets.length === 0) this.unroutable(route, draft);
    if (full === null) return this.publishTo(route, draft);
    const mark = this.full.publishPast(route, draft, full);
    this.lastRefusal = 'queueFull';
    return mark;
  }

  private unroutable(route: CompiledRoute<Queue>, draft: Draft): void {
    const { dropped } = this.parts;
    this.counters.unroutable++;
    // One that is kept as a topic's retained message is not lost.
    if (draft.retain || !dropped.mayTell) return;
    viewDraft(draft, route, 0, this.view);
    dropped.tell('unroutable', '', this.view);
  }

  /** To all targets of the route. */
  private publishTo(route: CompiledRoute<Queue>, draft: Draft): Mark {
    const { assurance } = draft;
    const targets = route.targets;
    const targetFlags = route.targetFlags;
    const count = targets.length;
    if (count < IN_PARTS_MIN || this.direct.client === null) this.work.spend(count);
    draft.routed = count;
    let stored = 0;
    let durable = draft.retain;
    for (let i = 0; i < count; i++) {
      const target = targets[i]!;
      if (target.directMode && (assurance === AT_MOST_ONCE || targetAssurance(targetFlags[i]!) === AT_MOST_ONCE)) {
        continue;
      }
      stored++;
      if (target.durable && assurance !== AT_MOST_ONCE) durable = true;
    }
    const { turn } = this;
    if (count >= CROWD_MIN) turn.crowd = true;
    if (stored < count) this.direct.publish(route, draft);
    let mark = MARK_NOW;
    if (stored === 0 && !draft.retain) (draft.large as StoredBody | null)?.finish();
    else mark = this.publishStored(route, draft, stored, durable);
    turn.crowd = false;
    return mark;
  }

  /** The plain case: one queue takes it, and nothing is special about it. */
  private publishToOne(route: CompiledRoute<Queue>, queue: Queue, draft: Draft): Mark {
    const { assurance } = draft;
    const durable = queue.durable && assurance !== AT_MOST_ONCE;
    draft.routed = 1;
    if (this.backlogFull) return this.refuseBacklog(draft);
    if (!durable && this.transient.full) return this.refuseTransient(draft);
    const list = durable ? this.journal.targetList(route) : 0;
    const seq = this.store.append(draft, route, durable, list);
    this.store.addReferences(seq, durable, 1);
    const asked = route.onlyFlags;
    queue.push(seq, entryFlags(asked, lowerAssurance(assurance, asked), durable ? FLAG_DURABLE : 0), route);
    if (queue.ahead) this.subscriberFlow.behind(queue, route.targets);
    this.publishFlow.watch(durable);
    return durable ? this.log.mark : MARK_NOW;
  }

  private publishStored(route: CompiledRoute<Queue>, draft: Draft, stored: number, durable: boolean): Mark {
    const { targets, targetFlags } = route;
    const body = draft.large as StoredBody | null;
    const { retain } = draft;
    if (retain && this.retained.refuses(route, draft)) draft.retain = false;
    if (this.backlogFull) return this.refuseBacklog(draft);
    // A large body is where it was put when it began to arrive.
    if (body !== null) durable = body.durable;
    if (!durable && this.transient.full) return this.refuseTransient(draft);
    const keep = draft.retain && (body !== null || draft.bodyEnd > draft.bodyStart);
    if (keep && durable) this.retained.coming(draft);
    const list = durable && route.durableTargets.length > 0 ? this.journal.targetList(route) : 0;
    const seq = this.store.append(draft, route, durable, list);
    draft.seq = seq;
    draft.durably = durable;
    this.store.addReferences(seq, durable, stored + (keep && durable ? 1 : 0));
    const base = (durable ? FLAG_DURABLE : 0) | (body === null ? 0 : FLAG_LARGE);
    const mark = durable ? this.log.mark : MARK_NOW;
    const exactlyOnce = mark !== MARK_NOW && draft.assurance === EXACTLY_ONCE;
    const { client } = this.direct;
    if (client !== null && targets.length >= IN_PARTS_MIN && !exactlyOnce) {
      const copies = new StoredCopies(this.parts, route, draft, retain, seq, base);
      if (!copies.begin(draft)) client.deliverRest(copies);
    } else {
      let ahead: Queue | null = null;
      for (let i = 0; i < targets.length; i++) {
        const target = targets[i]!;
        const asked = targetFlags[i]!;
        const assurance = lowerAssurance(draft.assurance, asked);
        if (assurance === AT_MOST_ONCE && target.directMode) continue;
        const shown = retain && (asked & KEEP_RETAIN) !== 0 ? FLAG_RETAINED : 0;
        let flags = entryFlags(asked, assurance, base | shown);
        if (!target.plain || draft.ttlMs >= 0 || draft.grouped) flags = target.prepare(seq, flags, draft);
        // A queue that a crash empties has nothing to gain from waiting, and would lose its order.
        if (exactlyOnce && target.durable) this.exactlyOnce.add(mark, target, seq, flags);
        else target.push(seq, flags, route);
        if (target.ahead) ahead = target;
      }
      if (ahead !== null) this.subscriberFlow.behind(ahead, targets);
    }
    if (draft.retain) this.retained.stored(route, draft, seq, keep && durable);
    if (body !== null) body.finish();
    this.publishFlow.watch(durable);
    return mark;
  }

  /** As much waits already as may. */
  private refuseBacklog(draft: Draft): Mark {
    this.bounded?.refused();
    this.counters.refusedBacklog++;
    this.lastRefusal = 'backlog';
    (draft.large as StoredBody | null)?.finish();
    return MARK_REFUSED;
  }

  /** The memory and the room on the disk that transient messages have are used up. */
  refuseTransient(draft: Draft): Mark {
    this.counters.refusedTransient++;
    this.lastRefusal = 'transient';
    (draft.large as StoredBody | null)?.finish();
    return MARK_REFUSED;
  }
}

/** Nothing is special about the message, and nothing about its queue. */
function isPlain(queue: Queue, draft: Draft): boolean {
  return (
    queue.plain &&
    draft.assurance !== EXACTLY_ONCE &&
    draft.ttlMs < 0 &&
    !draft.grouped &&
    !draft.retain &&
    draft.large === null
  );
}

/**
 * A vhost: a closed world of exchanges and queues with a log of its own. It ties routing, queues, the store and the log
 * together, and carries out what `settlement/` decides. Sessions come through here; adapters never do.
 */
import { MARK_NOW, MARK_REFUSED, type Mark } from '../api/confirms.ts';
import type { Route } from '../api/route.ts';
import type { Clock } from '../clock/clock.ts';
import { PHASE_GATHER, type Turn, TurnClock, type TurnTask } from '../clock/turn.ts';
import type { Share } from '../clock/work.ts';
import { Log } from '../log/log.ts';
import { Sequence } from '../log/sequence.ts';
import { TransientStore } from '../log/transient/transient-store.ts';
import type { Logger } from '../logger.ts';
import type { DeathReason } from '../message/annotations.ts';
import type { Dialects } from '../message/dialect.ts';
import { AT_MOST_ONCE, type Draft, EXACTLY_ONCE, MessageView } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import { viewDraft } from '../message/storage.ts';
import { entryFlags, FLAG_DURABLE, FLAG_LARGE, FLAG_RETAINED } from '../queue/entry-flags.ts';
import { fullTargets } from '../queue/limits/full-targets.ts';
import { Slab } from '../queue/positions/position-arena.ts';
import { LONG_BYTES, type Queue } from '../queue/queue.ts';
import type { QueueOwner } from '../queue/queue-services.ts';
import { MessageStore } from '../queue/store/message-store.ts';
import type { StoredBody } from '../queue/store/stored-body.ts';
import type { CompiledRoute } from '../routing/route.ts';
import { Router } from '../routing/router.ts';
import { KEEP_RETAIN, lowerAssurance, targetAssurance, targetData } from '../routing/target-flags.ts';
import type { Decision } from '../settlement/decide.ts';
import { Counters } from './counters.ts';
import { deadLetter } from './dead-letters/dead-letters.ts';
import { DeferredDeadLetters } from './dead-letters/deferred-dead-letters.ts';
import { type DeadLetter, PendingDeadLetters } from './dead-letters/pending-dead-letters.ts';
import { PublishFlowControl } from './flow/publish-flow-control.ts';
import { SubscriberFlowControl } from './flow/subscriber-flow-control.ts';
import { JournaledState } from './journal/adapter-state.ts';
import { Checkpoint } from './journal/checkpoint.ts';
import { Journal } from './journal/journal.ts';
import { liveAmong, liveMessages } from './journal/live-messages.ts';
import { Recovery } from './journal/recovery.ts';
import type { VhostOptions } from './options.ts';
import { Confirms } from './publish/confirms.ts';
import { DirectDeliveries, type Publisher } from './publish/direct-deliveries.ts';
import { ExactlyOnceGate } from './publish/exactly-once-gate.ts';
import { publishPastFull } from './publish/full-queues.ts';
import { RetainedMessages } from './publish/retained-messages.ts';
import { Delays } from './timers/delays.ts';
import { Retries } from './timers/retries.ts';
import { Policies } from './topology/policies.ts';
import { Topology } from './topology/topology.ts';

export class Vhost implements QueueOwner, TurnTask {
  inTurn = false;
  readonly vhost: string;
  readonly turn: Turn;
  readonly chores: Share;
  readonly counters = new Counters();
  readonly confirms: Confirms;
  /** The same for clients of a listener that promises less: they hear when it is written, whether it is synced or not. */
  readonly written: Confirms;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly topology: Topology;
  readonly router: Router<Queue>;
  readonly retained = new RetainedMessages(this);
  readonly state = new JournaledState();
  readonly delays: Delays;
  readonly retries: Retries;
  readonly pendingDeadLetters: PendingDeadLetters;
  readonly deferredDeadLetters: DeferredDeadLetters;
  readonly dialects: Dialects;
  readonly clock: Clock;
  store!: MessageStore;
  transient!: TransientStore;
  log!: Log;
  journal!: Journal;
  private checkpoint!: Checkpoint;
  /** Publishers are to stop while it is on. */
  readonly publishFlow: PublishFlowControl;
  /** Milliseconds between syncs, at durability `interval`; else 0. */
  readonly intervalMs: number;
  private readonly logger: Logger;
  readonly deliveryView = new MessageView();
  readonly slab = new Slab();
  private readonly view = new MessageView();
  private readonly time: TurnClock;
  private readonly exactlyOnce = new ExactlyOnceGate();
  /** No message is taken any more; what is under way is put into the last checkpoint. */
  stopping = false;
  private stopped = false;
  private unitDepth = 0;
  /** Who publishes now, if it can wait. */
  publisher: Publisher | null = null;
  /** Queues that have settlements to log. */
  private readonly gathering: Queue[] = [];

  private constructor(options: VhostOptions) {
    this.vhost = options.name;
    this.turn = options.turn;
    this.chores = options.turn.work.share();
    this.clock = options.clock;
    this.dialects = options.dialects;
    this.intervalMs = options.durability?.level === 'interval' ? options.durability.intervalMs : 0;
    this.logger = options.logger;
    this.publishFlow = new PublishFlowControl(options);
    this.confirms = new Confirms(options.turn);
    this.written = new Confirms(options.turn);
    this.subscriberFlow = new SubscriberFlowControl(options.clock);
    this.time = new TurnClock(options.clock, options.turn);
    this.delays = new Delays(this);
    this.topology = new Topology(this, new Policies(options.logger, options.name));
    const deliver = ({ queue, seq, flags, decision }: DeadLetter): void =>
      deadLetter(this, queue, seq, flags, decision);
    this.pendingDeadLetters = new PendingDeadLetters(options.clock, deliver);
    this.deferredDeadLetters = new DeferredDeadLetters(this, deliver);
    this.retries = new Retries(options.clock, options.turn.work, this.topology.queuesById);
    this.router = new Router(this.topology, undefined, () => options.turn.work.look());
  }

  /** Opens the vhost on its directory and brings back what its log holds. */
  static async open(options: VhostOptions): Promise<Vhost> {
    const vhost = new Vhost(options);
    await vhost.recover(options);
    return vhost;
  }

  private async recover(options: VhostOptions): Promise<void> {
    const sequence = new Sequence();
    const { files, directory, turn } = options;
    this.transient = await TransientStore.open({
      ...options.transient,
      files,
      directory,
      turn,
      clock: options.clock,
      liveAmong: (seqs, done) => liveAmong(this, this.turn, seqs, done),
      onSpillFailed: (error) => this.logger.warn({ vhost: this.vhost, err: error }, 'a spill file cannot be used'),
      onSpillFull: (full) => {
        if (full) this.logger.warn({ vhost: this.vhost }, 'transient messages have used up their room on the disk');
        else this.logger.info({ vhost: this.vhost }, 'transient messages have room on the disk again');
      },
    });
    const recovery = new Recovery(this, this.topology, this.retained.index, this.state, this.delays);
    this.log = await Log.open({
      ...options.log,
      files: options.files,
      directory: options.directory,
      sequence,
      turn: options.turn,
      clock: options.clock,
      replay: (type, seq, buffer, start, end) => recovery.replay(type, seq, buffer, start, end),
      onSynced: (mark) => this.synced(mark),
      onWritten: (mark) => this.written.advance(mark),
      writtenAwaited: () => this.written.awaited,
      onFailed: (error) => this.logFailed(error),
      ...(options.durability !== undefined && {
        durability: options.durability.level,
        intervalMs: options.durability.intervalMs,
      }),
      checkpointDue: () => this.checkpoint.start(),
      liveIn: (first, last, done) => liveMessages(this, this.turn, first, last, done),
      onFull: () => this.publishFlow.diskFull(),
      onSpace: () => this.publishFlow.diskHasRoom(),
      onScarce: (scarce) => {
        if (scarce) this.logger.error({ vhost: this.vhost }, 'no file descriptor is left: the log waits for one');
        else this.logger.info({ vhost: this.vhost }, 'the log has the file descriptor it waited for');
      },
      report: (event) => {
        if (event.kind !== 'recovered') this.logger.warn({ vhost: this.vhost, ...event }, `log: ${event.kind}`);
        else if (!event.fresh) this.logger.info({ vhost: this.vhost, ...event }, 'log recovered');
      },
    });
    this.publishFlow.watches(this.log, this.transient);
    this.store = new MessageStore(this.log, this.transient, sequence, this.time);
    this.journal = new Journal(this.log);
    recovery.finish(this.store, this.journal, this.log, !this.log.recovered.clean);
    this.log.referencesCounted();
    this.checkpoint = new Checkpoint(this, this.turn, options.log?.checkpointSliceBytes);
    this.topology.journal = this.journal;
    this.topology.router = this.router;
    this.state.journal = this.journal;
    this.topology.policies.journal = this.journal;
    this.topology.limits = options.limits ?? {};
    this.retained.limit(options.limits ?? {});
    this.topology.policies.configure(options.policies ?? []);
    if (!this.topology.policies.empty) this.topology.applyPolicies();
    recovery.begin();
    this.retained.recovered();
    this.delays.start();
  }

  // ------------------------------------------------------------------------------------------------------ publish

  /** Takes a message; see `Session.publish`. */
  publish(given: Route, draft: Draft): Mark {
    if (this.log.failed !== undefined || this.stopping) {
      this.counters.refused++;
      (draft.large as StoredBody | null)?.finish();
      return MARK_REFUSED;
    }
    if (draft.large !== null && (draft.large as StoredBody).refused) return this.refuseTransient(draft);
    let route = given as CompiledRoute<Queue>;
    if (draft.delayMs > 0) return this.delays.take(route.valid ? route : this.reroute(route), draft);
    route = this.resolved(route, draft);
    this.counters.published++;
    const { only } = route;
    if (
      only?.plain === true &&
      draft.assurance !== EXACTLY_ONCE &&
      draft.ttlMs < 0 &&
      !draft.grouped &&
      !draft.retain &&
      draft.large === null
    ) {
      return this.publishToOne(route, only, draft);
    }
    return this.publishAlong(route, draft);
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
      route = this.router.resolve(route, this.dialects.lookedAt(this.view));
      this.turn.work.look();
    }
    if (route.own !== null && draft.origin !== '') route = this.router.withoutOwn(route, draft.origin);
    return route;
  }

  /** To whoever takes it; MARK_REFUSED if one of them does not, though the others do. */
  publishAlong(route: CompiledRoute<Queue>, draft: Draft): Mark {
    if (route.targets.length === 0) this.counters.unroutable++;
    const full = fullTargets(route.targets, draft);
    return full === null ? this.publishTo(route, draft) : publishPastFull(this, route, draft, full);
  }

  /** To all targets of the route. */
  publishTo(route: CompiledRoute<Queue>, draft: Draft): Mark {
    const { assurance } = draft;
    const targets = route.targets;
    const targetFlags = route.targetFlags;
    const count = targets.length;
    this.turn.work.spend(count);
    draft.routed = count;
    let stored = 0;
    let durable = draft.retain;
    for (let i = 0; i < count; i++) {
      const target = targets[i]!;
      if (target.directMode && (assurance === AT_MOST_ONCE || targetAssurance(targetFlags[i]!) === AT_MOST_ONCE))
        continue;
      stored++;
      if (target.durable && assurance !== AT_MOST_ONCE) durable = true;
    }
    if (stored < count) this.publishDirect(route, draft);
    if (stored === 0 && !draft.retain) {
      (draft.large as StoredBody | null)?.finish();
      return MARK_NOW;
    }
    return this.publishStored(route, draft, stored, durable);
  }

  /** The plain case: one queue takes it, and nothing is special about it. */
  private publishToOne(route: CompiledRoute<Queue>, queue: Queue, draft: Draft): Mark {
    const { assurance } = draft;
    const durable = queue.durable && assurance !== AT_MOST_ONCE;
    draft.routed = 1;
    if (!durable && this.transient.full) return this.refuseTransient(draft);
    const list = durable ? this.journal.targetList(route) : 0;
    const seq = this.store.append(draft, route, durable, list);
    this.store.addReferences(seq, durable, 1);
    const asked = route.onlyFlags;
    queue.push(seq, entryFlags(asked, lowerAssurance(assurance, asked), durable ? FLAG_DURABLE : 0));
    if (queue.ahead) this.subscriberFlow.behind(queue, route.targets);
    this.publishFlow.watch(durable);
    return durable ? this.log.mark : MARK_NOW;
  }

  private publishStored(route: CompiledRoute<Queue>, draft: Draft, stored: number, durable: boolean): Mark {
    const { targets, targetFlags } = route;
    const body = draft.large as StoredBody | null;
    const { retain } = draft;
    if (retain && this.retained.refuses(route, draft)) draft.retain = false;
    // A large body is where it was put when it began to arrive.
    if (body !== null) durable = body.durable;
    if (!durable && this.transient.full) return this.refuseTransient(draft);
    const list = durable && route.durableTargets.length > 0 ? this.journal.targetList(route) : 0;
    const seq = this.store.append(draft, route, durable, list);
    const keep = draft.retain && (body !== null || draft.bodyEnd > draft.bodyStart);
    this.store.addReferences(seq, durable, stored + (keep && durable ? 1 : 0));
    const base = (durable ? FLAG_DURABLE : 0) | (body === null ? 0 : FLAG_LARGE);
    const mark = durable ? this.log.mark : MARK_NOW;
    const exactlyOnce = mark !== MARK_NOW && draft.assurance === EXACTLY_ONCE;
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
      else target.push(seq, flags);
      if (target.ahead) ahead = target;
    }
    if (ahead !== null) this.subscriberFlow.behind(ahead, targets);
    if (draft.retain) this.retained.stored(route, draft, seq, keep && durable);
    if (body !== null) body.finish();
    this.publishFlow.watch(durable);
    return mark;
  }

  /** The memory and the room on the disk that transient messages have are used up. */
  refuseTransient(draft: Draft): Mark {
    this.counters.refusedTransient++;
    (draft.large as StoredBody | null)?.finish();
    return MARK_REFUSED;
  }

  /** At-most-once targets: straight to their connections, from the publisher's own bytes. */
  private publishDirect(route: CompiledRoute<Queue>, draft: Draft): void {
    const view = this.view;
    viewDraft(draft, route, this.time.epochMs(), view);
    view.redelivered = false;
    view.attempts = 0;
    view.effectiveAssurance = AT_MOST_ONCE;
    const next = this.deliverAlong(route, 0, view, this.publisher !== null && draft.large === null);
    if (next < route.targets.length) this.publisher!.deliverRest(new DirectDeliveries(this, route, view, next));
  }

  /**
   * Hands the message to the route's at-most-once targets from the given one on. Returns which is the next: there is one left
   * if the time is up, the message is long and the rest may come later.
   */
  deliverAlong(route: CompiledRoute<Queue>, from: number, view: MessageView, inParts: boolean): number {
    const { targets, targetFlags } = route;
    const { work } = this.turn;
    const looks = inParts && view.propsEnd - view.propsStart + view.bodyLength > LONG_BYTES;
    const always = view.assurance === AT_MOST_ONCE;
    view.serial = this.store.nextSerial();
    for (let i = from; i < targets.length; i++) {
      const target = targets[i]!;
      const flags = targetFlags[i]!;
      if (!target.directMode || !(always || targetAssurance(flags) === AT_MOST_ONCE)) continue;
      view.retained = view.retain && (flags & KEEP_RETAIN) !== 0;
      view.subscriptionData = targetData(flags);
      this.deliverDirect(target, view);
      if (target.direct?.output.congested === true) this.subscriberFlow.cause(target);
      if (!looks) continue;
      work.look();
      if (work.over) return i + 1;
    }
    return targets.length;
  }

  deliverDirect(queue: Queue, view: MessageView): void {
    if (queue.direct?.deliverDirect(view) === true) this.counters.delivered++;
    else this.counters.droppedDirect++;
  }

  /** The route was resolved before bindings changed; an exchange that is gone takes nothing. */
  private reroute(route: CompiledRoute<Queue>): CompiledRoute<Queue> {
    const exchange = route.exchange === null ? '' : route.exchange.name;
    if (exchange !== '' && !this.topology.exchanges.has(exchange)) return this.router.resolveNowhere(route);
    if (route.keys !== null) return this.router.routeAll(exchange, route.spelling, route.keys, this.vhost);
    return this.router.route(exchange, route.spelling, route.keyBytes, 0, route.keyBytes.length, this.vhost);
  }

  get failed(): Error | undefined {
    return this.log.failed;
  }

  // ------------------------------------------------------------------------------------------------ a queue's owner

  settling(queue: Queue): void {
    this.gathering.push(queue);
    this.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    this.gather();
  }

  private gather(): void {
    for (const queue of this.gathering) queue.flushSettled();
    this.gathering.length = 0;
  }

  logSettled(queue: Queue, seqs: Float64Array, count: number): void {
    if (this.log.failed === undefined && !this.stopped) this.journal.settled(queue, seqs, count);
  }

  logDying(queue: Queue, seq: number, flags: number, reason: DeathReason): void {
    if (this.log.failed === undefined && !this.stopped) this.journal.dying(queue, seq, flags, reason);
  }

  logRetry(queue: Queue, seq: number, flags: number, dueMs: number): void {
    if (this.log.failed === undefined && !this.stopped) this.journal.retry(queue, seq, flags, dueMs);
  }

  tryAgainAt(queue: Queue, seq: number, dueMs: number): void {
    this.retries.add(queue, seq, dueMs);
  }

  logReturned(queue: Queue, seq: number, flags: number): void {
    if (this.log.failed === undefined && !this.stopped) this.journal.returned(queue, seq, flags);
  }

  died(queue: Queue, seq: number, flags: number, decision: Decision): void {
    deadLetter(this, queue, seq, flags, decision);
  }

  properties(view: MessageView): Properties {
    return this.dialects.lookedAt(view);
  }

  nowMs(): number {
    return this.time.epochMs();
  }

  unused(queue: Queue): void {
    if (!this.stopping) this.topology.deleteQueue(queue);
  }

  unreadable(queue: Queue, seq: number, error: Error): void {
    this.counters.unreadable++;
    this.logger.error({ vhost: this.vhost, queue: queue.name, seq, err: error }, 'a message cannot be read back');
  }

  unreadableDelayed(seq: number, error: Error): void {
    this.counters.unreadable++;
    this.logger.error({ vhost: this.vhost, seq, err: error }, 'a delayed message cannot be read back');
  }

  // ------------------------------------------------------------------------------------------------------- safety

  /** The mark that covers everything asked for until now. */
  mark(): Mark {
    this.gather();
    if (this.log.failed !== undefined) return MARK_REFUSED;
    return this.log.unsyncedBytes > 0 ? this.log.mark : MARK_NOW;
  }

  /** What happens now is part of a commit unit. */
  get inUnit(): boolean {
    return this.unitDepth > 0;
  }

  /** What is appended until `endUnit` is there after a crash as a whole, or not at all. Units do not nest: the outer one counts. */
  beginUnit(): void {
    if (this.unitDepth++ === 0) {
      this.gather(); // what other clients settled is no part of it
      this.log.beginUnit();
    }
  }

  endUnit(): Mark {
    if (this.unitDepth === 1) {
      this.gather();
      this.log.endUnit();
    }
    this.unitDepth--;
    return this.mark();
  }

  private synced(mark: Mark): void {
    this.exactlyOnce.release(mark);
    this.confirms.advance(mark);
    this.written.advance(mark);
    this.publishFlow.synced();
  }

  private logFailed(error: Error): void {
    this.logger.error({ vhost: this.vhost, err: error }, 'the log has failed; nothing more will be confirmed');
    this.confirms.fail();
    this.written.fail();
    this.publishFlow.resume();
  }

  /**
   * Nobody is there any more: what is too much or too old stays, and what dies is only written down, for the next start to
   * bury, since dead letters that come round could go on for hours.
   */
  quieten(): void {
    this.stopping = true;
    this.deferredDeadLetters.stop();
  }

  /** Sessions are gone by now. Everything is flushed and a clean stop is written. */
  async close(): Promise<void> {
    this.stopping = true;
    this.delays.stop();
    this.retries.stop();
    this.pendingDeadLetters.stop();
    this.gather();
    // On a full disk a checkpoint would wait for room. Without one, what has been handed out is not written down: the next
    // start reads a little more, and marks everything.
    const orderly = !this.log.full;
    if (orderly) this.checkpoint.complete();
    else this.checkpoint.abandon();
    this.stopped = true;
    await new Promise<void>((done) => this.log.close(done, orderly));
    await new Promise<void>((done) => this.transient.close(done));
  }
}

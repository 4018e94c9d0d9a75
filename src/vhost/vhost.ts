/**
 * A vhost: a closed world of exchanges and queues with a log of its own. It makes its parts, gives each what it needs of the
 * others, and passes on what the log says. Sessions use the parts; adapters never do.
 */
import type { Mark } from '../api/confirms.ts';
import type { Compatibility } from '../api/session.ts';
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import { TurnClock } from '../clock/turn-clock.ts';
import { Log } from '../log/log.ts';
import type { LiveIn } from '../log/options.ts';
import { Sequence } from '../log/sequence.ts';
import { TransientStore } from '../log/transient/transient-store.ts';
import type { Logger } from '../logger.ts';
import type { Dialects } from '../message/dialect.ts';
import { MessageView } from '../message/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { WaitingMessage } from '../queue/ready/ready-messages.ts';
import { MessageStore } from '../queue/store/message-store.ts';
import { Router } from '../routing/router.ts';
import { CommitUnits } from './commit-units.ts';
import { Counters } from './counters.ts';
import { ACTIVEMQ_DEAD_LETTERS, DeadLetters } from './dead-letters/dead-letters.ts';
import { DroppedMessages } from './dropped-messages.ts';
import { PublishFlowControl } from './flow/publish-flow-control.ts';
import { SubscriberFlowControl } from './flow/subscriber-flow-control.ts';
import { HalfMessages } from './half/half-messages.ts';
import { HALF_MESSAGE_RULES } from './half/rules.ts';
import { JournaledState } from './journal/adapter-state.ts';
import { Checkpoint } from './journal/checkpoint.ts';
import { Journal } from './journal/journal.ts';
import { liveAmong, liveMessages } from './journal/live-messages.ts';
import { Lifecycle } from './lifecycle.ts';
import type { VhostOptions } from './options.ts';
import { type Named, Passports } from './passports/passports.ts';
import { Confirms } from './publish/confirms.ts';
import { DirectDeliveries } from './publish/direct-deliveries.ts';
import { History } from './publish/history.ts';
import { Publisher } from './publish/publisher.ts';
import { RetainedMessages } from './publish/retained-messages.ts';
import { Retainers } from './publish/retainers.ts';
import { VhostQueueServices } from './queue-services.ts';
import type { RecoveredTopology } from './recovery/recovered-topology.ts';
import { RecoveredVhost } from './recovery/recovered-vhost.ts';
import { countReferences, restoreOrders, restoreTopology, restoreWindows } from './recovery/restore.ts';
import { Schedules } from './schedules/schedules.ts';
import { Delays } from './timers/delays.ts';
import { Retries } from './timers/retries.ts';
import { LimitsInForce } from './topology/limits.ts';
import { PausedQueues } from './topology/paused-queues.ts';
import { Policies } from './topology/policies.ts';
import { Registry } from './topology/registry.ts';
import { Topology } from './topology/topology.ts';
import { UnreadableMessages } from './unreadable.ts';

/** What the windows of a vhost take up at most, where nothing else is said. */
const DEDUPLICATION_BYTES_MAX = 256 * 1024 * 1024;

/** One of so many queues that are filled in turn is read by whole blocks anyway. */
const FEW_QUEUES = 7;

/** What a vhost is built on: its stores, and what was in them. */
interface Stores {
  readonly sequence: Sequence;
  readonly log: Log;
  readonly transient: TransientStore;
  readonly recovered: RecoveredVhost;
}

export class Vhost {
  readonly name: string;
  /** Whose habits its clients have. */
  readonly compat: Compatibility;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly dialects: Dialects;
  /** Milliseconds between syncs, at durability `interval`; else 0. */
  readonly intervalMs: number;
  readonly counters = new Counters();
  /** The last messages that ended without being delivered, and why. */
  readonly dropped: DroppedMessages;
  /** What happened to messages of queues that have it noted. */
  readonly passports: Passports;
  /** How much it may hold. */
  readonly limits: LimitsInForce;
  readonly log: Log;
  readonly transient: TransientStore;
  readonly journal: Journal;
  readonly store: MessageStore;
  readonly units: CommitUnits;
  readonly confirms: Confirms;
  /** The same for clients of a listener that promises less: they hear when it is written, whether it is synced or not. */
  readonly writeConfirms: Confirms;
  /** Publishers are to stop while it is on. */
  readonly publishFlow: PublishFlowControl;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly topology: Topology;
  readonly router: Router<Queue>;
  readonly queueServices: VhostQueueServices;
  readonly publisher: Publisher;
  readonly direct: DirectDeliveries;
  readonly deadLetters: DeadLetters;
  readonly retained: RetainedMessages;
  readonly retainers: Retainers;
  readonly history: History;
  /** What adapters keep. */
  readonly state: JournaledState;
  readonly delays: Delays;
  /** Messages that wait for a word of their publishers'. */
  readonly half: HalfMessages;
  /** Messages that come again and again. */
  readonly schedules: Schedules;
  readonly retries: Retries;
  readonly pausedQueues: PausedQueues;
  private readonly checkpoint: Checkpoint;
  private readonly lifecycle = new Lifecycle();
  private readonly logger: Logger;
  private readonly onAlarm: VhostOptions['onAlarm'];

  private constructor(options: VhostOptions, { sequence, log, transient, recovered }: Stores) {
    const { name: vhost, clock, turn, dialects, logger } = options;
    const limits = new LimitsInForce(options.limits ?? {});
    this.limits = limits;
    this.onAlarm = options.onAlarm;
    const { counters, lifecycle } = this;
    const { work } = turn;
    const chores = work.share();
    const time = new TurnClock(clock, turn);
    const dropped = new DroppedMessages(
      time,
      dialects,
      () => this.passports.acting ?? (this.direct.client as Named | null)?.party ?? null,
    );
    this.dropped = dropped;
    this.name = vhost;
    this.compat = options.compat ?? 'rabbitmq-3';
    this.clock = clock;
    this.turn = turn;
    this.dialects = dialects;
    this.logger = logger;
    this.intervalMs = options.durability?.level === 'interval' ? options.durability.intervalMs : 0;

    // What is stored, and when it is safe.
    this.log = log;
    this.transient = transient;
    const store = new MessageStore(log, transient, sequence, time);
    const journal = new Journal(log, recovered.nextList);
    this.journal = journal;
    const units = new CommitUnits(log, turn);
    const unreadable = new UnreadableMessages(vhost, counters, logger);
    this.store = store;
    this.units = units;
    this.state = new JournaledState(journal, recovered.state);
    this.pausedQueues = new PausedQueues(this.state);
    this.confirms = new Confirms(turn, clock, time);
    this.writeConfirms = new Confirms(turn, clock, time);
    const publishFlow = new PublishFlowControl({ ...options, log, transient });
    const subscriberFlow = new SubscriberFlowControl(clock);
    this.publishFlow = publishFlow;
    this.subscriberFlow = subscriberFlow;

    // What there is, and where it leads.
    const registry = new Registry(vhost, options.reserves);
    const router = new Router<Queue>(registry, undefined, () => work.checkTime());
    const { exchanges } = registry;
    this.router = router;
    this.retries = new Retries(clock, work, registry.queuesById, options.retryingMax, (held) =>
      options.onAlarm?.('retries', held),
    );
    this.passports = new Passports(
      {
        ...{ time, units, dialects },
        client: () => this.direct.client,
        write: (events, part) => {
          if (log.failed === undefined && !lifecycle.stopped) journal.passportEvents(events, part);
        },
      },
      recovered.passports.events,
    );
    this.queueServices = new VhostQueueServices({
      ...{ vhost, clock, turn, time, chores, log, journal, store, units, dialects, counters, lifecycle, unreadable },
      ...{ dropped, passports: this.passports },
      retries: this.retries,
      windowMemory: { bytes: 0, bytesMax: options.deduplicationBytesMax ?? DEDUPLICATION_BYTES_MAX },
      died: (queue, seq, flags, decision) => this.deadLetters.died(queue, seq, flags, decision),
      awaitsRoomForDeadLetters: (queue) => this.deadLetters.awaitsRoom(queue),
      keepsAllDead: this.compat === 'activemq',
      delete: (queue) => this.topology.deleteQueue(queue),
    });
    const policies = new Policies(journal, options.topologyLogger ?? logger, vhost);
    this.topology = new Topology({ registry, router, journal, services: this.queueServices, policies, limits });

    // What is published, and what becomes of it.
    const direct = new DirectDeliveries({ store, time, turn, counters, dropped, subscriberFlow });
    this.direct = direct;
    this.retainers = new Retainers(journal, options.mayRetain ?? null, recovered.retainers);
    const { retainers } = this;
    this.retained = new RetainedMessages(
      { vhost, clock, log, store, journal, router, counters, lifecycle, direct, unreadable, retainers },
      limits,
      recovered.retained,
    );
    this.history = new History(store, journal);
    const publisher = new Publisher({
      ...{ vhost, log, transient, store, journal, exchanges, router, dialects, time, turn, counters, lifecycle },
      ...{ publishFlow, subscriberFlow, direct, dropped, retained: this.retained },
      later: (route, draft) => {
        if (draft.half !== null) return this.half.take(route, draft);
        if (draft.schedule !== null) return this.schedules.take(route, draft);
        return this.delays.take(route, draft);
      },
      diedUnstored: (queue, decision, view) => this.deadLetters.diedUnstored(queue, decision, view),
    });
    this.publisher = publisher;
    this.deadLetters = new DeadLetters({
      ...{ vhost, clock, chores, log, store, units, exchanges, router, publisher, dialects, counters, lifecycle },
      ...{ subscriberFlow, unreadable, dropped, passports: this.passports, countsOn: this.compat !== 'rabbitmq-4' },
      waiting: options.deadLettersWaiting,
      onHeld: (held) => options.onAlarm?.('dead-letters', held),
      reserves: registry.reserves,
      otherwise: this.compat === 'activemq' ? ACTIVEMQ_DEAD_LETTERS : null,
      declare: (queue) => {
        if (this.topology.queues.get(queue) !== undefined) return;
        this.topology.declareQueue(queue, { durable: true, exclusive: false, autoDelete: false, arguments: [] }, null);
      },
    });
    this.delays = new Delays(
      {
        ...{ vhost, clock, turn, log, transient, store, journal, units, exchanges, router, publisher, counters },
        ...{ lifecycle, publishFlow, subscriberFlow, unreadable, dropped, passports: this.passports, retainers },
      },
      recovered.delays,
    );
    const mayPublish = options.mayPublish ?? ((): boolean => true);
    this.half = new HalfMessages({
      ...{ vhost, clock, units, router, publisher, counters, lifecycle, subscriberFlow },
      ...{ state: this.state, delays: this.delays, queues: this.topology.queues, exchanges: registry.exchanges },
      ...{ rules: { ...HALF_MESSAGE_RULES, ...options.halfMessages }, mayPublish },
      policy: (exchange, key) => this.topology.halfMessagePolicy(exchange, key),
    });
    this.schedules = new Schedules({
      ...{ vhost, clock, turn, log, units, counters, lifecycle, publishFlow, limits },
      ...{ state: this.state, delays: this.delays, mayPublish },
    });
    const { topology, state, retained, delays, passports } = this;
    this.checkpoint = new Checkpoint(
      { topology, state, retained: retained.index, retainers, delays, store, log, journal, passports },
      turn,
      options.log?.checkpointSliceBytes,
    );

    policies.restore(recovered.topology.policies.values());
    policies.configure(options.policies ?? []);
    restoreTopology(recovered.topology, topology, this.queueServices, !log.recovered.clean);
    countReferences({ topology, retained: retained.index, delays, store, log }, recovered.extents);
  }

  /**
   * Opens the vhost on its directory and brings back what its log holds.
   * @throws LogRefused a log that cannot be used as it is; the file system's errors
   */
  static async open(options: VhostOptions): Promise<Vhost> {
    const { name, files, directory, turn, clock, logger, durability, replication, onAlarm, onSlowFlush } = options;
    const sequence = new Sequence();
    const recovered = new RecoveredVhost(name, options.dialects, options.passportEventsMax);
    // What the stores say before it is there concerns nobody.
    let vhost: Vhost | null = null;
    const transient = await TransientStore.open({
      ...options.transient,
      files,
      directory,
      turn,
      clock,
      liveAmong: (seqs, done) => vhost?.liveAmong(seqs, done),
      onSpillFailed: (error) => logger.warn({ vhost: name, err: error }, 'a spill file cannot be used'),
      onSpillFull: (full) => {
        onAlarm?.('transient-full', full);
        if (full) logger.warn({ vhost: name }, 'transient messages have used up their room on the disk');
        else logger.info({ vhost: name }, 'transient messages have room on the disk again');
      },
    });
    const log = await Log.open({
      ...options.log,
      files,
      directory,
      sequence,
      turn,
      clock,
      replay: (type, seq, buffer, start, end) => recovered.replay(type, seq, buffer, start, end),
      onSynced: (mark) => vhost?.synced(mark),
      onWritten: (mark) => vhost?.writeConfirms.advance(mark),
      writtenAwaited: () => vhost?.writeConfirms.awaited === true,
      onFailed: (error) => {
        vhost?.logFailed(error);
        replication?.failed(error);
      },
      ...(replication !== undefined && { replica: replication.replica, logId: replication.logId }),
      ...(durability !== undefined && { durability: durability.level, intervalMs: durability.intervalMs }),
      checkpointDue: () => vhost?.checkpoint.start(),
      readAlone: () => vhost?.readsAlone !== false,
      liveIn: (first, last, done) => vhost?.liveIn(first, last, done),
      onFull: () => vhost?.publishFlow.diskFull(),
      onSpace: () => vhost?.publishFlow.diskHasRoom(),
      onScarce: (scarce) => {
        onAlarm?.('descriptors', scarce);
        if (scarce) logger.error({ vhost: name }, 'no file descriptor is left: the log waits for one');
        else logger.info({ vhost: name }, 'the log has the file descriptor it waited for');
      },
      report: (event) => {
        if (event.kind === 'slow-flush') {
          onSlowFlush?.(event.ms, event.more);
          logger.warn({ vhost: name, ...event }, 'the disk is slow: a flush took long');
        } else if (event.kind !== 'recovered') logger.warn({ vhost: name, ...event }, `log: ${event.kind}`);
        else if (!event.fresh) logger.info({ vhost: name, ...event }, 'log recovered');
      },
    });
    recovered.finish();
    vhost = new Vhost(options, { sequence, log, transient, recovered });
    vhost.begin(recovered.topology);
    return vhost;
  }

  /** Everything is there: its parts go on with what they do by themselves. */
  private begin(recovered: RecoveredTopology): void {
    const { topology } = this;
    if (!topology.policies.empty) topology.appliedPolicies.applyAllAtOnce();
    restoreWindows(recovered, topology, this.clock.epochMs());
    restoreOrders(recovered, topology);
    this.pausedQueues.restore(topology.queues);
    for (const queue of [...topology.queues.values()]) queue.begin();
    this.retained.begin();
    this.delays.begin();
    this.half.begin();
    this.schedules.begin();
  }

  /**
   * Messages that came one after the other may be read far apart: there are many queues, or one that does not hand them out in order, or they
   * wait for something else than their turn.
   */
  private get readsAlone(): boolean {
    const { queues } = this.topology.registry;
    if (queues.size > FEW_QUEUES || this.delays.size > 0 || this.retained.index.size > 0) return true;
    for (const { settings, selective } of queues.values())
      if (settings.priorityMax >= 0 || selective !== null) return true;
    return false;
  }

  /** Which messages somebody still needs, of all with numbers from `first` to `last`. */
  private liveIn(...[first, last, done]: Parameters<LiveIn>): void {
    liveMessages(this.liveParts, this.turn, first, last, done);
  }

  /** The same of these alone. */
  private liveAmong(seqs: readonly number[], done: (isLive: (seq: number) => boolean) => void): void {
    liveAmong(this.liveParts, this.turn, seqs, done);
  }

  private get liveParts() {
    const { topology, retained, delays, store } = this;
    return { registry: topology.registry, retained: retained.index, delays, store };
  }

  /**
   * When a message that waits in a queue came in.
   * @param load it may be read from the disk
   * @param done gets epoch milliseconds; undefined: it is gone, cannot be read, or would have to be
   */
  arrivedAtMs({ seq, flags }: WaitingMessage, load: boolean, done: (epochMs: number | undefined) => void): void {
    const { store } = this;
    const view = new MessageView();
    const look = (): number | undefined => (store.view(seq, flags, view) ? view.arrivedAtMs : undefined);
    const there = look();
    if (there !== undefined || !load) done(there);
    else store.load(seq, flags, (error) => done(error === undefined ? look() : undefined));
  }

  /** Why nothing can be confirmed any more; undefined while all is well. */
  get failed(): Error | undefined {
    return this.log.failed;
  }

  private synced(mark: Mark): void {
    this.publisher.exactlyOnce.release(mark);
    this.confirms.advance(mark);
    this.writeConfirms.advance(mark);
    this.publishFlow.synced();
  }

  private logFailed(error: Error): void {
    this.onAlarm?.('log-failed', true);
    this.logger.error({ vhost: this.name, err: error }, 'the log has failed; nothing more will be confirmed');
    this.confirms.fail();
    this.writeConfirms.fail();
    this.publishFlow.resume();
  }

  /**
   * Nobody is there any more: what is too much or too old stays, and what dies is only written down, for the next start to
   * carry out, since dead letters that come round could go on for hours.
   */
  quieten(): void {
    this.lifecycle.stopping = true;
    this.deadLetters.deferred.stop();
  }

  /** Sessions are gone by now. Everything is flushed and a clean stop is written. */
  async close(): Promise<void> {
    this.lifecycle.stopping = true;
    this.delays.stop();
    this.half.stop();
    this.schedules.stop();
    this.retries.stop();
    this.queueServices.holdTimers.stop();
    this.deadLetters.pending.stop();
    this.units.flushSettled();
    // On a full disk a checkpoint would wait for room. Without one, what has been handed out is not written down: the next
    // start reads a little more, and marks everything.
    const orderly = !this.log.full;
    if (orderly) this.checkpoint.complete();
    else this.checkpoint.abandon();
    this.lifecycle.stopped = true;
    await new Promise<void>((done) => this.log.close(done, orderly));
    await new Promise<void>((done) => this.transient.close(done));
  }
}

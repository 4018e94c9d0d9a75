/**
 * A checkpoint: everything a vhost would have to read its whole log for, written into the log itself, in slices, while
 * publishing goes on.
 *
 * The log is totally ordered, so each slice is exact at its own place: a queue's slice says what the queue holds there, and
 * at replay replaces what is known of it; records between the beginning and the slice speak of a queue that is not known
 * yet and are passed over. So no copy of the state is made and nothing pauses.
 *
 * ```
 * BEGIN │ numbers, policies, exchanges │ queue, positions … │ bindings │ state │ retained │ retainers │ delayed │ large bodies │ windows │ passports │ END
 * ```
 *
 * Bindings come after the queues they lead to, for the same reason. Until END is on the disk, the checkpoint before counts.
 */
import { Slices } from '../../clock/slices.ts';
import type { Turn } from '../../clock/turn.ts';
import type { DeduplicationWindow } from '../../deduplication/window.ts';
import type { Log } from '../../log/log.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { RetainedIndex } from '../../queue/store/retained-index.ts';
import type { Passports } from '../passports/passports.ts';
import type { Retainers } from '../publish/retainers.ts';
import type { Delays } from '../timers/delays.ts';
import type { Topology } from '../topology/topology.ts';
import type { JournaledState } from './adapter-state.ts';
import type { Journal } from './journal.ts';
import type { WindowOwner } from './records/windows.ts';

/** A slice ends when it has appended this much, unless something else is asked for; or after so long: short records take as long as many. */
const SLICE_BYTES = 128 * 1024;
const SLICE_MS = 0.5;
/** After so many steps the clock is asked. */
const CHECK_STEPS = 8;
/** Ids of a window in one step. */
const IDS_A_STEP = 512;

export interface CheckpointParts {
  readonly topology: Topology;
  readonly state: JournaledState;
  readonly retained: RetainedIndex;
  readonly retainers: Retainers;
  readonly delays: Delays;
  readonly store: MessageStore;
  readonly log: Log;
  readonly journal: Journal;
  readonly passports: Passports;
}

export class Checkpoint {
  private readonly parts: CheckpointParts;
  private readonly turn: Turn;
  private readonly slices: Slices;
  private readonly sliceBytes: number;
  private work: Iterator<void> | null = null;
  private abandoned = false;

  constructor(parts: CheckpointParts, turn: Turn, sliceBytes = SLICE_BYTES) {
    this.parts = parts;
    this.turn = turn;
    this.sliceBytes = sliceBytes;
    this.slices = new Slices(turn, () => this.slice());
  }

  get running(): boolean {
    return this.work !== null;
  }

  start(): void {
    if (this.work !== null || this.abandoned || this.parts.log.failed !== undefined) return;
    this.parts.log.beginCheckpoint();
    this.work = this.write();
    this.slices.start();
  }

  /**
   * Writes a whole one, now: at an orderly stop. One that is under way is finished first and does not do: what it says of
   * a queue may be older than what the last clients gave back.
   */
  complete(): void {
    this.slices.finish();
    this.start();
    this.slices.finish();
  }

  /** Writes no more of the one that is under way: the log is about to be closed as it is. The one before still counts. */
  abandon(): void {
    this.abandoned = true;
  }

  private slice(): boolean {
    const { log, journal } = this.parts;
    if (log.failed !== undefined || this.abandoned) {
      this.work = null;
      return true;
    }
    const until = journal.appendedBytes + this.sliceBytes;
    const untilMs = this.turn.nowMs() + SLICE_MS;
    for (let steps = 1; journal.appendedBytes < until; steps++) {
      if (steps % CHECK_STEPS === 0 && this.turn.nowMs() > untilMs) break;
      if (this.work!.next().done === true) {
        this.work = null;
        log.endCheckpoint();
        return true;
      }
    }
    return false;
  }

  /** Each step appends a little and leaves the log consistent. */
  private *write(): Generator<void> {
    const { topology, state, retained, retainers, delays, store, journal } = this.parts;
    const { registry, bindings, policies } = topology;
    journal.numbers(registry.nextQueue);
    for (const policy of policies.durable()) {
      if (policies.holds(policy)) journal.policy(policy);
      yield;
    }
    for (const exchange of registry.durableExchanges()) {
      journal.exchange(exchange);
      yield;
    }
    for (const queue of registry.durableQueues()) {
      yield* this.writeQueue(queue);
    }
    for (const binding of bindings.durable()) {
      if (bindings.has(binding)) journal.bound(binding);
      yield;
    }
    for (const key of state.keys('')) {
      state.rewrite(key);
      yield;
    }
    for (const message of retained.all()) {
      journal.retained(message);
      yield;
    }
    yield* retainers.checkpoint();
    yield* delays.checkpoint(journal);
    const large: number[] = [];
    store.forEachLarge((seq, _extents, durable) => {
      if (durable) large.push(seq);
    });
    for (const seq of large) {
      const extents = store.extentsOf(seq);
      if (extents !== undefined) journal.largeBody(seq, extents);
      yield;
    }
    for (const exchange of registry.exchanges.values()) {
      if (exchange.window?.durable === true) yield* this.writeWindow(exchange.name, exchange.window, exchange);
    }
    for (const queue of registry.durableQueues()) {
      if (queue.window?.durable === true) yield* this.writeWindow(queue.id, queue.window, queue);
    }
    yield* this.parts.passports.checkpoint();
  }

  /** Each step is exact at its place: what is admitted meanwhile is written where that happens, and may be here once more. */
  private *writeWindow(
    owner: WindowOwner,
    window: DeduplicationWindow,
    of: { readonly deleted: boolean; readonly window: DeduplicationWindow | null },
  ): Generator<void> {
    const { journal } = this.parts;
    const { size } = window.settings;
    if (of.deleted) return;
    journal.publishersAdmitted(owner, size, window.keptPublishers());
    for (const entries of window.kept(IDS_A_STEP)) {
      if (of.deleted || of.window !== window) return;
      journal.idsAdmitted(owner, size, entries);
      yield;
    }
  }

  /** A queue's positions are one unit: as of one place in the log. */
  private *writeQueue(queue: Queue): Generator<void> {
    if (queue.deleted) return;
    const { journal, log, store } = this.parts;
    for (const messages of store.unplaced) messages.giveTo(queue);
    queue.contents.flushSettled();
    log.beginUnit();
    journal.queue(queue);
    journal.contents(queue);
    log.endUnit();
    yield;
  }
}

/**
 * Schedules: messages that are published again and again, or by a calendar. Each lies among the delayed messages as one without a time,
 * as a half message does, and what is known of it besides is a fact in the vhost's state (`schedule:ID`).
 *
 *     take ──▶ schedule:ID, held ──due──▶ a copy is routed, and schedule:ID says when it is next: one commit unit
 *                                   └─ it was the last one: routed, gone
 *
 * So a crash leaves each firing done or still to be done, never both. What fell due while the broker was down, or could not keep up, comes
 * once, and its later times stay where they were: nobody wants a night's worth of them at once. One that is to come so many times
 * comes so many times. A calendar's run that has not ended when the next would begin goes on instead of it.
 *
 * For each firing its publisher is asked for again, by name: one who may not publish there any more publishes nothing, which is counted.
 */
import { MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import { AccessPending } from '../../api/pending.ts';
import type { ScheduleView } from '../../api/schedules.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import { Slices } from '../../clock/slices.ts';
import type { Turn } from '../../clock/turn.ts';
import type { Log } from '../../log/log.ts';
import { Cron } from '../../message/cron.ts';
import { type Assurance, AT_LEAST_ONCE, type Draft, MessageView } from '../../message/message.ts';
import type { Schedule } from '../../message/schedule.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { Counters } from '../counters.ts';
import type { PublishFlowControl } from '../flow/publish-flow-control.ts';
import type { JournaledState } from '../journal/adapter-state.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Delays } from '../timers/delays.ts';
import { DueHeap } from '../timers/due-heap.ts';
import type { LimitsInForce } from '../topology/limits.ts';

const PREFIX = 'schedule:';
/** Of a vhost, where no limit is set; more are refused. */
export const SCHEDULES_MAX = 10_000;
/** In one turn. */
const FIRED_A_TURN = 64;
/** The wall clock may be set: nothing is waited for longer than this without a look at it. */
const WAIT_MAX_MS = 60_000;
/** Publishing is held back, or somebody has to be asked. */
const RETRY_MS = 100;

/** As it is kept. */
interface Kept {
  readonly seq: number;
  readonly user: string;
  readonly exchange: string;
  /** Dotted. */
  readonly key: string;
  readonly assurance: Assurance;
  readonly delayMs: number;
  readonly periodMs: number;
  readonly repeat: number;
  readonly cron: string;
  readonly madeAtMs: number;
  /** When it fires next. */
  nextMs: number;
  /** How many firings are left of this run, the next one too; -1: it never ends. */
  left: number;
  fired: number;
}

export interface SchedulesParts {
  readonly vhost: string;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly log: Log;
  readonly state: JournaledState;
  readonly delays: Delays;
  readonly units: CommitUnits;
  readonly counters: Counters;
  readonly lifecycle: Lifecycle;
  readonly publishFlow: PublishFlowControl;
  readonly limits: LimitsInForce;
  /** Whether this user may publish there now. @param key dotted @throws AccessPending */
  mayPublish(user: string, exchange: string, key: string): boolean;
}

export class Schedules {
  private readonly parts: SchedulesParts;
  private readonly kept = new Map<string, Kept>();
  private readonly idBySeq = new Map<number, string>();
  /** When each is due; entries of what has changed say nothing. */
  private readonly heap = new DueHeap();
  private readonly timer = new Timer(() => this.slices.start());
  private readonly slices: Slices;
  private readonly view = new MessageView();

  constructor(parts: SchedulesParts) {
    this.parts = parts;
    this.slices = new Slices(parts.turn, () => this.fire());
    for (const key of parts.state.keys(PREFIX)) {
      this.keep(key.slice(PREFIX.length), JSON.parse(parts.state.get(key)!.toString()) as Kept);
    }
  }

  get size(): number {
    return this.kept.size;
  }

  /** Everything else is there. */
  begin(): void {
    this.arm();
  }

  stop(): void {
    this.parts.clock.cancel(this.timer);
  }

  /** The oldest first. @param user left out: everybody's */
  *all(user?: string): Generator<ScheduleView> {
    for (const [id, kept] of this.kept) {
      if (user !== undefined && kept.user !== user) continue;
      const { seq: _seq, assurance: _assurance, left: _left, key, ...shown } = kept;
      yield { id, routingKey: key, ...shown };
    }
  }

  /** Keeps a schedule and its message; MARK_REFUSED: there are too many, or one of this id. */
  take(route: CompiledRoute<Queue>, draft: Draft): Mark {
    const { clock, counters, delays, limits, state, units } = this.parts;
    const { id, user, delayMs, periodMs, repeat, cron } = draft.schedule!;
    if (this.kept.has(id) || this.kept.size >= (limits.now.schedules ?? SCHEDULES_MAX)) {
      counters.refusedSchedules++;
      delays.discard(draft);
      return MARK_REFUSED;
    }
    // It is kept, whatever becomes of what comes of it; but a large body lies in the log for all of them.
    const kept = Math.max(draft.assurance, AT_LEAST_ONCE) as Assurance;
    const assurance = draft.large === null ? draft.assurance : kept;
    draft.assurance = kept;
    const nowMs = clock.epochMs();
    units.begin();
    const seq = delays.hold(route, draft);
    if (seq >= 0) {
      const schedule: Kept = {
        ...{ seq, user, assurance, delayMs, periodMs, repeat, cron, madeAtMs: nowMs, fired: 0 },
        exchange: route.exchange?.name ?? '',
        key: route.key,
        nextMs: firstOf(draft.schedule!, nowMs),
        left: repeat < 0 ? -1 : repeat + 1,
      };
      state.put(PREFIX + id, Buffer.from(JSON.stringify(schedule)));
      this.keep(id, schedule);
      this.arm();
    }
    draft.routed = 1;
    const mark = units.end();
    // Nobody knows how many days its calendar had to look at.
    if (cron !== '') this.parts.turn.work.checkTime();
    return seq >= 0 ? mark : MARK_REFUSED;
  }

  /**
   * Ends a schedule: nothing comes of it any more.
   * @param user whose it must be; left out: an operator's word
   * @returns false: there is none
   */
  remove(id: string, user?: string): boolean {
    const { delays, state, units } = this.parts;
    const kept = this.kept.get(id);
    if (kept === undefined || (user !== undefined && kept.user !== user)) return false;
    units.begin();
    this.forget(id, kept);
    state.delete(PREFIX + id);
    delays.drop(kept.seq);
    units.end();
    return true;
  }

  /** Shows a schedule's message to `sink`, once it is in memory; `undefined`: it is gone, another's, or cannot be read. */
  show(id: string, user: string, sink: (view: MessageView | undefined) => void): void {
    const { delays } = this.parts;
    const kept = this.kept.get(id);
    if (kept === undefined || kept.user !== user) sink(undefined);
    else if (delays.showHeld(kept.seq, this.view)) sink(this.view);
    else {
      delays.loadHeld(kept.seq, () => sink(delays.showHeld(kept.seq, this.view) ? this.view : undefined));
    }
  }

  private keep(id: string, kept: Kept): void {
    this.kept.set(id, kept);
    this.idBySeq.set(kept.seq, id);
    this.heap.add(kept.nextMs, kept.seq, 0);
  }

  private forget(id: string, { seq }: Kept): void {
    this.kept.delete(id);
    this.idBySeq.delete(seq);
  }

  // ------------------------------------------------------------------------------------------------------- firing

  private arm(): void {
    if (this.heap.size === 0) return;
    this.wait(Math.min(WAIT_MAX_MS, this.heap.due - this.parts.clock.epochMs()));
  }

  private wait(ms: number): void {
    this.parts.clock.schedule(this.timer, Math.max(0, ms));
  }

  /** Publishes some of what is due; true when there is nothing to do until a timer or a read. */
  private fire(): boolean {
    const { clock, delays, lifecycle, log, publishFlow } = this.parts;
    const { heap } = this;
    if (log.failed !== undefined || lifecycle.stopping) return true;
    if (publishFlow.on || log.full) {
      this.wait(RETRY_MS);
      return true;
    }
    const nowMs = clock.epochMs();
    for (let n = 0; n < FIRED_A_TURN && heap.size > 0 && heap.due <= nowMs; n++) {
      const { due, seq } = heap;
      const id = this.idBySeq.get(seq);
      const kept = id === undefined ? undefined : this.kept.get(id);
      if (id === undefined || kept === undefined || kept.nextMs !== due) {
        heap.shift();
        continue;
      }
      if (!delays.showHeld(seq, this.view)) {
        delays.loadHeld(seq, (error) => this.loaded(id, error));
        return true;
      }
      const allowed = this.allowed(kept);
      if (allowed === undefined) {
        this.wait(RETRY_MS);
        return true;
      }
      heap.shift();
      this.fireOne(id, kept, nowMs, allowed);
      if (kept.cron !== '') this.parts.turn.work.checkTime();
      if (this.parts.turn.work.over) break;
    }
    if (heap.size > 0 && heap.due <= nowMs) return false;
    this.arm();
    return true;
  }

  /** Its message has been read, and is looked at at once: it may be let go of at the turn's end. */
  private loaded(id: string, error: Error | undefined): void {
    if (this.parts.lifecycle.stopping) return;
    if (error !== undefined) this.setAside(id);
    if (!this.fire()) this.slices.start();
  }

  /** What cannot be read, which has been told, waits for a start that can. */
  private setAside(id: string): void {
    const kept = this.kept.get(id);
    if (kept !== undefined && this.heap.size > 0 && this.heap.seq === kept.seq) this.heap.shift();
  }

  /** Undefined: somebody has to be asked, and has not answered yet. */
  private allowed({ user, exchange, key }: Kept): boolean | undefined {
    try {
      return this.parts.mayPublish(user, exchange, key);
    } catch (error) {
      if (error instanceof AccessPending) return undefined;
      throw error;
    }
  }

  /** The firing and what is known of the schedule after it are one unit. */
  private fireOne(id: string, kept: Kept, nowMs: number, allowed: boolean): void {
    const { counters, delays, state, units } = this.parts;
    units.begin();
    if (allowed) {
      delays.publishHeld(kept.seq, this.view, kept.assurance);
      counters.scheduled++;
      kept.fired++;
    } else counters.withheldScheduled++;
    if (this.advance(kept, nowMs)) {
      state.put(PREFIX + id, Buffer.from(JSON.stringify(kept)));
      this.heap.add(kept.nextMs, kept.seq, 0);
    } else {
      this.forget(id, kept);
      state.delete(PREFIX + id);
      delays.drop(kept.seq);
    }
    units.end();
  }

  /** False: it is over. */
  private advance(kept: Kept, nowMs: number): boolean {
    const { periodMs, cron, repeat } = kept;
    if (kept.left > 0) kept.left--;
    if (kept.left !== 0) {
      const missed = Math.max(0, Math.floor((nowMs - kept.nextMs) / periodMs));
      kept.nextMs += periodMs * (missed + 1);
      return true;
    }
    if (cron === '') return false;
    kept.nextMs = firstOf(kept, nowMs);
    kept.left = repeat + 1;
    return Number.isFinite(kept.nextMs);
  }
}

/** When the first message of a run comes that begins now, or when its calendar says. */
function firstOf({ cron, delayMs, periodMs, repeat }: Omit<Schedule, 'id' | 'user'>, nowMs: number): number {
  const begin = cron === '' ? nowMs : (new Cron(cron).after(nowMs) ?? Number.POSITIVE_INFINITY);
  if (delayMs > 0) return begin + delayMs;
  return cron === '' || repeat !== 0 ? begin + periodMs : begin;
}

/**
 * Confirms: who waits for the log, and how they hear of it.
 *
 * Each publisher (a channel, a connection) has one ring of (its own number, the mark that covers it), released in order
 * from its head: so a publisher hears of its messages in the order it sent them. When a flush is on disk every waiting
 * ring is visited once.
 */
import { type ConfirmRing, type ConfirmSink, MARK_NOW, MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import type { Clock } from '../../clock/clock.ts';
import { PHASE_GATHER, type Turn, type TurnTask } from '../../clock/turn.ts';
import { TurnClock } from '../../clock/turn-clock.ts';
import { type ProtocolTraffic, UNCOUNTED } from '../../metrics/traffic.ts';

const CAPACITY_MIN = 16;
/** In place of a time: an answer to something else than a publish. */
const NO_PUBLISH = -1;

class Ring implements ConfirmRing, TurnTask {
  inTurn = false;
  /** Listed in `Confirms.waiting`. */
  listed = false;
  size = 0;
  private ids = new Float64Array(CAPACITY_MIN);
  private marks = new Float64Array(CAPACITY_MIN);
  /** When each was pushed, milliseconds; NO_PUBLISH: it is not counted. */
  private times = new Float64Array(CAPACITY_MIN);
  private head = 0;
  closed = false;
  private readonly owner: Confirms;
  private readonly sink: ConfirmSink;
  private readonly traffic: ProtocolTraffic;

  constructor(owner: Confirms, sink: ConfirmSink, traffic: ProtocolTraffic) {
    this.owner = owner;
    this.sink = sink;
    this.traffic = traffic;
  }

  push(id: number, mark: Mark, publish = true): void {
    if (this.closed) return;
    if (this.size === this.ids.length) this.grow();
    const at = (this.head + this.size++) & (this.ids.length - 1);
    this.ids[at] = id;
    this.marks[at] = mark;
    this.times[at] = publish ? this.owner.time.monotonicMs() : NO_PUBLISH;
    if (publish) this.traffic.receivedConfirm++;
    if (this.size === 1) this.owner.wait(this, mark);
  }

  endOfTurn(): void {
    this.release();
  }

  /** Lets go of what is decided; true if some entry still waits. */
  release(): boolean {
    if (this.size === 0 || this.closed) return false;
    const safeMark = this.owner.safeMark;
    const failed = this.owner.failed;
    let released = 0;
    // Those that came in one turn have waited for the same time.
    let since = NO_PUBLISH;
    let alike = 0;
    while (this.size > 0) {
      const mark = this.marks[this.head]!;
      let refused = mark === MARK_REFUSED;
      if (mark > safeMark) {
        if (!failed) break;
        refused = true;
      }
      const id = this.ids[this.head]!;
      const pushed = this.times[this.head]!;
      if (pushed !== since) {
        if (alike > 0) this.count(since, alike);
        since = pushed;
        alike = 0;
      }
      if (!refused && pushed !== NO_PUBLISH) alike++;
      this.head = (this.head + 1) & (this.ids.length - 1);
      this.size--;
      released++;
      if (!refused) this.owner.confirmed++;
      this.sink.confirm(id, refused);
      if (this.closed) return false;
    }
    if (alike > 0) this.count(since, alike);
    if (released > 0) this.sink.confirmEnd();
    return this.size > 0;
  }

  private count(sinceMs: number, publishes: number): void {
    this.traffic.confirmed += publishes;
    this.traffic.confirmTimes.add(this.owner.clock.monotonicMs() - sinceMs, publishes);
  }

  close(): void {
    this.closed = true;
    this.size = 0;
  }

  private grow(): void {
    const n = this.ids.length;
    const ids = new Float64Array(n * 2);
    const marks = new Float64Array(n * 2);
    const times = new Float64Array(n * 2);
    for (let i = 0; i < n; i++) {
      ids[i] = this.ids[(this.head + i) & (n - 1)]!;
      marks[i] = this.marks[(this.head + i) & (n - 1)]!;
      times[i] = this.times[(this.head + i) & (n - 1)]!;
    }
    this.ids = ids;
    this.marks = marks;
    this.times = times;
    this.head = 0;
  }
}

export class Confirms {
  /** Flushes up to this one are on disk. */
  safeMark = 0;
  /** The log has failed: whatever is not safe by now never will be. */
  failed = false;
  /** Publishes that were told to be safe, since the start. */
  confirmed = 0;
  private waiting: Ring[] = [];
  private callbacks: { mark: Mark; done: (failed: boolean) => void }[] = [];
  /** @internal */
  readonly time: TurnClock;
  /** @internal */
  readonly clock: Clock;
  private readonly turn: Turn;

  constructor(turn: Turn, clock: Clock, time: TurnClock = new TurnClock(clock, turn)) {
    this.turn = turn;
    this.clock = clock;
    this.time = time;
  }

  /** @param traffic counts what is confirmed, and how long that took */
  ring(sink: ConfirmSink, traffic: ProtocolTraffic = UNCOUNTED): ConfirmRing {
    return new Ring(this, sink, traffic);
  }

  /** @internal a ring's head waits for this mark */
  wait(ring: Ring, mark: Mark): void {
    if (mark <= this.safeMark || this.failed) this.turn.add(PHASE_GATHER, ring);
    if (!ring.listed) {
      ring.listed = true;
      this.waiting.push(ring);
    }
  }

  /** Somebody waits. */
  get awaited(): boolean {
    return this.waiting.length > 0 || this.callbacks.length > 0;
  }

  whenSafe(mark: Mark, done: (failed: boolean) => void): void {
    if (mark === MARK_NOW) done(false);
    else if (mark === MARK_REFUSED || this.failed) done(true);
    else if (mark <= this.safeMark) done(false);
    else this.callbacks.push({ mark, done });
  }

  /** The log has made everything up to `mark` safe. */
  advance(mark: Mark): void {
    this.safeMark = mark;
    this.settleWaiting();
  }

  /** The log has failed for good. */
  fail(): void {
    this.failed = true;
    this.settleWaiting();
  }

  private settleWaiting(): void {
    const rings = this.waiting;
    this.waiting = [];
    // The disk calls here: a fault of one of those who wait is not to keep the others waiting.
    for (const ring of rings) {
      let waits = false;
      try {
        waits = ring.release();
      } catch (error) {
        this.turn.fault(error);
      }
      if (waits) this.waiting.push(ring);
      else ring.listed = false;
    }
    if (this.callbacks.length === 0) return;
    const callbacks = this.callbacks;
    this.callbacks = [];
    for (const callback of callbacks) {
      if (callback.mark > this.safeMark && !this.failed) {
        this.callbacks.push(callback);
        continue;
      }
      try {
        callback.done(callback.mark > this.safeMark);
      } catch (error) {
        this.turn.fault(error);
      }
    }
  }
}

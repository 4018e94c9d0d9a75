/**
 * The budget of work: how long what clients ask for may go on before others have their turn. One a broker, like its turn.
 *
 * ```
 *  bytes of a client ──▶ next frame? ──must not wait──▶ carried out ── spend(units) ──┐
 *                            │                                                        │ from time to time the clock is
 *                            │ mustWait                                               │ looked at: `over`
 *                            ▼                                                        ▼
 *                        wait() ──▶ row of those who wait, the lightest first ──▶ at the turn's end: goOn()
 * ```
 *
 * Whoever works counts what it does in units of about half a microsecond (a frame, a copy of a message, a few comparisons),
 * since a clock that is looked at for each of them would cost more than they do. Once the time is up `over` is true, and
 * whoever is at work stops at the next step: an adapter between two frames, a long operation between two of its parts.
 * Both have a `Share`, one a connection, and go on in a later turn, in order: while an operation of a connection is not
 * finished, the connection's next frame waits.
 *
 * Who has worked least in the last moments goes first, so that one who asks for little hardly notices a hundred who ask for
 * a lot. The sum is bounded, not what each may do: what arrives, what waited and what is handed out have some milliseconds
 * a turn each, all clients together.
 */
import type { Clock } from './clock.ts';

/** What arrives in a turn, and what had to wait, may each take so long; and so may what is handed out. */
export const STRETCH_MS = 3;
/** What one of several that wait gets before the next. */
const SLICE_MS = 1;
/** After so many units somebody looks at the clock. */
const LOOK_UNITS = 200;
/** Half of what somebody has used is forgotten after so long. */
const HALF_LIFE_MS = 128;
/** Who has used fewer units lately is light; each row takes those who have used twice as much as the one before. */
const LIGHT_UNITS = 128;
/** Small steps that are let through in a stretch though its time is up. */
const SPARED = 256;
const ROWS = 16;

/** Part of a long operation; true when nothing is left of it. It asks `Work.over` now and then. */
export type Step = () => boolean;

interface Operation {
  readonly step: Step;
  readonly done: () => void;
}

export class Work {
  /** The time is up: whoever is at work stops at its next step. */
  over = false;
  /** How often somebody had to wait. */
  waits = 0;
  private left = LOOK_UNITS;
  private spared = SPARED;
  private counted = 0;
  /** When the stretch of work is over, in milliseconds of the clock; 0: it has not begun, as far as anybody has looked. */
  private untilMs = 0;
  private readonly heads: (Share | null)[] = new Array(ROWS).fill(null);
  private readonly tails: (Share | null)[] = new Array(ROWS).fill(null);
  private waiting = 0;
  private unbounded = false;
  private readonly clock: Clock | null;
  private readonly arm: () => void;

  /**
   * @param clock null: nobody ever has to wait
   * @param arm a turn's end is wanted
   */
  constructor(clock: Clock | null, arm: () => void) {
    this.clock = clock;
    this.arm = arm;
  }

  /** Counts work that is about to be done, or has been: about half a microsecond a unit. */
  spend(units: number): void {
    this.left -= units;
    if (this.left <= 0) this.look();
  }

  /** Units that anybody has spent, ever. */
  get spent(): number {
    return this.counted + LOOK_UNITS - this.left;
  }

  /** Somebody waits. */
  get pending(): boolean {
    return this.waiting > 0;
  }

  /** @param goOn what came in may be carried out again; called at a turn's end, after `Share.wait` */
  share(goOn: () => void = () => {}): Share {
    return new Share(this, goOn);
  }

  /**
   * Looks at the clock now: something was done of which nobody knows how long it takes. It costs less than a tenth of a
   * microsecond, so only what is done for every message should count instead.
   */
  look(): void {
    this.left -= LOOK_UNITS / 10;
    this.counted += LOOK_UNITS - this.left;
    this.left = LOOK_UNITS;
    if (this.clock === null || this.unbounded) return;
    const nowMs = this.clock.monotonicMs();
    if (this.untilMs === 0) {
      this.untilMs = nowMs + STRETCH_MS;
      this.arm();
    } else if (nowMs >= this.untilMs) this.over = true;
  }

  /** @internal A stretch of work begins: it has its time from the first look on. */
  begin(): void {
    this.over = false;
    this.untilMs = 0;
    this.spared = SPARED;
  }

  /**
   * Whether one more small step may be taken though the time is up: for who has so little left that it would be worse to wait
   * behind all who have a lot.
   */
  spare(): boolean {
    return this.spared-- > 0;
  }

  /** @internal At a turn's end: those who wait go on, the lightest first, for a stretch. */
  serve(): void {
    if (this.waiting === 0) return;
    const endMs = this.nowMs() + STRETCH_MS;
    // Each once, as far as the time reaches; who has to wait again has used more by then, and comes later.
    for (let left = this.waiting; left > 0; left--) {
      const nowMs = this.nowMs();
      if (this.clock !== null && nowMs >= endMs) return;
      this.over = false;
      this.untilMs = this.waiting === 1 ? endMs : Math.min(endMs, nowMs + SLICE_MS);
      this.next().serve();
    }
  }

  /** @internal */
  enqueue(share: Share): void {
    this.waits++;
    const row = share.row(this.nowMs());
    const tail = this.tails[row]!;
    if (tail === null) this.heads[row] = share;
    else tail.next = share;
    this.tails[row] = share;
    this.waiting++;
    this.arm();
  }

  private next(): Share {
    let row = 0;
    while (this.heads[row] === null) row++;
    const share = this.heads[row]!;
    this.heads[row] = share.next;
    if (share.next === null) this.tails[row] = null;
    share.next = null;
    this.waiting--;
    return share;
  }

  /** Finishes every operation that is under way, now, and lets nobody wait from then on: the broker stops. */
  finish(): void {
    this.unbounded = true;
    this.begin();
    while (this.waiting > 0) this.next().serve();
  }

  private nowMs(): number {
    return this.clock === null ? 0 : this.clock.monotonicMs();
  }
}

/** One connection's part of the budget, or that of somebody who works for the broker itself. */
export class Share {
  readonly work: Work;
  /** @internal who waits behind it */
  next: Share | null = null;
  private readonly goOn: () => void;
  private operations: Operation[] | null = null;
  private queued = false;
  /** What came in waits. */
  private inputWaits = false;
  private closed = false;
  private usedUnits = 0;
  private period = 0;
  private beganAt = 0;

  constructor(work: Work, goOn: () => void) {
    this.work = work;
    this.goOn = goOn;
  }

  /** Asked before each frame: the time is up, or an operation that was begun before is not finished. Then call `wait`. */
  get mustWait(): boolean {
    return this.operations !== null || this.work.over;
  }

  /** An operation of it is not finished. */
  get busy(): boolean {
    return this.operations !== null;
  }

  /** `goOn` is called at a turn's end, when its turn has come and its operations are finished. */
  wait(): void {
    this.inputWaits = !this.closed;
    this.queue();
  }

  /** What it does between `begin` and `end` counts as its own. */
  begin(): void {
    this.beganAt = this.work.spent;
  }

  end(): void {
    this.usedUnits += this.work.spent - this.beganAt;
  }

  /**
   * Runs a long operation: at once, as far as the time reaches, and the rest in turns to come, after those that were begun
   * before. `done` is called when it is finished, which may be before this returns.
   */
  run(step: Step, done: () => void = () => {}): void {
    if (this.operations === null) {
      while (!this.work.over) {
        if (!step()) continue;
        done();
        return;
      }
    }
    // What it has begun itself meanwhile comes before the rest of it.
    this.operations ??= [];
    this.operations.push({ step, done });
    this.queue();
  }

  /** Nothing comes in any more; its operations go on. */
  close(): void {
    this.closed = true;
    this.inputWaits = false;
  }

  /** @internal In which row it waits. */
  row(nowMs: number): number {
    const period = Math.floor(nowMs / HALF_LIFE_MS);
    const periods = period - this.period;
    this.period = period;
    if (periods > 0) this.usedUnits = periods > 30 ? 0 : this.usedUnits / 2 ** periods;
    return Math.min(ROWS - 1, 32 - Math.clz32(this.usedUnits / LIGHT_UNITS));
  }

  /** @internal Its turn has come. */
  serve(): void {
    this.queued = false;
    const { work } = this;
    const beganAt = work.spent;
    this.goOnWorking();
    this.usedUnits += work.spent - beganAt;
    if (this.operations !== null || this.inputWaits) this.queue();
  }

  private goOnWorking(): void {
    const { work, operations } = this;
    while (operations !== null && operations.length > 0) {
      const { step, done } = operations[0]!;
      if (step()) {
        operations.shift();
        if (operations.length === 0) this.operations = null;
        done();
        if (this.operations !== operations) break;
      }
      if (work.over) return;
    }
    if (!this.inputWaits || this.operations !== null || work.over) return;
    this.inputWaits = false;
    this.goOn();
  }

  private queue(): void {
    if (this.queued) return;
    this.queued = true;
    this.work.enqueue(this);
  }
}

/**
 * The budget of work: how long the work that clients ask for may go on before others have their turn. One a broker, like its turn.
 *
 * ```
 *  bytes of a client ──▶ next frame? ──must not wait──▶ carried out ── spend(units) ──┐
 *                            │                                                        │ from time to time the clock is
 *                            │ mustWait                                               │ asked: `over`
 *                            ▼                                                        ▼
 *                        wait() ──▶ queue of those who wait, the lightest first ──▶ at the turn's end: resume()
 * ```
 *
 * Work is counted in units of about half a microsecond (a frame, a copy of a message, a few comparisons), since asking the clock
 * for each of them would cost more than they do. Once the time is up `over` is true, and whatever is at work stops at its next
 * step: an adapter between two frames, a long operation between two of its parts. Both have a `Share`, one a connection, and go on
 * in a later turn, in order: while an operation of a connection is not finished, the connection's next frame waits.
 *
 * The connection that has worked least in the last moments goes first, so that one that asks for little hardly notices a hundred
 * that ask for a lot. The sum is bounded, not what each may do: what arrives, what waited and what is handed out have some
 * milliseconds a turn each, all clients together.
 *
 * While somebody is about who asks for little, now and then, and for nothing much (`SHORT_STRETCH_MS`), all these times are short: what it
 * sends while others are served waits until the turn is over, and its answer for the next. Long turns are cheaper where everybody has
 * much to do, and nobody notices.
 */
import type { Clock } from './clock.ts';

/** What arrives in a turn, and what had to wait, may each take so long; and so may what is handed out. */
export const STRETCH_MS = 3;
/** The same while somebody light is about. */
export const SHORT_STRETCH_MS = 0.75;
/** Who has used fewer units lately is light: some 1 % of the thread. */
const LIGHT_MAX_UNITS = 4_096;
/** Somebody is about who has been light for so long (who has just come may be about to send a great deal) … */
const LIGHT_FOR_MS = 250;
/** … and was heard of within this time. */
const LIGHT_ABOUT_MS = 1_000;
/** What each of several that wait gets before the next; one that has done little lately, of whom nobody knows what it is about to do. */
const SLICE_MS = 1;
const FIRST_SLICE_MS = 0.125;
/** After so many units the clock is asked. */
const CHECK_UNITS = 200;
/** Half of what somebody has used is forgotten after so long. */
const HALF_LIFE_MS = 128;
/** Those that have used fewer units lately wait in the first row; each row takes those that have used twice as much as the one before. */
const LIGHT_UNITS = 128;
/** Small steps that are let through in a stretch though its time is up. */
const SPARED = 256;
const ROWS = 16;

/** Carries out part of a long operation: it asks `Work.over` now and then, and returns true when nothing is left of it. */
export type Step = () => boolean;

interface Operation {
  readonly step: Step;
  readonly done: () => void;
}

export class Work {
  /** The time is up: whatever is at work stops at its next step. */
  over = false;
  /** How often a share has had to wait, since the start. */
  waits = 0;
  private left = CHECK_UNITS;
  private sparedLeft = SPARED;
  private counted = 0;
  /** When the stretch of work is over, in milliseconds of the clock; 0: it has not begun, as far as anybody has looked. */
  private untilMs = 0;
  /** How long it may take; 0: as long as any. */
  private stretchMs = 0;
  /** @internal When the clock was last asked. */
  lookedMs = 0;
  /** @internal Somebody light counts as being about until then. */
  lightUntilMs = Number.NEGATIVE_INFINITY;
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

  /** Counts work that is about to be done, or has been. @param units whole, of about half a microsecond each */
  spend(units: number): void {
    this.left -= units;
    if (this.left <= 0) this.checkTime();
  }

  /** Units spent since the start, by all. */
  get spent(): number {
    return this.counted + CHECK_UNITS - this.left;
  }

  /** Some share waits. */
  get pending(): boolean {
    return this.waiting > 0;
  }

  /**
   * Makes a share, for a connection or for a part of the broker; a `ReadGate` makes its own.
   * @param resume what came in may be carried out again; called at a turn's end, after `Share.wait`
   */
  share(resume: () => void = () => {}): Share {
    return new Share(this, resume);
  }

  /**
   * Asks the clock now: something was done of which nobody knows how long it takes. It costs less than a tenth of a microsecond,
   * so only what is done for every message should count instead (`spend`).
   */
  checkTime(): void {
    this.left -= CHECK_UNITS / 10;
    this.counted += CHECK_UNITS - this.left;
    this.left = CHECK_UNITS;
    if (this.clock === null || this.unbounded) return;
    const nowMs = this.nowMs();
    if (this.untilMs === 0) {
      this.untilMs = nowMs + (this.stretchMs === 0 ? this.stretchAt(nowMs) : this.stretchMs);
      this.arm();
    } else if (nowMs >= this.untilMs) this.over = true;
  }

  /** Somebody light is about, as far as anybody has looked: what can be put off to the next turn is. */
  get hurried(): boolean {
    return this.lookedMs < this.lightUntilMs;
  }

  /** @internal How long a stretch is to take that begins then: short while somebody light is about. */
  stretchAt(nowMs: number): number {
    return nowMs < this.lightUntilMs ? SHORT_STRETCH_MS : STRETCH_MS;
  }

  /** @internal A stretch of work begins: it has its time from the first look on. @param stretchMs 0: as long as any */
  begin(stretchMs = 0): void {
    this.over = false;
    this.untilMs = 0;
    this.stretchMs = stretchMs;
    this.sparedLeft = SPARED;
  }

  /**
   * Whether one more small step may be taken though the time is up: for work of which so little is left that it would be worse to
   * have it wait behind all that is large. Each call counts; there are SPARED in a stretch.
   */
  spareStep(): boolean {
    return this.sparedLeft-- > 0;
  }

  /** @internal At a turn's end: those who wait go on, the lightest first, for a stretch. */
  serve(): void {
    if (this.waiting === 0) return;
    const startMs = this.nowMs();
    const endMs = startMs + this.stretchAt(startMs);
    // Each once, as far as the time reaches; who has to wait again has used more by then, and comes later.
    for (let left = this.waiting; left > 0; left--) {
      const nowMs = this.nowMs();
      if (this.clock !== null && nowMs >= endMs) return;
      this.over = false;
      const sliceMs = this.heads[0] !== null ? FIRST_SLICE_MS : SLICE_MS;
      this.untilMs = this.waiting === 1 ? endMs : Math.min(endMs, nowMs + sliceMs);
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

  /** @internal 0 without a clock */
  nowMs(): number {
    if (this.clock !== null) this.lookedMs = this.clock.monotonicMs();
    return this.lookedMs;
  }
}

/**
 * One connection's part of the budget, or that of a part of the broker itself. Its input and its long operations keep their order:
 * no frame is taken while an operation that was begun before is not finished.
 */
export class Share {
  /** The budget: `share.work.spend(units)`, `share.work.over`. */
  readonly work: Work;
  /** @internal who waits behind it */
  next: Share | null = null;
  private readonly resume: () => void;
  private operations: Operation[] | null = null;
  private queued = false;
  /** Input waits for `resume`. */
  private inputWaits = false;
  private closed = false;
  private usedUnits = 0;
  private period = 0;
  private beganAt = 0;
  private lightSinceMs: number;

  constructor(work: Work, resume: () => void) {
    this.work = work;
    this.resume = resume;
    this.lightSinceMs = work.nowMs();
  }

  /** Ask before each frame: true if the time is up, or an operation that was begun before is not finished. Then call `wait`. */
  get mustWait(): boolean {
    return this.operations !== null || this.work.over;
  }

  /** An operation is not finished. */
  get busy(): boolean {
    return this.operations !== null;
  }

  /** Has `resume` called once, at a turn's end, when its turn has come and its operations are finished. Again: nothing more. */
  wait(): void {
    this.inputWaits = !this.closed;
    this.queue();
  }

  /**
   * What is spent between `begin` and `end` counts as its own: it decides how soon its turn comes, and whether stretches are short for its
   * sake. They do not nest.
   */
  begin(): void {
    this.beganAt = this.work.spent;
  }

  end(): void {
    const { work } = this;
    const nowMs = work.lookedMs;
    this.usedUnits += work.spent - this.beganAt;
    if (this.usedUnits >= LIGHT_MAX_UNITS) this.fade(nowMs);
    if (this.usedUnits >= LIGHT_MAX_UNITS) this.lightSinceMs = nowMs;
    else if (nowMs - this.lightSinceMs >= LIGHT_FOR_MS) work.lightUntilMs = nowMs + LIGHT_ABOUT_MS;
  }

  /**
   * Runs a long operation: at once, as far as the time reaches, and the rest at the end of turns to come, after those that were
   * begun before.
   * @param step called until it returns true
   * @param done called once when it is finished, which may be before this returns
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

  /** Nothing comes in any more: `resume` is not called again. Its operations go on. */
  close(): void {
    this.closed = true;
    this.inputWaits = false;
  }

  /** @internal In which row it waits. */
  row(nowMs: number): number {
    this.fade(nowMs);
    return Math.min(ROWS - 1, 32 - Math.clz32(this.usedUnits / LIGHT_UNITS));
  }

  private fade(nowMs: number): void {
    const period = Math.floor(nowMs / HALF_LIFE_MS);
    const periods = period - this.period;
    this.period = period;
    if (periods > 0) this.usedUnits = periods > 30 ? 0 : this.usedUnits / 2 ** periods;
  }

  /** @internal Its turn has come. */
  serve(): void {
    this.queued = false;
    const { work } = this;
    const beganAt = work.spent;
    this.serveOperations();
    this.usedUnits += work.spent - beganAt;
    if (this.operations !== null || this.inputWaits) this.queue();
  }

  private serveOperations(): void {
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
    this.resume();
  }

  private queue(): void {
    if (this.queued) return;
    this.queued = true;
    this.work.enqueue(this);
  }
}

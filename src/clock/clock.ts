/**
 * The clock: the one `now` and the one timer wheel.
 *
 * Everything that asks for the time or wants to be called later does it here, so that a test, an embedder or a
 * simulation can hand in a clock that only moves when it is moved. Nothing else in `src/` or `protocols/` may call `Date.now`
 * or set a timer.
 */

/**
 * A callback that can be scheduled (`Clock.schedule`) and cancelled, again and again; one object for the life of whatever it times,
 * so that pushing a keepalive back allocates nothing. Subclass or assign `fire`.
 */
export class Timer {
  /** Called once when due. It may schedule the timer again. */
  fire: () => void;
  /** @internal the tick it is due at, or -1 while idle */
  dueTick = -1;
  /** @internal neighbours in the slot's list */
  next: Timer | undefined = undefined;
  previous: Timer | undefined = undefined;
  /** @internal the slot it is linked into, -1 while idle; and the wheel that has that slot */
  slot = -1;
  wheel: TimerWheel | undefined = undefined;

  constructor(fire: () => void) {
    this.fire = fire;
  }

  /** It will fire. */
  get scheduled(): boolean {
    return this.slot >= 0;
  }
}

export interface Clock {
  /** Milliseconds since the epoch, for what people read: timestamps, expiry. */
  epochMs(): number;
  /** Milliseconds that never go back, for how long something took. The origin is arbitrary. */
  monotonicMs(): number;
  /** Has `timer` fire once after at least `delayMs`, a wheel tick (`TICK_MS`) late at the most; one that is scheduled is moved. */
  schedule(timer: Timer, delayMs: number): void;
  /**
   * The same, `FINE_TICK_MS` late at the most, where the clock moves by itself. It looks so often while some timer waits so, so it is for
   * the last of what somebody waits for: TICK_MS or less.
   */
  scheduleFine(timer: Timer, delayMs: number): void;
  /** Takes `timer` out; nothing happens if it is idle. */
  cancel(timer: Timer): void;
  /** Stops for good: no timer fires any more. */
  stop(): void;
}

/** The wheel's resolution. Heartbeats, keepalives and retries do not need a finer one. */
export const TICK_MS = 20;
/** What clients may see the lateness of (a delayed message) is not to come by so much late. */
export const FINE_TICK_MS = 4;
const SLOTS = 512; // power of two; 10.24 s a turn, longer timers stay in their slot for several turns

/**
 * A hashed timer wheel: scheduling and cancelling cost a list operation whatever the number of timers, which is what
 * ten thousand keepalives, each pushed back by every packet, need.
 */
export class TimerWheel {
  private readonly heads: (Timer | undefined)[] = new Array(SLOTS).fill(undefined);
  private tick = 0;
  /** How many timers are waiting. */
  size = 0;
  private readonly onError: ((error: unknown) => void) | undefined;
  private readonly tickMs: number;

  /** @param onError called with what a timer threw, and the others fire all the same; without it it is thrown on from `advanceTo` */
  constructor(onError?: (error: unknown) => void, tickMs = TICK_MS) {
    this.onError = onError;
    this.tickMs = tickMs;
  }

  /** Time has moved to `tick` while nothing waited. */
  startAt(tick: number): void {
    this.tick = tick;
  }

  get currentTick(): number {
    return this.tick;
  }

  schedule(timer: Timer, delayMs: number): void {
    this.cancel(timer);
    timer.wheel = this;
    const ticks = Math.max(1, Math.ceil(delayMs / this.tickMs));
    timer.dueTick = this.tick + ticks;
    const slot = timer.dueTick & (SLOTS - 1);
    const head = this.heads[slot];
    timer.next = head;
    timer.previous = undefined;
    if (head !== undefined) head.previous = timer;
    this.heads[slot] = timer;
    timer.slot = slot;
    this.size++;
  }

  cancel(timer: Timer): void {
    if (timer.slot < 0) return;
    if (timer.wheel !== this) {
      timer.wheel!.cancel(timer);
      return;
    }
    if (timer.previous !== undefined) timer.previous.next = timer.next;
    else this.heads[timer.slot] = timer.next;
    if (timer.next !== undefined) timer.next.previous = timer.previous;
    timer.next = undefined;
    timer.previous = undefined;
    timer.slot = -1;
    this.size--;
  }

  private fire(timer: Timer): void {
    if (this.onError === undefined) {
      timer.fire();
      return;
    }
    try {
      timer.fire();
    } catch (error) {
      this.onError(error);
    }
  }

  /** Moves time forward to `tick` (counted from the wheel's start) and fires what has come due, in order of due time. */
  advanceTo(tick: number): void {
    while (this.tick < tick) {
      this.tick++;
      let timer = this.heads[this.tick & (SLOTS - 1)];
      while (timer !== undefined) {
        const next: Timer | undefined = timer.next;
        if (timer.dueTick <= this.tick) {
          this.cancel(timer);
          this.fire(timer);
          // `fire` may have cancelled or moved `next`; then the slot is walked again from its head.
          if (next !== undefined && next.slot !== (this.tick & (SLOTS - 1))) {
            timer = this.heads[this.tick & (SLOTS - 1)];
            continue;
          }
        }
        timer = next;
      }
    }
  }
}

/** The clock of a running broker. */
export class SystemClock implements Clock {
  private readonly wheel: TimerWheel;
  private readonly fine: TimerWheel;
  private fineInterval: NodeJS.Timeout | undefined = undefined;
  /** At the last look nothing waited finely. */
  private fineRests = false;
  private readonly startedMs = performance.now();
  private readonly interval: NodeJS.Timeout;

  /** @param onError called with what a timer threw; without it that ends the process, as Node has it */
  constructor(onError?: (error: unknown) => void) {
    this.wheel = new TimerWheel(onError);
    this.fine = new TimerWheel(onError, FINE_TICK_MS);
    this.interval = setInterval(() => this.wheel.advanceTo(this.tickNow(TICK_MS)), TICK_MS);
    // A clock keeps no process alive: listeners do.
    this.interval.unref();
  }

  epochMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  private tickNow(tickMs: number): number {
    return Math.floor((performance.now() - this.startedMs) / tickMs);
  }

  schedule(timer: Timer, delayMs: number): void {
    this.wheel.schedule(timer, delayMs + this.lagMs(this.wheel, TICK_MS));
  }

  scheduleFine(timer: Timer, delayMs: number): void {
    const { fine } = this;
    if (fine.size === 0) fine.startAt(this.tickNow(FINE_TICK_MS));
    fine.schedule(timer, delayMs + this.lagMs(fine, FINE_TICK_MS));
    this.fineInterval ??= setInterval(() => this.lookFinely(), FINE_TICK_MS).unref();
    this.fineRests = false;
  }

  private lookFinely(): void {
    const { fine } = this;
    fine.advanceTo(this.tickNow(FINE_TICK_MS));
    // What has fired is often scheduled again a turn later.
    if (fine.size === 0 && this.fineRests) {
      clearInterval(this.fineInterval);
      this.fineInterval = undefined;
    }
    this.fineRests = fine.size === 0;
  }

  /** A wheel's own tick may lag behind a busy event loop; what is scheduled now counts from now. */
  private lagMs(wheel: TimerWheel, tickMs: number): number {
    return Math.max(0, performance.now() - this.startedMs - wheel.currentTick * tickMs);
  }

  cancel(timer: Timer): void {
    this.wheel.cancel(timer);
  }

  /**
   * Keeps the process alive until what it returns is called: while something is waited for that only time can bring. A
   * program that awaits a start on a full disk would otherwise end in the middle of it, without a word.
   */
  hold(): () => void {
    this.interval.ref();
    return () => void this.interval.unref();
  }

  stop(): void {
    clearInterval(this.interval);
    clearInterval(this.fineInterval);
  }
}

/** A clock that moves only when it is moved: for tests, simulations, and embedders that test against a broker. */
export class ManualClock implements Clock {
  private readonly wheel = new TimerWheel();
  private nowMs = 0;
  private readonly originEpochMs: number;

  constructor(originEpochMs = 1_700_000_000_000) {
    this.originEpochMs = originEpochMs;
  }

  epochMs(): number {
    return this.originEpochMs + this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  schedule(timer: Timer, delayMs: number): void {
    this.wheel.schedule(timer, delayMs);
  }

  scheduleFine(timer: Timer, delayMs: number): void {
    this.wheel.schedule(timer, delayMs);
  }

  cancel(timer: Timer): void {
    this.wheel.cancel(timer);
  }

  /** Moves time forward by `ms` and fires what comes due on the way. */
  advance(ms: number): void {
    this.nowMs += ms;
    this.wheel.advanceTo(Math.floor(this.nowMs / TICK_MS));
  }

  stop(): void {}
}

/**
 * Paces the publishers of one queue: compares what comes in with what its consumers take, and says when to wait.
 *
 * A publisher without confirms can be faster than any consumer; the queue then only gets longer, and every message older
 * before it arrives. So while consumers keep asking for more, intake is held to what leaves, window by window:
 *
 * ```
 * mark      = what leaves in MARK_MS, at least `waitingMin` messages: what lies there must not leave the memory before it is read
 * allowance = nine tenths of what left in the last window (half of it while far too much waits), and what is missing to the
 *             mark; less what was too much in the last one
 *
 *             waiting > mark, and the window's allowance is used up
 * [flowing] ───────────────────────────────────────────────────────▶ [ahead: publishers wait]
 *     ▲                                                                        │
 *     └── the next window; half the mark; consumers stopped asking (SILENCE_MS) ┘
 * ```
 *
 * "Keep asking" means that they take at least UNITS_MIN_A_MS. Slower consumers are busy with something else than taking, and
 * a queue is there to wait for them: it fills as fast as one publishes, and so does one that nobody reads.
 */
import { type Clock, Timer } from '../../clock/clock.ts';

/** So many messages may always wait, but of long ones no more than so many units, 16 MiB, come to, unless those are very few. */
export const WAITING_MIN = 1000;
const WAITING_UNITS_MIN = 4096;
const WAITING_FEW = 4;
/** How much may wait: what leaves in so many milliseconds. */
const MARK_MS = 16;
const WINDOW_MS = 10;
/** Slower queues hold nobody. A unit is a message, and one more for each 4 KiB of its body. */
const UNITS_MIN_A_MS = 12;
const UNIT_SHIFT = 12;
/** Nobody is held longer at a stretch: consumers that have taken too little by then for a window to end have stopped asking. */
const SILENCE_MS = 40;

/** How many may always wait of messages with such bodies. */
export function waitingMin(bodyBytes: number): number {
  if (bodyBytes < 1 << UNIT_SHIFT) return WAITING_MIN;
  return Math.min(WAITING_MIN, Math.max(WAITING_FEW, Math.floor(WAITING_UNITS_MIN / unitsOf(bodyBytes))));
}

function unitsOf(bodyBytes: number): number {
  return 1 + Math.floor(bodyBytes / (1 << UNIT_SHIFT));
}

/** A publisher that can be made to wait. */
export interface HeldPublisher {
  /** It may go on. */
  released(): void;
}

export class PublisherPace {
  /** Publishers are to wait. */
  ahead = false;
  /** Messages that left, a millisecond; a moving average. */
  private leavingAMs = 0;
  private unitsAMs = 0;
  private windowBeganMs: number;
  private left = 0;
  private units = 0;
  private taken = 0;
  private allowance = Number.POSITIVE_INFINITY;
  private waiting: number;
  private waitingMin = WAITING_MIN;
  private readonly held: HeldPublisher[] = [];
  private readonly clock: Clock;
  private readonly silence: Timer;

  /** @param onSilence publishers wait no more, since consumers take nothing */
  constructor(clock: Clock, nowMs: number, waiting: number, onSilence: () => void) {
    this.clock = clock;
    this.windowBeganMs = nowMs;
    this.waiting = waiting;
    this.silence = new Timer(() => {
      this.nextWindow(clock.monotonicMs());
      this.goOn();
      onSilence();
    });
  }

  /**
   * Looks at the queue once a turn, after its consumers got what they could take.
   * @param waiting messages that wait now
   * @param left messages that have been handed out since the last look
   * @param bodyBytes of one of those, for a guess at all of them
   */
  look(nowMs: number, waiting: number, left: number, bodyBytes: number): void {
    this.taken += waiting - this.waiting + left;
    this.waiting = waiting;
    this.left += left;
    if (left > 0) {
      this.units += left * unitsOf(bodyBytes);
      this.waitingMin = waitingMin(bodyBytes);
    }
    if (nowMs - this.windowBeganMs >= WINDOW_MS) this.nextWindow(nowMs);
    const { mark } = this;
    if (this.ahead) {
      if (waiting * 2 <= mark) this.goOn();
    } else if (waiting > mark && this.taken > this.allowance && this.unitsAMs >= UNITS_MIN_A_MS) this.ahead = true;
  }

  /** Little waits and little happens: it need not be looked at any more. */
  get idle(): boolean {
    return !this.ahead && this.waiting * 4 < this.waitingMin;
  }

  hold(publisher: HeldPublisher): void {
    if (this.held.length === 0) this.clock.schedule(this.silence, SILENCE_MS);
    this.held.push(publisher);
  }

  close(): void {
    this.goOn();
  }

  private goOn(): void {
    this.ahead = false;
    if (this.held.length === 0) return;
    this.clock.cancel(this.silence);
    for (const publisher of this.held.splice(0)) publisher.released();
  }

  private get mark(): number {
    return Math.max(this.waitingMin, this.leavingAMs * MARK_MS);
  }

  private nextWindow(nowMs: number): void {
    const elapsedMs = Math.max(1, nowMs - this.windowBeganMs);
    const leavingAMs = this.left / elapsedMs;
    const unitsAMs = this.units / elapsedMs;
    // One moment of silence is one: whoever takes nothing asks for nothing.
    this.leavingAMs = this.leavingAMs === 0 || leavingAMs === 0 ? leavingAMs : (this.leavingAMs + leavingAMs) / 2;
    this.unitsAMs = this.unitsAMs === 0 || unitsAMs === 0 ? unitsAMs : (this.unitsAMs + unitsAMs) / 2;
    const { mark, waiting } = this;
    const share = waiting > 2 * mark ? 0.5 : 0.9;
    // What was too much in this window is missing in the next.
    const debt = Math.max(0, this.taken - this.allowance);
    this.allowance = leavingAMs * WINDOW_MS * share + Math.max(0, mark - waiting);
    this.taken = debt;
    this.left = 0;
    this.units = 0;
    this.windowBeganMs = nowMs;
    if (debt <= this.allowance || this.unitsAMs < UNITS_MIN_A_MS) this.goOn();
  }
}

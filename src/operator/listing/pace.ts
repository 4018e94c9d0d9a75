/**
 * The pace of an operator's long work: short slices, one a turn, however many lists are being made at a time, so that clients do not
 * notice. Those that wait are served in rotation.
 *
 *     const slice = await pace.next();
 *     while (there is more) { …; if (slice.over()) await pace.next(); }
 */
import type { Clock } from '../../clock/clock.ts';
import { PHASE_GATHER, PHASE_WRITE, type Turn, type TurnTask } from '../../clock/turn.ts';

/** Milliseconds: what one slice may take. */
export const SLICE_MS = 0.5;
/** How often `over` looks at the clock. */
const CHECK_EVERY = 16;
/** Of so many slices one is for what nobody waits for. */
const BACKGROUND_EVERY = 3;

export class Pace implements TurnTask {
  inTurn = false;
  private readonly clock: Clock;
  private readonly turn: Turn;
  private readonly waiting: (() => void)[] = [];
  /** What nobody waits for yet: it gets a slice of each BACKGROUND_EVERY, or lists that follow each other would put it off for good. */
  private readonly background: (() => void)[] = [];
  private untilMs = 0;
  private asked = 0;
  private slices = 0;
  /** A task of an earlier phase that is added in a later one waits for the next turn. */
  private readonly nextTurn: TurnTask = {
    inTurn: false,
    endOfTurn: () => this.turn.add(PHASE_GATHER, this),
  };

  constructor(clock: Clock, turn: Turn) {
    this.clock = clock;
    this.turn = turn;
  }

  /**
   * Resolves when a slice may begin; it lasts until `over`, and must not wait for anything else.
   * @param background nobody waits for it yet: most slices are for what somebody waits for
   */
  async next(background = false): Promise<void> {
    await new Promise<void>((resolve) => {
      if (background) this.background.push(resolve);
      else this.waiting.push(resolve);
      this.arm();
    });
    // Promises go on when the turn is over: what else was done at its end is not to be taken from the slice.
    this.untilMs = this.clock.monotonicMs() + SLICE_MS;
    this.asked = 0;
  }

  private arm(): void {
    if (this.waiting.length + this.background.length > 0) this.turn.add(PHASE_WRITE, this.nextTurn);
  }

  /** The slice has taken long enough. Ask once for each small thing that was done. */
  over(): boolean {
    if (++this.asked % CHECK_EVERY !== 0) return false;
    return this.clock.monotonicMs() >= this.untilMs;
  }

  /** The same for things that are not small: the clock is asked for each. */
  late(): boolean {
    return this.clock.monotonicMs() >= this.untilMs;
  }

  endOfTurn(): void {
    const behind = ++this.slices % BACKGROUND_EVERY === 0 ? this.background.shift() : undefined;
    const resolve = behind ?? this.waiting.shift() ?? this.background.shift();
    this.arm();
    resolve?.();
  }
}

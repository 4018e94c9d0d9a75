/** Limits have changed: each session takes them on, in parts. */
import type { Work } from '../../clock/work.ts';

/** What a step costs (`src/clock/work.ts`). */
const STEP_UNITS = 2;

interface Limited {
  limitsChanged(): Generator<void>;
}

export class LimitsReview {
  private readonly sessions: Iterable<Limited>;
  private readonly work: Work;
  private readonly onFault: (error: unknown) => void;
  private running = false;
  /** They have changed again meanwhile. */
  private again = false;

  constructor(sessions: Iterable<Limited>, work: Work, onFault: (error: unknown) => void) {
    this.sessions = sessions;
    this.work = work;
    this.onFault = onFault;
  }

  limitsChanged(): void {
    this.again = this.running;
    if (this.running) return;
    this.running = true;
    const { work } = this;
    const steps = this.steps();
    const step = (): boolean => {
      while (steps.next().done !== true) {
        work.spend(STEP_UNITS);
        if (work.over) return false;
      }
      return true;
    };
    work.share().run(step, () => {
      this.running = false;
      if (this.again) this.limitsChanged();
    });
  }

  /** Sessions that come meanwhile come under the new limits. */
  private *steps(): Generator<void> {
    for (const session of [...this.sessions]) {
      const changing = session.limitsChanged();
      for (;;) {
        try {
          if (changing.next().done === true) break;
        } catch (error) {
          this.onFault(error);
          break;
        }
        yield;
      }
      yield;
    }
  }
}

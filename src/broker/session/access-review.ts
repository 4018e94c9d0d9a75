/**
 * What users may do has changed: routes are asked for again, and each session looks at what it has, in parts.
 */
import type { Work } from '../../clock/work.ts';

/** What a session costs to look at, beside what it has (`src/clock/work.ts`). */
const STEP_UNITS = 2;

/** A session, as far as it is looked at. */
interface Reviewed {
  review(): Generator<void>;
}

/** A vhost, as far as rules matter to it. */
interface Ruled {
  readonly router: { rulesChanged(): void };
}

export class AccessReview {
  /** What is kept for clients that are not there, by who keeps it. */
  readonly absent: (() => Iterable<void>)[] = [];
  private readonly sessions: Iterable<Reviewed>;
  private readonly vhosts: ReadonlyMap<string, Ruled>;
  private readonly work: Work;
  private readonly onFault: (error: unknown) => void;
  private running = false;
  /** They have changed again meanwhile. */
  private allAgain = false;
  /** Sessions of which something has changed. */
  private readonly again = new Set<Reviewed>();

  constructor(
    sessions: Iterable<Reviewed>,
    vhosts: ReadonlyMap<string, Ruled>,
    work: Work,
    onFault: (error: unknown) => void,
  ) {
    this.sessions = sessions;
    this.vhosts = vhosts;
    this.work = work;
    this.onFault = onFault;
  }

  rulesChanged(): void {
    for (const { router } of this.vhosts.values()) router.rulesChanged();
    if (this.running) this.allAgain = true;
    else this.begin(this.steps());
  }

  private begin(steps: Generator<void>): void {
    this.running = true;
    const { work } = this;
    const step = (): boolean => {
      while (steps.next().done !== true) {
        work.spend(STEP_UNITS);
        if (work.over) return false;
      }
      return true;
    };
    work.share().run(step, () => {
      this.running = false;
      if (this.allAgain) {
        this.allAgain = false;
        this.rulesChanged();
      } else if (this.again.size > 0) this.begin(this.some());
    });
  }

  /**
   * What one session may do has changed, or has become known.
   * @param routesToo what it may publish to is to be asked again as well
   */
  sessionChanged(session: Reviewed, vhost: string, routesToo: boolean): void {
    if (routesToo) this.vhosts.get(vhost)?.router.rulesChanged();
    if (this.again.has(session)) return;
    this.again.add(session);
    if (this.running) return;
    this.begin(this.some());
  }

  /** Those that are to be looked at once more. */
  private *some(): Generator<void> {
    for (const session of this.again) {
      this.again.delete(session);
      yield* this.guarded(session.review());
    }
  }

  /** Sessions that come meanwhile come under the new rules. */
  private *steps(): Generator<void> {
    for (const session of [...this.sessions]) yield* this.guarded(session.review());
    for (const kept of this.absent) yield* this.guarded(kept());
  }

  /** What goes wrong with one of them is told, and the others are looked at all the same. */
  private *guarded(reviewing: Iterable<void>): Generator<void> {
    const steps = reviewing[Symbol.iterator]();
    for (;;) {
      try {
        if (steps.next().done === true) break;
      } catch (error) {
        this.onFault(error);
        break;
      }
      yield;
    }
    yield;
  }
}

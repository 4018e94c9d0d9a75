/**
 * A random history of schedules alone: made and removed through lives that end in order, by a kill or without power, on a disk that tears,
 * forgets, fails and fills up. At the end enough time passes, and then: of every schedule that was confirmed, and not removed, as many
 * messages have come as it said, each once; of one that was not, all or none; none before its time.
 */
import { type Delayed, DelayHistory, type DelayReport } from './delays.ts';

interface Made extends Delayed {
  readonly firings: number;
  readonly periodMs: number;
  /** Its removal was asked for. */
  removed: boolean;
  /** And is safe; nothing may come of it after that. */
  firedWhenRemoved: number | undefined;
}

export async function runSchedules(seed: number): Promise<DelayReport> {
  return (await new ScheduleHistory(seed).run()).report();
}

class ScheduleHistory extends DelayHistory {
  private get made(): Made[] {
    return this.messages as Made[];
  }

  protected override publishSome(): void {
    const { session } = this.life;
    if (session.congested) return;
    if (this.made.length > 0 && this.random.chance(0.25)) {
      this.remove(this.random.pick(this.made));
      return;
    }
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const id = this.made.length;
      const draft = this.draft(id, 600);
      const periodMs = this.random.between(20, 800);
      const delayMs = this.random.pick([0, this.random.between(1, 500)]);
      const repeat = this.random.between(0, 6);
      draft.schedule = { id: `s${id}`, user: session.user, delayMs, periodMs, repeat, cron: '' };
      const mark = this.publish('q', draft);
      if (mark < 0) return;
      const made: Made = {
        ...{ id, dueMs: this.clock.epochMs() + (delayMs || periodMs), certain: false },
        ...{ firings: repeat + 1, periodMs, removed: false, firedWhenRemoved: undefined },
      };
      this.made.push(made);
      this.whenSafe(() => {
        made.certain = true;
      }, mark);
    }
  }

  private remove(made: Made): void {
    const { session } = this.life;
    if (!made.certain) return;
    made.removed = true;
    const shown = session.schedules.list().find(({ id }) => id === `s${made.id}`);
    if (!session.schedules.remove(`s${made.id}`)) return;
    const { fired } = shown!;
    this.whenSafe(() => {
      made.firedWhenRemoved ??= fired;
    });
  }

  /** Schedules are not stored ahead of a commit. */
  protected override transact(): void {}

  protected override nothingEarly(): void {
    const nowMs = this.clock.epochMs();
    let due = 0;
    for (const { dueMs, periodMs, firings } of this.made) {
      if (dueMs <= nowMs) due += Math.min(firings, 1 + Math.floor((nowMs - dueMs) / periodMs));
    }
    const waits = this.life.session.checkQueue('q').messages;
    if (waits > due) this.failures.push(`${waits} messages are in the queue when only ${due} can be due`);
  }

  protected override waits(): boolean {
    return this.life.session.schedules.list().length > 0;
  }

  protected override check(): void {
    const counts = new Map<number, number>();
    for (const { id } of this.arrived) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const { id, certain, firings, removed, firedWhenRemoved } of this.made) {
      const came = counts.get(id) ?? 0;
      if (came > firings) this.failures.push(`${id} came ${came} times of ${firings}`);
      else if (firedWhenRemoved !== undefined) {
        if (came !== firedWhenRemoved)
          this.failures.push(`${id} came ${came} times, removed after ${firedWhenRemoved}`);
      } else if (!removed && certain && came < firings) this.failures.push(`${id} came ${came} times of ${firings}`);
      else if (!removed && !certain && came !== 0 && came !== firings) {
        this.failures.push(`${id}, of which nothing was confirmed, came ${came} times of ${firings}`);
      }
    }
  }
}

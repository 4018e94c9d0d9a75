/**
 * A random history of schedules alone: made and removed through lives that end in order, by a kill or without power, on a disk that tears,
 * forgets, fails and fills up. At the end enough time passes, and then: of every schedule that was confirmed, and not removed, as many
 * messages have come as it said, each once; of one that was not, all or none; none before its time.
 */
import { Draft } from '../../../src/message/message.ts';
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
  const history = new ScheduleHistory(seed);
  try {
    await history.run();
  } catch (error) {
    history.failures.push(String((error as Error).stack ?? error));
  }
  return history.report();
}

class ScheduleHistory extends DelayHistory {
  private get made(): Made[] {
    return this.messages as Made[];
  }

  protected override publish(): void {
    const life = this.life!;
    const { session } = life;
    if (session.congested) return;
    if (this.made.length > 0 && this.random.chance(0.25)) {
      this.remove(this.random.pick(this.made));
      return;
    }
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const id = this.made.length;
      const draft = new Draft();
      draft.dialect = 9;
      draft.assurance = 1;
      draft.props = Buffer.from(String(id), 'latin1');
      draft.propsEnd = draft.props.length;
      draft.body = Buffer.alloc(this.random.between(0, 600), 1);
      draft.bodyEnd = draft.body.length;
      const periodMs = this.random.between(20, 800);
      const delayMs = this.random.pick([0, this.random.between(1, 500)]);
      const repeat = this.random.between(0, 6);
      draft.schedule = { id: `s${id}`, user: session.user, delayMs, periodMs, repeat, cron: '' };
      const mark = session.publish(session.route('', 0, Buffer.from('q'), 0, 1), draft);
      if (mark < 0) return;
      const made: Made = {
        ...{ id, dueMs: this.clock.epochMs() + (delayMs || periodMs), certain: false },
        ...{ firings: repeat + 1, periodMs, removed: false, firedWhenRemoved: undefined },
      };
      this.made.push(made);
      session.whenSafe(mark, (failed) => {
        if (life.alive && !failed) made.certain = true;
      });
    }
  }

  private remove(made: Made): void {
    const life = this.life!;
    if (!made.certain) return;
    made.removed = true;
    const shown = life.session.schedules.list().find(({ id }) => id === `s${made.id}`);
    if (!life.session.schedules.remove(`s${made.id}`)) return;
    const { fired } = shown!;
    life.session.whenSafe(life.session.mark(), (failed) => {
      if (life.alive && !failed) made.firedWhenRemoved ??= fired;
    });
  }

  protected override nothingEarly(): void {
    if (this.life === undefined) return;
    const nowMs = this.clock.epochMs();
    let due = 0;
    for (const { dueMs, periodMs, firings } of this.made) {
      if (dueMs <= nowMs) due += Math.min(firings, 1 + Math.floor((nowMs - dueMs) / periodMs));
    }
    const waits = this.life.session.checkQueue('q').messages;
    if (waits > due) this.failures.push(`${waits} messages are in the queue when only ${due} can be due`);
  }

  protected override waits(): boolean {
    return this.life!.session.schedules.list().length > 0;
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

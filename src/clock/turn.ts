/**
 * A turn of the event loop, and its end: work that is done once, however many messages the turn moved.
 *
 * First those connections go on whose input had to wait (`work.ts`). Then three phases in a fixed order, because
 * each feeds the next: what was gathered is appended to the log (`gather`), the log starts its flush (`flush`), every
 * connection that has bytes writes them (`write`). Work that a phase adds to its own or a later phase is done in the same
 * pass; work for an earlier phase waits for the next turn.
 *
 * A turn is not to last, whoever has much to do in it. A task that gathers asks `work.over` and goes on with `addLater`; of
 * the connections that have bytes, some write them in the next turn when there are very many. What is left of earlier turns
 * comes behind what is new, but some of it always comes: so a small thing does not wait for a thousand large ones. Neither does
 * it for a thousand small ones that one message has brought about: a crowd comes behind as well.
 */
import type { Clock } from './clock.ts';
import { Work } from './work.ts';

/** Something to be done at the end of a turn. */
export interface TurnTask {
  /** True while it is listed; set by the turn alone, so that a task is listed once. Begin with false. */
  inTurn: boolean;
  /** Called once for each `Turn.add`; it may add itself again. What it throws is logged as a fault, and other tasks go on. */
  endOfTurn(): void;
  /** Bytes that it is about to write: those that write little come first. Left out: little. */
  readonly writeBytes?: number;
}

/** Whoever writes no more than this does not wait for those who write more. */
const SMALL_WRITE_BYTES = 4 * 1024;

/** What was gathered in the turn is worked on: deliveries, settlements, confirms; what was paused is resumed. */
export const PHASE_GATHER = 0;
/** The log starts its flush. */
export const PHASE_FLUSH = 1;
/** Connections write their bytes. */
export const PHASE_WRITE = 2;
export type Phase = 0 | 1 | 2;

export class Turn {
  /** The budget of work: what is done for clients is counted here, and has its time. */
  readonly work: Work;
  /** Counts turns, from 0: so that work can be told apart by the turn that it was done in. */
  number = 0;
  private readonly phases: TurnTask[][] = [[], [], []];
  /** What was put off to the next turn, by phase, the oldest first. */
  private readonly later: TurnTask[][] = [[], [], []];
  /**
   * What is listed to hand out or to write now is one of very many for which there is one cause. Set by whoever hands a message to
   * very many; back to false when that is done.
   */
  crowd = false;
  private armed = false;
  private readonly clock: Clock | null;
  private readonly serving: TurnTask = { inTurn: false, endOfTurn: () => this.work.serve() };
  /**
   * Called with what a task threw; the others go on: a fault costs the one that has it, never the process. Undefined: it is thrown
   * on from `end`.
   */
  onError: ((error: unknown) => void) | undefined = undefined;
  private readonly run = (): void => this.end();

  /** @param clock default: none, and then no turn is ever too long */
  constructor(clock: Clock | null = null) {
    this.clock = clock;
    this.work = new Work(clock, () => this.arm());
  }

  /**
   * Has `task.endOfTurn` called in this phase, unless it is listed already. Added within a phase: in this pass for the same phase
   * and later ones, in the next turn for earlier ones.
   */
  add(phase: Phase, task: TurnTask): void {
    if (task.inTurn) return;
    task.inTurn = true;
    this.phases[phase]!.push(task);
    if (!this.armed) this.arm();
  }

  /** The same for what hands out messages, or writes them: one of a crowd comes in this turn too, if there is time, but behind. */
  addDelivery(phase: typeof PHASE_GATHER | typeof PHASE_WRITE, task: TurnTask): void {
    if (this.crowd) this.addLater(phase, task);
    else this.add(phase, task);
  }

  /** The same in the next turn, behind what is new by then: for a task that goes on where it stopped. */
  addLater(phase: Phase, task: TurnTask): void {
    if (task.inTurn) return;
    task.inTurn = true;
    this.later[phase]!.push(task);
    this.arm();
  }

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    setImmediate(this.run);
  }

  /** Runs the phases now. A broker's turn ends by itself; tests and `close` call it. */
  end(): void {
    this.armed = true; // what is added while running is picked up below or armed for the next turn
    this.crowd = false; // whoever has set it may have failed
    this.finish(this.serving);
    this.gather();
    this.runAll(PHASE_FLUSH);
    this.write();
    this.work.begin();
    this.number++;
    this.armed = false;
    if (this.pending) this.arm();
  }

  private finish(task: TurnTask): void {
    task.inTurn = false;
    if (this.onError === undefined) {
      task.endOfTurn();
      return;
    }
    try {
      task.endOfTurn();
    } catch (error) {
      this.onError(error);
    }
  }

  /** Reports what one of several callbacks has thrown that were called outside of a turn's end; without `onError` it is thrown on. */
  fault(error: unknown): void {
    if (this.onError === undefined) throw error;
    this.onError(error);
  }

  private get pending(): boolean {
    const { phases, later } = this;
    for (let phase = 0; phase < 3; phase++) if (phases[phase]!.length > 0 || later[phase]!.length > 0) return true;
    return this.work.pending;
  }

  private gather(): void {
    const { work } = this;
    const late = this.later[PHASE_GATHER]!;
    const count = late.length; // what is put off now waits for the next turn
    const startMs = this.nowMs();
    work.begin();
    this.runGathering();
    if (count === 0) return;
    // What is left of before has a time of its own, and what is new has left over. What it brings about comes behind as well.
    const stretchMs = work.stretchAt(startMs);
    work.begin(2 * stretchMs - Math.min(stretchMs, this.nowMs() - startMs));
    this.crowd = true;
    let done = 0;
    while (done < count && !work.over) {
      const task = late[done++]!;
      this.finish(task);
    }
    this.crowd = false;
    late.splice(0, done);
    this.runGathering();
  }

  /**
   * What is woken by what is done here is done as well, while there is time: queues that send each other what has died would
   * otherwise wake one another for as long as anything is left.
   */
  private runGathering(): void {
    const tasks = this.phases[PHASE_GATHER]!;
    const woken = tasks.length;
    for (let i = 0; i < tasks.length; i++) {
      if (i >= woken && this.work.over) {
        for (const task of tasks.splice(i)) this.later[PHASE_GATHER]!.push(task);
        break;
      }
      this.finish(tasks[i]!);
    }
    tasks.length = 0;
  }

  private runAll(phase: Phase): void {
    const tasks = this.phases[phase]!;
    for (let i = 0; i < tasks.length; i++) {
      const task = tasks[i]!;
      this.finish(task);
    }
    tasks.length = 0;
  }

  /** Each of these may be a call to the system with half a megabyte: many take longer than others should have to wait. */
  private write(): void {
    const late = this.later[PHASE_WRITE]!;
    const fresh = this.phases[PHASE_WRITE]!;
    if (late.length === 0 && fresh.length <= 1) {
      this.runAll(PHASE_WRITE);
      return;
    }
    const startMs = this.nowMs();
    const stretchMs = this.work.stretchAt(startMs);
    const before = late.length;
    if (fresh.length > 1) smallFirst(fresh);
    this.runSome(fresh, Number.POSITIVE_INFINITY, startMs + stretchMs);
    this.runSome(late, before, Math.max(startMs + 2 * stretchMs, this.nowMs() + stretchMs));
    for (const task of fresh.splice(0)) late.push(task);
  }

  /** Takes out what it runs of the first `count`; what the time does not reach for is left. */
  private runSome(tasks: TurnTask[], count: number, endMs: number): void {
    let done = 0;
    while (done < tasks.length && done < count) {
      if (done > 0 && this.nowMs() >= endMs) break;
      const task = tasks[done++]!;
      this.finish(task);
    }
    tasks.splice(0, done);
  }

  /** For who bounds a slice by time; 0 without a clock: no time is up then. */
  nowMs(): number {
    return this.clock === null ? 0 : this.clock.monotonicMs();
  }
}

/** In place; both parts keep their order. */
function smallFirst(tasks: TurnTask[]): void {
  let large: TurnTask[] | null = null;
  let small = 0;
  for (const task of tasks) {
    if ((task.writeBytes ?? 0) > SMALL_WRITE_BYTES) (large ??= []).push(task);
    else tasks[small++] = task;
  }
  if (large !== null) for (const task of large) tasks[small++] = task;
}

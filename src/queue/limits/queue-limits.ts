/**
 * The limits of a queue: messages that have waited too long go, and so do the oldest of too many, or new ones are not taken.
 * Most queues have none.
 *
 * Nothing is kept for a message that waits: when it expires follows from when it arrived, how long its publisher gives it
 * and how long the queue does. So expiry is looked at where messages leave, at the head: when one is handed out, and by one
 * timer a queue that is set for the head only. A message behind one that lives longer goes when that one does, or sooner if
 * somebody takes it away (as RabbitMQ has it).
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import { PHASE_WRITE, type Turn, type TurnTask } from '../../clock/turn.ts';
import type { DeathReason } from '../../message/deaths/deaths.ts';
import type { Draft, MessageView } from '../../message/message.ts';
import { withLevel } from '../entry-flags.ts';
import { ByteCount, type SizeOf } from './byte-count.ts';
import type { QueueSettings } from './settings.ts';

/** Messages that are ended in one turn at most: others want to work as well. */
export const ENDED_PER_TURN_MAX = 2048;

/** What has become of a queue's head. It is absent when it must be fetched first. */
const GONE = 0;
const STAYS = 1;
const ABSENT = 2;

/** The queue, as its limits see it. */
export interface LimitedQueue {
  /** Ready messages. */
  readonly messages: number;
  /** Nothing is unsettled or parked either. */
  readonly isEmpty: boolean;
  /** What expires is to stay for now. */
  readonly keepsDead: boolean;
  /** Hands out what consumers can take, and ends what is too old or too much. */
  catchUp(): void;
  headSeq(): number;
  /** Which message is to end next, where one is too many: that is the head from now on, until `endHead`. */
  chooseSurplus(): void;
  /** Shows the head; null if it must be fetched first, and then the queue comes back by itself. */
  showHead(): MessageView | null;
  /** Takes the head away for good. */
  endHead(reason: DeathReason): void;
  /** Look again at the turn's end. */
  wake(): void;
  sizeOf(...question: Parameters<SizeOf>): void;
  forEachReady(visit: (seq: number, flags: number) => void): void;
}

export interface TurnTime {
  readonly clock: Clock;
  readonly turn: Turn;
  /** Epoch milliseconds, the same throughout a turn. */
  nowMs(): number;
}

export class QueueLimits {
  /** A message may expire: the queue gives them a time to live, or one came that had its own. */
  mayExpire = false;
  private settings: QueueSettings;
  private bytes: ByteCount | null = null;
  /** The first that arrived in this turn, of those in order: they are offered before their time is looked at. */
  private fresh = Number.POSITIVE_INFINITY;
  /** The last that arrived at all. */
  private newest = -1;
  /** The same for those that arrived in this turn after later ones, having been held back: mostly none. */
  private late: Set<number> | null = null;
  /** When the timer looks at the head again. */
  private armedMs = Number.POSITIVE_INFINITY;
  private readonly timer = new Timer(() => {
    this.armedMs = Number.POSITIVE_INFINITY;
    this.queue.wake();
  });
  private readonly queue: LimitedQueue;
  private readonly time: TurnTime;
  /** A task that is added in a later phase waits for the next turn. */
  private readonly nextTurn: TurnTask = { inTurn: false, endOfTurn: () => this.queue.wake() };

  constructor(queue: LimitedQueue, settings: QueueSettings, time: TurnTime) {
    this.queue = queue;
    this.settings = settings;
    this.time = time;
    this.apply(settings);
  }

  /** Other settings hold from now on. */
  apply(settings: QueueSettings): void {
    this.settings = settings;
    if (settings.messageTtlMs >= 0) this.mayExpire = true;
    if (settings.bytesMax === Number.POSITIVE_INFINITY) this.bytes = null;
    else this.bytes ??= new ByteCount();
    this.disarm();
  }

  /** Bytes that wait; undefined: they are not counted. */
  get readyBytes(): number | undefined {
    return this.bytes?.total;
  }

  /** What waits already has to be counted. */
  begin(): void {
    if (this.bytes === null) return;
    const waiting: [number, number][] = [];
    this.queue.forEachReady((seq, flags) => waiting.push([seq, flags]));
    this.bytes.begin(waiting);
  }

  // -------------------------------------------------------------------------------------------------------- coming

  /** Whether one more message is one too many, and its publisher to be told so. */
  refuses(bytes: number): boolean {
    if (this.settings.overflow === 'drop-head' || this.hasRoom(bytes)) return false;
    // What is too old, and what consumers would take, does not count.
    this.queue.catchUp();
    return !this.hasRoom(bytes);
  }

  private hasRoom(bytes: number): boolean {
    const { lengthMax, bytesMax } = this.settings;
    const total = this.bytes === null ? 0 : this.bytes.total;
    return this.queue.messages < lengthMax && total + bytes <= bytesMax;
  }

  /** A message is on its way in; returns its flags. */
  prepare(seq: number, flags: number, draft: Draft): number {
    const { priorityMax } = this.settings;
    if (draft.ttlMs >= 0) this.mayExpire = true;
    this.bytes?.expected(seq, draft.large === null ? draft.bodyEnd - draft.bodyStart : draft.large.length);
    return priorityMax < 0 ? flags : withLevel(flags, draft.priority, priorityMax);
  }

  /** A message waits, for the first time. */
  arrived(seq: number): void {
    if (seq > this.newest) {
      this.newest = seq;
      if (seq < this.fresh) this.fresh = seq;
    } else if (seq < this.fresh) {
      this.late ??= new Set();
      this.late.add(seq);
    }
    this.bytes?.entered(seq);
  }

  /** What has arrived in this turn was offered to whoever could take it. */
  offered(): void {
    this.fresh = Number.POSITIVE_INFINITY;
    this.late = null;
  }

  /** A message waits again. */
  returned(seq: number): void {
    this.bytes?.entered(seq);
  }

  // ------------------------------------------------------------------------------------------------------- leaving

  /** Whether the message shown is to go to nobody any more. */
  isOver(seq: number, view: MessageView): boolean {
    if (!this.mayExpire || seq >= this.fresh || this.dueMs(view) > this.time.nowMs()) return false;
    return this.late === null || !this.late.has(seq);
  }

  /** A message does not wait any more. @param held it may come back */
  left(seq: number, view: MessageView, held: boolean): void {
    this.bytes?.left(seq, view.bodyLength, held);
  }

  /** A message is done with. */
  gone(seq: number): void {
    this.bytes?.forget(seq);
  }

  /** It has a limit on bytes. */
  get countsBytes(): boolean {
    return this.bytes !== null;
  }

  /** Everything that waited is gone. */
  emptied(): void {
    this.bytes?.emptied();
  }

  private dueMs(view: MessageView): number {
    const { messageTtlMs } = this.settings;
    const own = view.expiresAtMs === 0 ? Number.POSITIVE_INFINITY : view.expiresAtMs;
    return messageTtlMs < 0 ? own : Math.min(own, view.arrivedAtMs + messageTtlMs);
  }

  private get overfull(): boolean {
    const { lengthMax, bytesMax, overflow } = this.settings;
    if (overflow !== 'drop-head') return false;
    return this.queue.messages > lengthMax || (this.bytes !== null && this.bytes.total > bytesMax);
  }

  // -------------------------------------------------------------------------------------------------- by themselves

  /**
   * After what could be handed out was: ends what is too old or too much. False: there is more of it than fits into a turn,
   * or the head must be fetched first.
   * @param asked somebody wants to know how many are left: however long the turn has taken
   */
  enforce(asked = false): boolean {
    if (this.bytes !== null && !this.bytes.complete) {
      this.bytes.read(
        (seq, flags, done) => this.queue.sizeOf(seq, flags, done),
        () => this.resumeNextTurn(),
      );
    }
    const { queue } = this;
    const { work } = this.time.turn;
    for (let n = 0; queue.messages > 0; n++) {
      const overfull = this.overfull;
      if (!overfull && !this.mayExpire) return true;
      if (n === ENDED_PER_TURN_MAX) {
        this.resumeNextTurn();
        return false;
      }
      const left = this.endHead(overfull);
      if (left !== GONE) return left === STAYS;
      work.spend(1);
      if (work.over && !asked) {
        this.resumeNextTurn();
        return false;
      }
    }
    this.disarm();
    if (this.settings.messageTtlMs < 0 && queue.isEmpty) this.mayExpire = false;
    return true;
  }

  /** There is more to do than fits into a turn. */
  resumeNextTurn(): void {
    this.time.turn.add(PHASE_WRITE, this.nextTurn);
  }

  private endHead(overfull: boolean): typeof GONE | typeof STAYS | typeof ABSENT {
    const { queue } = this;
    if (overfull) queue.chooseSurplus();
    if (this.mayExpire || this.bytes !== null) {
      const view = queue.showHead();
      if (view === null) return ABSENT;
      const leftMs = overfull ? 0 : this.dueMs(view) - this.time.nowMs();
      if (leftMs > 0) {
        this.arm(leftMs);
        return STAYS;
      }
      if (!overfull && queue.keepsDead) return STAYS;
      this.left(queue.headSeq(), view, false);
    }
    queue.endHead(overfull ? 'maxlen' : 'expired');
    return GONE;
  }

  private arm(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) return;
    const atMs = this.time.nowMs() + delayMs;
    if (atMs >= this.armedMs) return; // it looks again before that, and is set anew
    this.armedMs = atMs;
    this.time.clock.schedule(this.timer, delayMs);
  }

  /** The queue is empty, or gone. */
  disarm(): void {
    this.armedMs = Number.POSITIVE_INFINITY;
    this.time.clock.cancel(this.timer);
  }
}

/**
 * What waits in a queue, in the order in which it goes: what came back, then what was never handed out; by levels where it
 * has any. Whoever must know is told of what comes: the queue's terms, and those who read from the middle.
 */
import type { QueueOptions } from '../../api/topology.ts';
import type { Matching } from '../dispatch/selective-dispatch.ts';
import { FLAG_DELIVERED, levelOf, withLevel } from '../entry-flags.ts';
import type { Terms } from '../limits/queue-limits.ts';
import type { Chunk } from '../positions/packed-positions.ts';
import type { Slab } from '../positions/position-arena.ts';
import { Positions } from '../positions/positions.ts';
import { Returned } from '../positions/returned-positions.ts';
import { Holed } from '../positions/sparse-positions.ts';
import { Levels, type Waiting } from './priority-levels.ts';

// Most queues are idle most of the time: what they do not need yet is shared by all of them, and never written to.
const NO_RETURNED = new Returned();
const ONE_LEVEL: readonly number[] = [0];

export abstract class Backlog {
  // What each publish looks at comes first, so that it lies together.
  inTurn = false;
  readonly durable: boolean;
  /** At-most-once messages go to the queue's direct subscriber rather than into the queue. */
  readonly directMode: boolean;
  /** It takes every message as it comes: nothing to be asked or noted before `push`. */
  plain = true;
  /** When it is full it takes no more, and says so. */
  rejects = false;
  /** Its publishers are to wait for its consumers (`pace.ts`). */
  ahead = false;
  /** It has consumers, or terms: there is something to do at a turn's end. */
  protected attended = false;
  protected ready: Waiting;
  protected returned = NO_RETURNED;
  /** Null for a queue that does nothing by itself. */
  protected terms: Terms | null = null;
  /** Null where every consumer takes every message. */
  protected matching: Matching | null = null;
  /** Null for a queue that knows no priorities. */
  protected readonly levels: Levels | null;
  private readonly priorityMax: number;

  constructor(slab: Slab, options: QueueOptions, priorityMax: number) {
    this.durable = options.durable;
    this.directMode = options.atMostOnce === 'direct';
    this.priorityMax = priorityMax;
    this.levels = priorityMax < 0 ? null : new Levels(slab);
    this.ready = this.levels ?? new Positions(slab);
  }

  /** Something may be deliverable: look at the end of this turn. */
  abstract wake(): void;

  /** Messages that wait, not those that are held. */
  get messages(): number {
    return this.ready.length + this.returned.length;
  }

  /** Takes a message whose reference has been counted. */
  push(seq: number, flags: number): void {
    if (seq > this.ready.lastSeq()) this.ready.push(seq, flags);
    else this.addReturned(seq, flags); // it was held back while others passed: to its own place
    if (this.terms !== null) this.terms.arrived(seq);
    if (this.matching !== null) this.matching.arrived(this.levelOf(flags), seq);
    this.wake();
  }

  /** The flags of a message of this priority. */
  withPriority(flags: number, priority: number): number {
    return this.levels === null ? flags : withLevel(flags, priority, this.priorityMax);
  }

  private levelOf(flags: number): number {
    return this.levels === null ? 0 : levelOf(flags);
  }

  protected addReturned(seq: number, flags: number): void {
    if (this.matching !== null) this.matching.arrived(this.levelOf(flags), seq);
    if (this.levels !== null) {
      this.levels.push(seq, flags);
      return;
    }
    if (this.returned === NO_RETURNED) this.returned = new Returned();
    this.returned.add(seq, flags);
  }

  /** Whether the next in order is one that came back. */
  protected returnedFirst(): boolean {
    const { returned, ready } = this;
    return returned.length > 0 && (ready.length === 0 || returned.headSeq() < ready.headSeq());
  }

  headSeq(): number {
    return this.returnedFirst() ? this.returned.headSeq() : this.ready.headSeq();
  }

  protected headFlags(): number {
    return this.returnedFirst() ? this.returned.headFlags() : this.ready.headFlags();
  }

  protected shiftHead(): void {
    if (this.returnedFirst()) this.returned.shift();
    else this.ready.shift();
  }

  forEachReady(visit: (seq: number, flags: number) => void): void {
    this.returned.forEach(visit);
    this.ready.forEach(visit);
  }

  /** Nothing waits any more. */
  protected empty(): void {
    this.returned = NO_RETURNED;
    this.ready.clear();
  }

  // -------------------------------------------------------------------------------------------- from the middle

  /** From now on messages are taken from the middle, too. */
  protected makeHoles(): void {
    if (this.levels !== null) this.levels.makeHoles();
    else if (this.ready instanceof Positions) this.ready = new Holed(this.ready);
  }

  levelsInUse(): readonly number[] {
    return this.levels === null ? ONE_LEVEL : this.levels.levels();
  }

  readAfter(level: number, after: number, max: number, visit: (seq: number, flags: number) => void): void {
    if (this.levels === null) (this.ready as Holed).readAfter(after, max, visit);
    else this.levels.readAfter(level, after, max, visit);
  }

  readReturned(level: number, after: number, max: number, visit: (seq: number, flags: number) => void): void {
    if (this.levels === null) this.returned.readAfter(after, max, visit);
    else this.levels.readReturned(level, after, max, visit);
  }

  /** From wherever it waits; false if it does not wait any more. */
  protected takeOut(seq: number, flags: number): boolean {
    if (this.levels !== null) return this.levels.takeOut(seq, flags);
    return (this.ready as Holed).takeOut(seq) || (this.returned.length > 0 && this.returned.bury(seq));
  }

  // ---------------------------------------------------------------------------------- recovery and checkpoints

  /** Recovery: positions from a checkpoint. */
  recoverChunk(chunk: Chunk): void {
    this.ready.adopt(chunk);
  }

  recoverHeld(seq: number, flags: number): void {
    this.addReturned(seq, flags);
  }

  /** @param unclean it cannot be known which messages had been handed out: all of them may have been */
  recovered(unclean: boolean): void {
    this.ready.compact(unclean ? FLAG_DELIVERED : 0);
    if (unclean) this.returned.mark(FLAG_DELIVERED);
  }

  /** What waits in order, packed. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    this.ready.forEachChunk(visit);
  }
}

/**
 * The blocks of one store that are in memory, kept within a budget of bytes. They leave in the order they came, but one that
 * was read since gets a second round: a queue's fresh tail goes before the head that consumers are at, and a long read of the
 * past goes by without driving out what is read all the time. Nothing leaves in the middle of a turn, because somebody may be
 * reading.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Block } from './block.ts';

/** So many free buffers are kept for good. */
const FREE_MIN = 8;
/** What was free all the time for so long goes back to the operating system. */
const UNUSED_MS = 500;

export class ResidentBlocks<B extends Block> {
  readonly blockBytes: number;
  readonly budgetBytes: number;
  /** So much of the budget is used for something else for a while. */
  lentBytes = 0;
  /** So much of it is used for what was read in runs. */
  besideBytes = 0;
  /** Bytes of blocks in memory, the free ones left out. */
  bytes = 0;
  private queue: B[] = [];
  private head = 0;
  private readonly free: Buffer[] = [];
  /** Buffers that were given up in this turn: somebody may still be reading them. */
  private readonly leaving: Buffer[] = [];
  private readonly clock: Clock | null;
  /** The fewest that were free since somebody looked. */
  private fewestFree = 0;
  private readonly unused = new Timer(() => this.letUnusedGo());

  /** @param clock null: few buffers are kept, whatever is about to be needed */
  constructor(blockBytes: number, budgetBytes: number, clock: Clock | null = null) {
    this.blockBytes = blockBytes;
    this.budgetBytes = budgetBytes;
    this.clock = clock;
  }

  /** A buffer to fill; what is in it is arbitrary. */
  take(): Buffer {
    const kept = this.free.pop();
    if (this.free.length < this.fewestFree) this.fewestFree = this.free.length;
    return kept ?? Buffer.allocUnsafeSlow(this.blockBytes);
  }

  /**
   * A store that fills and empties gives up some dozen blocks in a moment and wants them back in the next: made anew each time they had the
   * engine collect its whole heap, for milliseconds, several times a second.
   */
  private keepFree(buffer: Buffer): void {
    const { free, clock } = this;
    if (free.length < FREE_MIN) {
      free.push(buffer);
      return;
    }
    if (clock === null || this.bytes + (free.length + 1) * this.blockBytes > 2 * this.budgetBytes) return;
    free.push(buffer);
    if (this.unused.scheduled) return;
    this.fewestFree = free.length;
    clock.schedule(this.unused, UNUSED_MS);
  }

  private letUnusedGo(): void {
    const { free } = this;
    // What has been made room for is taken block by block, as fast as copying goes.
    const kept = Math.max(FREE_MIN, Math.ceil(this.lentBytes / this.blockBytes));
    free.length = Math.max(Math.min(free.length, kept), free.length - this.fewestFree);
    this.fewestFree = free.length;
    if (free.length > FREE_MIN) this.clock!.schedule(this.unused, UNUSED_MS);
  }

  /** Counts a block that has just got its buffer. */
  admit(block: B): void {
    this.bytes += block.buffer.length;
    this.queue.push(block);
  }

  /** Takes a block's buffer away; it is used again after the end of the turn. */
  evict(block: B): void {
    const { buffer } = block;
    const memory = block.takeMemory();
    this.bytes -= buffer.length;
    if (memory?.isPinned) memory.onFree = () => this.giveBack(buffer);
    else this.giveBack(buffer);
    block.evict();
  }

  /** A buffer that never was a block's, or is one no more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === this.blockBytes) this.leaving.push(buffer);
  }

  /**
   * At the end of a turn: keeps within the budget by giving up what `may` allows, oldest first. `give` is told which block
   * goes; it evicts it, or starts what must be done first and returns.
   */
  endOfTurn(may: (block: B) => boolean, give: (block: B) => void): void {
    const leaving = this.leaving;
    if (leaving.length > 0) {
      for (const buffer of leaving) this.keepFree(buffer);
      leaving.length = 0;
    }
    const budgetBytes = Math.max(this.blockBytes, this.budgetBytes - this.lentBytes - this.besideBytes);
    if (this.bytes <= budgetBytes) {
      if (this.queue.length > 1024) this.compact();
      return;
    }
    // Two rounds: the first takes away the marks of use.
    for (let n = (this.queue.length - this.head) * 2; n > 0 && this.bytes > budgetBytes; n--) {
      const block = this.queue[this.head++];
      if (block === undefined) break;
      if (!block.resident) continue;
      if (block.used || !may(block)) {
        block.used = false;
        this.queue.push(block);
      } else {
        give(block);
        if (block.resident) this.queue.push(block);
      }
    }
    if (this.head > 64) this.compact();
  }

  private compact(): void {
    const seen = new Set<B>();
    const kept: B[] = [];
    for (let i = this.head; i < this.queue.length; i++) {
      const block = this.queue[i]!;
      if (!block.resident || seen.has(block)) continue;
      seen.add(block);
      kept.push(block);
    }
    this.queue = kept;
    this.head = 0;
  }
}

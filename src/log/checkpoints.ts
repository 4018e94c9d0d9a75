/**
 * Where replay may begin, and when the next checkpoint is due. A checkpoint is the owner's whole state in ordinary records,
 * written over as many turns as it takes while everything else goes on:
 *
 *     idle ──begin──▶ running ──end──▶ ended ──its flush is on the disk──▶ idle, and replay may begin with it
 *       ▲                │
 *       └──── a kill ────┘   the one before still counts, and its segments are still there
 */
import { appendTable, type OwnRecords, RECORD_CHECKPOINT_END } from './own-records.ts';
import type { Segment } from './segment.ts';

const DEFAULT_CHECKPOINT_BYTES = 128 * 1024 * 1024;
/** At least so many times what a checkpoint takes lies between the beginnings of two. */
const SIZE_FACTOR = 4;

export class Checkpoints {
  /** The segment where replay may begin: the last checkpoint that is complete and on the disk begins there. */
  safe: number;
  /** The segment where the checkpoint that is being written began; 0 if none is. */
  running = 0;
  /** The one that is complete and on its way to the disk; 0 if there is none. */
  ended = 0;
  private endedMark = 0;
  private readonly intervalBytes: number;
  private begunAt = 0;
  private ownBytesAtBegin = 0;
  /** What the last one took, bytes. */
  private sizeBytes = 0;

  constructor(safe: number, intervalBytes = DEFAULT_CHECKPOINT_BYTES) {
    this.safe = safe;
    this.intervalBytes = intervalBytes;
  }

  /** @param appendedBytes all that was appended in this life; @param unsequencedBytes how much of it no message is */
  begin(segment: number, appendedBytes: number, unsequencedBytes: number): void {
    this.running = segment;
    this.begunAt = appendedBytes;
    this.ownBytesAtBegin = unsequencedBytes;
  }

  /** Writes the tables of all segments before the checkpoint, then that it is complete. */
  end(log: OwnRecords, segments: readonly Segment[]): void {
    const { running } = this;
    for (const segment of segments) if (segment.number < running) appendTable(log, segment);
    const at = log.append(RECORD_CHECKPOINT_END, 4);
    log.buffer.writeUInt32LE(running, at);
    this.running = 0;
    this.ended = running;
  }

  /** `mark` is the flush that takes its end; `unsequencedBytes` as in `begin`. */
  endsWith(mark: number, unsequencedBytes: number): void {
    this.endedMark = mark;
    this.sizeBytes = unsequencedBytes - this.ownBytesAtBegin;
  }

  /** True if that made a checkpoint safe. */
  synced(mark: number): boolean {
    if (this.ended === 0 || mark < this.endedMark) return false;
    this.safe = this.ended;
    this.ended = 0;
    return true;
  }

  due(appendedBytes: number): boolean {
    return (
      this.running === 0 &&
      this.ended === 0 &&
      appendedBytes - this.begunAt > Math.max(this.intervalBytes, SIZE_FACTOR * this.sizeBytes)
    );
  }
}

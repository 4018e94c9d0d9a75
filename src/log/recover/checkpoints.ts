/**
 * Checkpoints: where replay may begin, and when the next one is due. A checkpoint is the owner's whole state in ordinary
 * records, written over as many turns as it takes while everything else goes on:
 *
 *     idle ──begin──▶ running ──end──▶ ended ──its flush is on the disk──▶ idle, and replay may begin with it
 *       ▲                │
 *       └──── a kill ────┘   the one before still counts, and its segments are still there
 *
 * What was appended since the last one stays on the disk, dead or not. So where little is alive they follow each other more
 * closely, at a quarter of what lives, within bounds; but never so closely that they are much of what is written.
 */

import type { Segment } from '../blocks/segment.ts';
import { appendTable, type OwnRecords, RECORD_CHECKPOINT_END } from '../format/own-records.ts';

/** The part of what is alive that may lie between the beginnings of two. */
const LIVE_SHARE = 1 / 4;
/** At least so many times what a checkpoint takes lies there, and so many times unless it is more than `bytesMax`. */
const SIZE_FACTOR = 4;
const EASY_FACTOR = 64;

export class Checkpoints {
  /** The segment where replay may begin: the last checkpoint that is complete and on the disk begins there. */
  safe: number;
  /** The segment where the checkpoint that is being written began; 0 if none is. */
  running = 0;
  /** The one that is complete and on its way to the disk; 0 if there is none. */
  ended = 0;
  private endedMark = 0;
  private readonly bytesMin: number;
  private readonly bytesMax: number;
  private begunAt = 0;
  /** What is alive is looked at when so much has been appended. */
  private lookBytes: number;
  private ownBytesAtBegin = 0;
  /** What the last one took, bytes. */
  private sizeBytes = 0;

  /** Between the beginnings of two lie `bytesMin` at least, and `bytesMax` unless a checkpoint itself takes much. */
  constructor(safe: number, bytesMin: number, bytesMax: number) {
    this.safe = safe;
    this.bytesMin = Math.min(bytesMin, bytesMax);
    this.bytesMax = bytesMax;
    this.lookBytes = this.bytesMin;
  }

  /** @param appendedBytes all that was appended in this life; @param unsequencedBytes how much of it no message is */
  begin(segment: number, appendedBytes: number, unsequencedBytes: number): void {
    this.running = segment;
    this.begunAt = appendedBytes;
    this.lookBytes = this.bytesMin;
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

  /** @param liveBytes reckons what is alive; it is not asked often */
  due(appendedBytes: number, liveBytes: () => number): boolean {
    const grownBytes = appendedBytes - this.begunAt;
    if (grownBytes <= this.lookBytes || this.running !== 0 || this.ended !== 0) return false;
    const easyBytes = Math.min(this.bytesMax, EASY_FACTOR * this.sizeBytes);
    const wantedBytes = Math.min(this.bytesMax, LIVE_SHARE * liveBytes());
    const bytes = Math.max(this.bytesMin, easyBytes, wantedBytes, SIZE_FACTOR * this.sizeBytes);
    if (grownBytes > bytes) return true;
    this.lookBytes = Math.min(bytes, grownBytes + this.bytesMin / 4);
    return false;
  }

  /** Nothing has been written for a while: is there more to be won by a checkpoint than the least that lies between two? */
  worthwhile(appendedBytes: number): boolean {
    const grownBytes = appendedBytes - this.begunAt;
    return this.running === 0 && this.ended === 0 && grownBytes > Math.max(this.bytesMin, SIZE_FACTOR * this.sizeBytes);
  }
}
